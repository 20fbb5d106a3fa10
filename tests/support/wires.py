"""A GPIO chip's lines that lead to a test."""

from collections.abc import Callable

from hardware.emulated.gpio import Error


class Wires:
    """Lines that end here, and remember every level they had."""

    def __init__(self) -> None:
        self.driven: list[tuple[int, int | None]] = []
        self.grounded: set[int] = set()
        self.cut = False
        self.deaf = False

    def drive(self, pin: int, level: int | None) -> None:
        if self.cut:
            raise ConnectionResetError("cut")
        self.driven.append((pin, level))

    def closed(self, pin: int) -> bool:
        if self.cut or self.deaf:
            raise Error("cut")
        return pin in self.grounded

    def watch(self, changed: Callable[[], None]) -> None:
        pass

    def levels(self, pin: int) -> list[int | None]:
        return [level for one, level in self.driven if one == pin]
