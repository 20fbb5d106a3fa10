"""Contacts to ground: believed once they are steady, and as they were while they cannot be read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.board import open_board
from hardware.contacts import LONG_S, MOVING_S, RELEASE_S, RESTING_S, VEHICLE_S, Contact, Contacts, ContactWatch
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.parts import ContactFailure
from hardware.pins import LineFailure
from hardware.wiring import Wiring


class Line:
    """A line that reads as told."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed
        self.broken = False

    def high(self) -> bool:
        if self.broken:
            raise LineFailure("GPIO16 cannot be read: gone")
        return not self.closed

    def close(self) -> None:
        self.broken = True


class Watch:
    """A watch over one vehicle's contact and the release contact, and what it told."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.vehicle: Any = Line()
        self.release: Any = Line()
        self.told: list[object] = []
        contacts = Contacts(vehicles={1: Contact(self.vehicle)}, release=Contact(self.release))
        self.watch = ContactWatch(contacts, lambda *told: self.told.append(told), self.told.append, clock)

    def passes(self, seconds: float) -> None:
        """Let time pass, stepping as the thread would."""
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.advance(min(self.watch.step(), end - self.clock()))
        self.watch.step()


@pytest.fixture
def watch(clock: Any) -> Watch:
    return Watch(clock)


def test_a_vehicle_is_told_once_it_has_stood_for_half_a_second(watch: Watch) -> None:
    watch.passes(1)
    watch.vehicle.closed = True
    watch.passes(VEHICLE_S - MOVING_S)
    assert watch.told == []
    watch.passes(RESTING_S + 2 * MOVING_S)
    assert watch.told == [(1, True)]
    watch.vehicle.closed = False
    watch.passes(1)
    assert watch.told == [(1, True), (1, False)]


def test_a_contact_that_bounces_is_not_believed(watch: Watch) -> None:
    for _ in range(20):
        watch.vehicle.closed = not watch.vehicle.closed
        watch.release.closed = not watch.release.closed
        watch.watch.step()
        watch.clock.advance(MOVING_S)
    assert watch.told == []


def test_the_release_contact_is_believed_at_once_or_nearly(watch: Watch) -> None:
    watch.release.closed = True
    watch.passes(RESTING_S + RELEASE_S + MOVING_S)
    assert watch.told == [True]


def test_what_they_show_at_first_is_not_told_but_known(clock: Any) -> None:
    closed: Any = Line(closed=True)
    told: list[object] = []
    contacts = Contacts(vehicles={1: Contact(closed)}, release=Contact(closed))
    watch = ContactWatch(contacts, lambda *args: told.append(args), told.append, clock)
    assert watch.vehicles() == {1: True}
    assert watch.letting_go()
    watch.step()
    assert told == []


def test_one_that_cannot_be_read_counts_as_it_was_and_is_logged_once(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.vehicle.closed = True
    watch.passes(1)
    watch.vehicle.broken = True
    watch.passes(5)
    assert watch.told == [(1, True)]
    assert watch.watch.vehicles() == {1: True}
    assert caplog.text.count("the contact of slot 1 cannot be read") == 1
    watch.vehicle.broken, watch.vehicle.closed = False, False
    watch.passes(1)
    assert watch.told == [(1, True), (1, False)]


def test_a_station_without_contacts_looks_at_nothing(clock: Any) -> None:
    watch = ContactWatch(Contacts(), lambda *_: None, lambda _: None, clock)
    assert (watch.vehicles(), watch.letting_go(), watch.step()) == ({}, False, LONG_S)


def test_a_broken_line_is_a_contact_failure() -> None:
    line: Any = Line()
    line.broken = True
    with pytest.raises(ContactFailure, match="look at its wire"):
        Contact(line).closed()


def test_the_emulated_board_has_the_contacts_of_its_wiring(
    wiring: Wiring, tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    slots = (replace(wiring.slots[0], presence_pin=16), wiring.slots[1])
    wired = replace(wiring, slots=slots, release_pin=21)
    world = World(wired)
    with WorldServer(world, tmp_path / "world.sock"):
        board = open_board(wired, {}, world=tmp_path / "world.sock", lost=lambda: None)
        vehicles, release = board.contacts.vehicles, board.contacts.release
        assert set(vehicles) == {1}
        assert release is not None
        assert not vehicles[1].closed()
        assert not release.closed()
        world.set_vehicle(1, True)
        eventually(vehicles[1].closed)
        world.set_fault("release-closed", True)
        eventually(release.closed)
        board.close()
