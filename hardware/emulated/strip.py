"""What takes the place of rpi_ws281x's C module `_rpi_ws281x` under its unmodified `PixelStrip`.

Names, error codes and the brightness arithmetic are those of rpi_ws281x 5.0.0 (`ws2811.c`, `rpi_ws281x_wrap.c`); only
what `PixelStrip` calls is here.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from hardware.parts import Rgb

STRIP_GRB = 0x00081000
SUCCESS = 0
ERROR_GENERIC = -1
ERROR_DMA = -10
CHANNELS = 2
HISTORY = 100
_TEXTS = {SUCCESS: "Success", ERROR_GENERIC: "Generic failure", ERROR_DMA: "DMA error"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the strip showed from `at` (seconds of the strip's clock) on."""

    at: float
    pixels: tuple[Rgb, ...]


class EmulatedStrip:
    """The pixels at the end of the data line: keeps the last `HISTORY` frames and passes each on to `send`."""

    def __init__(
        self,
        send: Callable[[Sequence[Rgb]], None],
        dead: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._send = send
        self._dead = dead
        self._clock = clock
        self.frames: deque[Frame] = deque(maxlen=HISTORY)

    def render(self, pixels: tuple[Rgb, ...]) -> int:
        """Show one frame; a return code of `ws2811_render`."""
        if self._dead():
            return ERROR_DMA
        try:
            self._send(pixels)
        except OSError:
            return ERROR_GENERIC
        self.frames.append(Frame(self._clock(), pixels))
        return SUCCESS


@dataclass(slots=True)
class _Channel:
    count: int = 0
    brightness: int = 0
    gamma: list[int] = field(default_factory=list)
    leds: list[int] = field(default_factory=list)
    settings: dict[str, int] = field(default_factory=dict)

    def pixels(self) -> tuple[Rgb, ...]:
        return tuple((self._shine(led >> 16), self._shine(led >> 8), self._shine(led)) for led in self.leds)

    def _shine(self, value: int) -> int:
        return self.gamma[(value & 0xFF) * (self.brightness + 1) >> 8]


@dataclass(slots=True)
class _Controller:
    channels: tuple[_Channel, ...] = field(default_factory=lambda: tuple(_Channel() for _ in range(CHANNELS)))
    settings: dict[str, int] = field(default_factory=dict)


class _Library:
    def __init__(self, strip: EmulatedStrip) -> None:
        self._strip = strip

    def new_ws2811_t(self) -> _Controller:
        return _Controller()

    def delete_ws2811_t(self, controller: _Controller) -> None:
        controller.settings.clear()

    def ws2811_channel_get(self, controller: _Controller, number: int) -> _Channel:
        return controller.channels[number]

    def ws2811_channel_t_count_set(self, channel: _Channel, count: int) -> None:
        channel.count = count

    def ws2811_channel_t_count_get(self, channel: _Channel) -> int:
        return channel.count

    def ws2811_channel_t_brightness_set(self, channel: _Channel, brightness: int) -> None:
        channel.brightness = brightness

    def ws2811_channel_t_brightness_get(self, channel: _Channel) -> int:
        return channel.brightness

    def ws2811_channel_t_gamma_set(self, channel: _Channel, gamma: list[int]) -> None:
        channel.gamma = list(gamma)

    def ws2811_channel_t_gpionum_set(self, channel: _Channel, pin: int) -> None:
        channel.settings["gpionum"] = pin

    def ws2811_channel_t_invert_set(self, channel: _Channel, invert: int) -> None:
        channel.settings["invert"] = invert

    def ws2811_channel_t_strip_type_set(self, channel: _Channel, strip_type: int) -> None:
        channel.settings["strip_type"] = strip_type

    def ws2811_t_freq_set(self, controller: _Controller, hertz: int) -> None:
        controller.settings["freq"] = hertz

    def ws2811_t_dmanum_set(self, controller: _Controller, number: int) -> None:
        controller.settings["dmanum"] = number

    def ws2811_init(self, controller: _Controller) -> int:
        for channel in controller.channels:
            channel.leds = [0] * channel.count
        return SUCCESS

    def ws2811_fini(self, controller: _Controller) -> None:
        for channel in controller.channels:
            channel.leds = []

    def ws2811_led_get(self, channel: _Channel, number: int) -> int:
        return channel.leds[number] if 0 <= number < len(channel.leds) else -1

    def ws2811_led_set(self, channel: _Channel, number: int, colour: int) -> int:
        if not 0 <= number < len(channel.leds):
            return -1
        channel.leds[number] = int(colour)
        return 0

    def ws2811_render(self, controller: _Controller) -> int:
        return self._strip.render(next((channel.pixels() for channel in controller.channels if channel.count), ()))

    def ws2811_get_return_t_str(self, code: int) -> str:
        return _TEXTS[code]


def ws281x_module(strip: EmulatedStrip) -> ModuleType:
    """A module to be put at `sys.modules["_rpi_ws281x"]` while `rpi_ws281x` is imported."""
    library = _Library(strip)
    module = ModuleType("_rpi_ws281x", "An emulated strip, see hardware/emulated/strip.py.")
    module.__dict__.update({name: getattr(library, name) for name in dir(library) if not name.startswith("_")})
    module.__dict__["WS2811_STRIP_GRB"] = STRIP_GRB
    return module
