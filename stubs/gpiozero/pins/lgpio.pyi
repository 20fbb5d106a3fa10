from typing import Any

from gpiozero.pins import PinInfo
from gpiozero.pins.local import LocalPiFactory, LocalPiPin

class LGPIOPin(LocalPiPin):
    _pwm: tuple[float, int] | None
    _bounce: int | None
    _callback: Any
    _edges: int
    def __init__(self, factory: LGPIOFactory, info: PinInfo) -> None: ...
    def output_with_state(self, state: bool) -> None: ...
    def close(self) -> None: ...

class LGPIOFactory(LocalPiFactory):
    _handle: int | None
    pin_class: type[LocalPiPin]
    def __init__(self, chip: int | None = None) -> None: ...
