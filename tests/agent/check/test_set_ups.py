"""What `check` says of a station that is well, and of broken ones: as docs/check.md shows it."""

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from support.clinic import Clinic, wired

from hardware.emulated.cards import ReaderFault
from hardware.wiring import SolenoidWiring

PAGE = Path(__file__).parents[3] / "docs" / "check.md"


def well(clinic: Clinic) -> Result:
    clinic.state.mkdir()
    return clinic.check("--local")


def no_spi_overlay(clinic: Clinic) -> Result:
    (clinic.root / "dev/spidev0.0").unlink()
    clinic.chip(place=(9, 9))
    return clinic.check("--local")


def dead_reader(clinic: Clinic) -> Result:
    clinic.field.fault = ReaderFault.ABSENT
    return clinic.check("--local")


def clone_reader(clinic: Clinic) -> Result:
    clinic.chip(version=0x88)
    return clinic.check("--local")


def missing_group(clinic: Clinic) -> Result:
    clinic.user, clinic.groups = "kim", {"gpio"}
    clinic.forbid_spi()
    return clinic.check("--local")


def busy_line(clinic: Clinic) -> Result:
    clinic.wire(clinic.wiring, {17: "relay-board"})
    return clinic.check("--local")


def wrong_polarity(clinic: Clinic) -> Result:
    clinic.wire(wired(SolenoidWiring(pin=17, sensor_pin=27, sensor_locked="high"), clinic.wiring.slots[1].lock))
    return clinic.check("--local", "--move", answers="y\nn\nn\n")


def swapped_sensors(clinic: Clinic) -> Result:
    clinic.wire(wired(SolenoidWiring(pin=17, sensor_pin=23), SolenoidWiring(pin=22, sensor_pin=27)))
    return clinic.check("--local", "--move", answers="y\ny\nn\nn\n")


def nobody_on_the_network(clinic: Clinic) -> Result:
    return clinic.check()


def full_disk(clinic: Clinic) -> Result:
    clinic.state.mkdir()

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    clinic.patch.setattr("os.posix_fallocate", refuse)
    return clinic.check("--local")


SET_UPS: dict[str, tuple[Callable[[Clinic], Result], int]] = {
    "A station that is well": (well, 0),
    "No SPI bus": (no_spi_overlay, 1),
    "A reader that does not answer": (dead_reader, 1),
    "A clone of the reader's chip": (clone_reader, 0),
    "A user who may not": (missing_group, 1),
    "A line that somebody else holds": (busy_line, 1),
    "A sensor that closes the other way": (wrong_polarity, 1),
    "Two sensors whose wires are swapped": (swapped_sensors, 1),
    "Nobody on the network": (nobody_on_the_network, 1),
    "A full disk": (full_disk, 1),
}


@pytest.mark.parametrize("heading", SET_UPS)
def test_the_page_shows_what_is_said(clinic: Clinic, heading: str) -> None:
    set_up, status = SET_UPS[heading]
    result = set_up(clinic)
    assert result.exit_code == status, result.output
    page = PAGE.read_text(encoding="utf-8")
    shown = re.search(rf"^## {re.escape(heading)}\n.*?```text\n\$ [^\n]*\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    assert shown is not None, clinic.told(result)
    assert clinic.told(result) == shown.group(1)
