"""Makes a part of the agent hang: a process that is started with this hangs there while a file is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import importlib, pathlib, threading

def hanging(place, flag):
    module, _, attribute = place.partition(":")
    *owners, name = attribute.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    real = getattr(owner, name)
    flag = pathlib.Path(flag)

    def hung(*args, **kwargs):
        while flag.exists():
            flag.with_suffix(".hung").touch()
            threading.Event().wait(0.02)
        return real(*args, **kwargs)

    setattr(owner, name, hung)
"""


class Hang:
    """One place in the agent's code that can be made to hang."""

    def __init__(self, folder: Path, place: str) -> None:
        """`place` is `module:Class.method` or `module:function`."""
        self._flag = folder / f"{place.rpartition('.')[2]}.flag"
        self.program = f"{PROGRAM}\nhanging({place!r}, {str(self._flag)!r})\n"

    @contextmanager
    def hangs(self) -> Iterator[None]:
        """While the `with` block runs, whoever comes by hangs."""
        self._flag.touch()
        try:
            yield
        finally:
            self._flag.unlink()

    @property
    def caught(self) -> bool:
        """Whether somebody hangs or has hung there."""
        return self._flag.with_suffix(".hung").exists()
