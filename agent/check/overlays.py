"""What else the boot settings put on the header: an overlay that takes a line takes it before the station can."""

from collections.abc import Iterator, Mapping, Sequence

from hardware.header import SPI

# raspberrypi/linux, arch/arm/boot/dts/overlays/README: the lines that an overlay takes unless told otherwise
OVERLAYS: Mapping[str, Sequence[int]] = {
    "w1-gpio": (4,),
    "w1-gpio-pullup": (4, 5),
    "dht11": (4,),
    "gpio-ir": (18,),
    "gpio-ir-tx": (18,),
    "gpio-fan": (12,),
    "gpio-poweroff": (26,),
    "gpio-shutdown": (3,),
    "pwm": (18,),
    "pwm-2chan": (18, 19),
    "i2s-mmap": (18, 19, 20, 21),
    "hifiberry-dac": (18, 19, 20, 21),
    "uart2": (0, 1),
    "uart3": (4, 5),
    "uart4": (8, 9),
    "uart5": (12, 13),
    "i2c3": (4, 5),
    "i2c4": (8, 9),
    "i2c5": (12, 13),
    "i2c6": (22, 23),
    "spi1-1cs": SPI[1].lines[:4],
    "spi1-2cs": SPI[1].lines[:5],
    "spi1-3cs": SPI[1].lines,
}
PARAMETERS: Mapping[str, Sequence[int]] = {
    "i2c_arm": (2, 3),
    "i2c": (2, 3),
    "i2c_vc": (0, 1),
    "i2s": (18, 19, 20, 21),
    "spi": SPI[0].lines,
}
MOVED_BY = ("gpiopin", "gpio_pin", "pin", "gpio")
"""Parameters by which an overlay of one line is put on another."""
OFF = ("off", "no", "0")


def taken(settings: Sequence[str]) -> Iterator[tuple[str, Sequence[int]]]:
    """Each setting that takes lines, as it stands in config.txt, and the lines."""
    for setting in settings:
        key, _, value = setting.replace(" ", "").partition("=")
        if key == "dtoverlay":
            name, *parameters = value.split(",")
            yield setting, _moved(OVERLAYS.get(name, ()), parameters)
        elif key == "dtparam":
            for parameter in value.split(","):
                name, _, state = parameter.partition("=")
                yield setting, () if state in OFF else PARAMETERS.get(name, ())


def _moved(lines: Sequence[int], parameters: Sequence[str]) -> Sequence[int]:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name in MOVED_BY and value.isdigit():
            return (int(value), *lines[1:])
    return lines


def audio_is_on(settings: Sequence[str]) -> bool:
    """Whether the Pi's own sound, which needs the PWM that a strip is clocked by, is switched on."""
    said = [setting.replace(" ", "") for setting in settings]
    # the last word counts: an installer's "off" stands below the system's "on"
    return [setting for setting in said if setting.startswith("dtparam=audio=")][-1:] == ["dtparam=audio=on"]
