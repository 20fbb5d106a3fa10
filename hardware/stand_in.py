"""Puts one module in another's place for the length of an import."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def standing_in(modules: Mapping[str, ModuleType], users: Iterable[str]) -> Iterator[None]:
    """Let what is imported inside see `modules` under their names, and import `users` anew.

    Afterwards `sys.modules` is as it was, so that nobody else gets a user that was made over a stand-in: with no
    modules to put in place, nothing is touched at all.
    """
    names = [*modules, *users] if modules else []
    before = {name: sys.modules.pop(name, None) for name in names}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
