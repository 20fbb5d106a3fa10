"""How a station is wired: the hardware part of `station.toml`, as typed values with the contract's defaults.

Pins are BCM numbers everywhere, times are milliseconds as in the file.
"""

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["low", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderWiring:
    """`[reader]`: the MFRC522 on its SPI bus."""

    spi_bus: int = 0
    spi_device: int = 0
    reset_pin: int = 25
    poll_interval_ms: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LightsWiring:
    """`[lights]`: the strip and which of its pixels are the main light."""

    kind: Literal["ws281x", "pio", "rgb", "none"] = "ws281x"
    socket: str = "/run/station-lights/socket"
    pin: int = 18
    pixels: int = 24
    main: tuple[int, int] = (0, 7)
    brightness: float = 0.5
    max_ma: int | None = None
    rgb_pins: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Red, green and blue of each light ("main", and each slot by its number); of kind "rgb" only."""
    colours: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SolenoidWiring:
    """`[slots.lock]` of kind "solenoid": power holds it locked."""

    kind: Literal["solenoid"] = "solenoid"
    pin: int
    hold_duty: float = 1.0
    pull_in_ms: int = 150
    sensor_pin: int | None = None
    sensor_locked: Level = "low"
    move_timeout_ms: int = 800
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MotorWiring:
    """`[slots.lock]` of kind "motor": a pulse moves it either way."""

    kind: Literal["motor"] = "motor"
    lock_pin: int
    unlock_pin: int
    pulse_ms: int = 300
    sensor_pin: int | None = None
    sensor_locked: Level = "low"
    move_timeout_ms: int = 800
    attempts: int = 3


LockWiring = SolenoidWiring | MotorWiring


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWiring:
    """`[[slots]]`: one slot's lock and its pixels on the strip."""

    number: int
    lights: tuple[int, int]
    lock: LockWiring
    presence_pin: int | None = None
    power_permit_pin: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Everything the station touches. `kind` picks the chips by name; one is never a fallback for the other."""

    kind: Literal["raspberry-pi", "simulated"] = "raspberry-pi"
    release_pin: int | None = None
    reader: ReaderWiring = field(default_factory=ReaderWiring)
    lights: LightsWiring = field(default_factory=LightsWiring)
    slots: tuple[SlotWiring, ...]
