from typing import Any

class PixelStrip:
    _leds: Any
    def __init__(
        self,
        num: int,
        pin: int,
        freq_hz: int = 800000,
        dma: int = 10,
        invert: bool = False,
        brightness: int = 255,
        channel: int = 0,
    ) -> None: ...
    def begin(self) -> None: ...
    def show(self) -> None: ...
    def setPixelColorRGB(self, n: int, red: int, green: int, blue: int) -> None: ...  # noqa: N802
    def numPixels(self) -> int: ...  # noqa: N802
    def _cleanup(self) -> None: ...
