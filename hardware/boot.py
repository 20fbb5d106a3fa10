"""What is set up on a Raspberry Pi before the station runs: config.txt (docs/locks.md) and the kernel's cmdline.txt."""

from collections.abc import Iterator

from hardware.models import OVERLAY
from hardware.pwm import FUNCTIONS
from hardware.wiring import MotorWiring, ReaderWiring, SolenoidWiring, Wiring

KERNEL_WORDS = ("cgroup_enable=memory",)
"""What the kernel has to be told: the firmware of a Pi switches the memory controller off (docs/install.md)."""


def boot_settings(wiring: Wiring) -> tuple[str, ...]:
    """The lines of config.txt for a station wired like this; none for a simulated one.

    Names and parameters: boot/overlays/README of the Pi's firmware, and "config.txt" at raspberrypi.com.
    """
    return tuple(_settings(wiring)) if wiring.kind == "raspberry-pi" else ()


def softened_pins(wiring: Wiring) -> tuple[int, ...]:
    """The lines of the locks that are held by hardware PWM."""
    locks = (slot.lock for slot in wiring.slots)
    return tuple(sorted(lock.pin for lock in locks if isinstance(lock, SolenoidWiring) and lock.hold_duty < 1))


def power_pins(wiring: Wiring) -> tuple[int, ...]:
    """Every line that moves a bolt or permits power, and is driven as a plain output."""
    softened = softened_pins(wiring)
    pins: set[int] = set()
    for slot in wiring.slots:
        lock = slot.lock
        pins.update((lock.lock_pin, lock.unlock_pin) if isinstance(lock, MotorWiring) else (lock.pin,))
        if slot.power_permit_pin is not None:
            pins.add(slot.power_permit_pin)
    return tuple(sorted(pins.difference(softened)))


def _settings(wiring: Wiring) -> Iterator[str]:
    yield _spi(wiring.reader)
    if plain := power_pins(wiring):
        yield f"gpio={','.join(map(str, plain))}=op,dl"
    softened = softened_pins(wiring)
    for pair in range(0, len(softened), 2):
        yield _pwm(softened[pair : pair + 2])
    lights = wiring.lights
    if softened or (lights.kind == "ws281x" and lights.pin in FUNCTIONS):
        yield "dtparam=audio=off"
    if lights.kind == "pio":
        yield OVERLAY.format(pin=lights.pin, pixels=lights.pixels)
    yield "dtparam=watchdog=on"


def _spi(reader: ReaderWiring) -> str:
    return f"dtoverlay=spi{reader.spi_bus}-{reader.spi_device + 1}cs" if reader.spi_bus else "dtparam=spi=on"


def _pwm(pins: tuple[int, ...]) -> str:
    """The overlay for one or two lines."""
    if len(pins) == 1:
        return f"dtoverlay=pwm,pin={pins[0]},func={FUNCTIONS[pins[0]]}"
    first, second = pins
    return f"dtoverlay=pwm-2chan,pin={first},func={FUNCTIONS[first]},pin2={second},func2={FUNCTIONS[second]}"
