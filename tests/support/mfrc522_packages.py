"""The packages called mfrc522, unmodified, over fake-rpi's RPi.GPIO and an emulated spidev."""

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

with redirect_stdout(StringIO()):  # its banner
    import fake_rpi
    import fake_rpi.wrappers


@contextmanager
def _fresh(**stand_ins: ModuleType) -> Iterator[None]:
    """No mfrc522 is imported, and these modules have another's name; afterwards everything is as before."""
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "mfrc522"}
    for name in kept:
        del sys.modules[name]
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "mfrc522"]:
            del sys.modules[name]
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
        sys.modules.update(kept)


@contextmanager
def unmodified(
    spidev: ModuleType, folder: Path | None = None, sleep: Callable[[float], None] | None = None
) -> Iterator[ModuleType]:
    """The package, freshly imported: the installed one or that in `folder`. It sleeps by `sleep`, if that is given."""
    gpio = {"RPi": fake_rpi.RPi, "RPi.GPIO": fake_rpi.RPi.GPIO}
    with _fresh(spidev=spidev, **gpio), patch.object(fake_rpi.wrappers, "PRINT_ON", new=False):
        with ExitStack() as importing:
            if folder:
                importing.enter_context(patch.object(sys, "path", [str(folder), *sys.path]))
            if sleep:
                importing.enter_context(patch("time.sleep", sleep))
            package = importlib.import_module("mfrc522")
        yield package
    logging.getLogger("mfrc522Logger").handlers.clear()
