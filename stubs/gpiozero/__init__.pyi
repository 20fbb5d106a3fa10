from gpiozero.pins import Factory

class PiBoardInfo:
    @classmethod
    def from_revision(cls, revision: int) -> PiBoardInfo: ...

class OutputDevice:
    value: float
    def __init__(
        self,
        pin: int,
        *,
        active_high: bool = True,
        initial_value: bool | None = False,
        pin_factory: Factory | None = None,
    ) -> None: ...
    def close(self) -> None: ...

class RGBLED:
    value: tuple[float, float, float]
    def __init__(self, red: int, green: int, blue: int, *, pin_factory: Factory | None = None) -> None: ...
    def close(self) -> None: ...

class InputDevice:
    @property
    def value(self) -> int: ...
    def __init__(
        self,
        pin: int,
        *,
        pull_up: bool | None = False,
        active_state: bool | None = None,
        pin_factory: Factory | None = None,
    ) -> None: ...
    def close(self) -> None: ...
