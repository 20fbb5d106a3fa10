"""An emulated MFRC522 without a card, in the place of the bus: this machine has no SPI."""

from hardware.emulated.cards import Field
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module

SpiDev = spidev_module(Mfrc522Chip(Field())).SpiDev
