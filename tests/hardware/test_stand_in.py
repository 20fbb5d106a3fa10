"""A stand-in is seen inside and nowhere else."""

import importlib
import sys
from types import ModuleType

import pytest

from hardware.stand_in import standing_in


def test_the_import_sees_it_and_nobody_after(monkeypatch: pytest.MonkeyPatch) -> None:
    real, user = ModuleType("vendor"), ModuleType("vendor_user")
    monkeypatch.setitem(sys.modules, "vendor", real)
    monkeypatch.setitem(sys.modules, "vendor_user", user)
    emulated = ModuleType("vendor")
    with standing_in({"vendor": emulated, "other": emulated}, ["vendor_user"]):
        assert importlib.import_module("vendor") is emulated
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("vendor_user")
    assert sys.modules["vendor"] is real
    assert sys.modules["vendor_user"] is user
    assert "other" not in sys.modules


def test_without_a_stand_in_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    user = ModuleType("vendor_user")
    monkeypatch.setitem(sys.modules, "vendor_user", user)
    with standing_in({}, ["vendor_user"]):
        assert sys.modules["vendor_user"] is user
    assert sys.modules["vendor_user"] is user
