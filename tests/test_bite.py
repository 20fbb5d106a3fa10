"""The list of faults to plant is kept up with the code, and one of them is planted each time."""

from pathlib import Path

import pytest
from support.bite import ROOT, caught, plant
from support.plants import PLANTS, Plant


@pytest.mark.parametrize("fault", PLANTS, ids=lambda fault: fault.name)
def test_each_fault_has_its_place_and_its_tests(fault: Plant) -> None:
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert fault.new != fault.old
    assert all((ROOT / name).exists() for name in fault.tests.split())


def test_a_planted_fault_is_caught() -> None:
    assert caught(next(each for each in PLANTS if each.name == "a double tap starts and stops"))[0]


def test_a_change_that_is_no_fault_is_not_caught() -> None:
    harmless = Plant("harmless", "agent/version.py", '"""Which', '"""What', "tests/hardware/test_presence.py")
    assert not caught(harmless)[0]


def test_a_place_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("twice twice", encoding="utf-8")
    with pytest.raises(ValueError, match="2 times"):
        plant(tmp_path, Plant("x", "x.py", "twice", "once", "x"))
