"""Whoever stands at the station while its parts are tried."""

from typing import Protocol


class Person(Protocol):
    """Sees what no sensor can."""

    def agrees(self, question: str) -> bool:
        """Ask something that is answered with yes or no; somebody who is not there says no."""
        ...

    def is_told(self, sentence: str) -> None:
        """Say what to do, or what is going on."""
        ...
