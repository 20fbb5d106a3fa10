"""The emulated spidev behaves like the C module where a driver can tell."""

from typing import Any

import pytest

from hardware.emulated.spidev import spidev_module


def test_only_the_device_that_exists_can_be_opened(bench: Any) -> None:
    module = spidev_module(bench.chip, bus=1, device=2)
    module.SpiDev().open(1, 2)
    with pytest.raises(FileNotFoundError, match=r"/dev/spidev0\.0"):
        module.SpiDev().open(0, 0)


def test_a_closed_device_is_a_bad_descriptor(bench: Any) -> None:
    spi = bench.spidev.SpiDev()
    with pytest.raises(OSError, match="Bad file descriptor"):
        spi.xfer2([0x80, 0])
    spi.open(0, 0)
    assert len(spi.xfer2([0x80, 0])) == 2
    spi.close()
    spi.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        spi.xfer2([0x80, 0])


@pytest.mark.parametrize("values", [[], [256], [-1]])
def test_only_bytes_travel(bench: Any, values: list[int]) -> None:
    spi = bench.spidev.SpiDev()
    spi.open(0, 0)
    with pytest.raises(TypeError):
        spi.xfer2(values)


def test_the_chip_speaks_mode_0_only(bench: Any) -> None:
    spi = bench.spidev.SpiDev()
    spi.open(0, 0)
    spi.mode = 3
    assert spi.xfer2([0xEE, 0]) == [0xFF, 0xFF]


def test_two_modules_are_two_buses(bench: Any) -> None:
    assert spidev_module(bench.chip) is not spidev_module(bench.chip)
