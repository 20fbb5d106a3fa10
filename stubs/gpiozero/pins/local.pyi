from collections import defaultdict
from threading import Lock
from typing import Any

from gpiozero.pins import Factory, PinInfo

def get_pi_revision() -> int: ...

class LocalPiPin:
    _number: int
    factory: Any
    def __init__(self, factory: Factory, info: PinInfo) -> None: ...

class LocalPiFactory(Factory):
    pins: dict[PinInfo, LocalPiPin]
    _reservations: defaultdict[PinInfo, list[Any]]
    _res_lock: Lock
    def _get_revision(self) -> int: ...
