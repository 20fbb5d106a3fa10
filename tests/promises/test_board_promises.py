"""What the keeper of the locks, the contacts and the lights make of a whole board."""

from collections.abc import Callable

import pytest
from support.hand_clock import HandClock
from support.hands import only_lit
from support.patience import until
from support.promised import Promised

from hardware.board import Board
from hardware.clock import boottime
from hardware.contacts import Contact
from hardware.lights import Lights, names_of, palette_of, segments_of
from hardware.lock_keeper import MOVING_S, LockKeeper
from hardware.looks import Colour, Look, Rhythm
from hardware.parts import ContactFailure, LightsFailure, LockFailure, Position, Rgb
from hardware.strips.none import NoStrip
from hardware.wiring import LightsWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
BLACK: Rgb = (0, 0, 0)
MOST_FRAMES_A_S = 30
BREATH_S = 2.0


class Kept:
    """The locks under their keeper, and what it told."""

    def __init__(self, station: Promised, board: Board) -> None:
        self.board = board
        self.settled: dict[int, tuple[int, Position | None]] = {}
        self.moved: list[int] = []
        self.live_and_open: list[int] = []
        self._blind = {slot.number for slot in station.wiring.slots if slot.lock.sensor_pin is None}
        attempts = {slot.number: slot.lock.attempts for slot in station.wiring.slots}
        self.keeper = LockKeeper(board.locks, attempts, self._settle, lambda slot, _: self.moved.append(slot))

    def go(self, position: Position, move: int) -> None:
        """Order all bolts there, and step until each is."""
        for slot in self.board.locks:
            self.keeper.order(slot, position, move)
        deadline = boottime() + 60.0
        while not all(self.settled.get(slot, (0, None))[0] == move for slot in self.board.locks):
            assert boottime() < deadline, f"not all bolts settled: {self.settled}"
            self.keeper.wake.wait(min(self.step(), MOVING_S))

    def step(self) -> float:
        """One step, with a look at every bolt whose power may be on."""
        pause = self.keeper.step()
        for slot, lock in self.board.locks.items():
            if lock.permit is not None and lock.permit.granted is not False and lock.seen() is UNLOCKED:
                self.live_and_open.append(slot)
        return pause

    def confirmed(self, position: Position) -> bool:
        """Whether every sensor showed it; a slot without one is believed."""
        return all(seen is (None if slot in self._blind else position) for slot, (_, seen) in self.settled.items())

    def _settle(self, slot: int, move: int, seen: Position | None) -> None:
        self.settled[slot] = (move, seen)


@pytest.fixture
def kept(station: Promised, board: Board) -> Kept:
    for slot in station.wiring.slots:
        station.hands.keep_off(slot.number)
        if slot.power_permit_pin is not None:
            station.hands.no_power(slot.number)
    return Kept(station, board)


def test_the_keeper_locks_and_opens_every_slot_and_no_power_is_on_while_a_bolt_is_open(kept: Kept) -> None:
    for move, position in enumerate((LOCKED, UNLOCKED, LOCKED, UNLOCKED), start=1):
        kept.go(position, move)
        assert kept.confirmed(position)
        for slot, lock in kept.board.locks.items():
            kept.keeper.permit(slot, True)
            kept.step()
            if lock.permit is not None:
                assert lock.permit.granted is (position is LOCKED), f"slot {slot}, {position}"
    assert kept.moved == []
    assert kept.live_and_open == []


def test_the_vehicles_contacts_are_read(station: Promised, board: Board) -> None:
    if not board.contacts.vehicles:
        pytest.skip("no slot has a presence_pin")
    for slot, contact in board.contacts.vehicles.items():
        for there in (True, False):
            station.hands.vehicle(slot, there=there)
            assert until(lambda contact=contact, there=there: contact.closed() is there), f"slot {slot}"
        _refuses_when_closed(contact)


def test_the_release_contact_is_read(station: Promised, board: Board) -> None:
    contact = board.contacts.release
    if contact is None:
        pytest.skip("the station has no release_pin")
    for closed in (True, False):
        station.hands.release(closed=closed)
        assert until(lambda closed=closed: contact.closed() is closed)
    _refuses_when_closed(contact)


def _refuses_when_closed(contact: Contact) -> None:
    contact.close()
    contact.close()
    with pytest.raises(ContactFailure):
        contact.closed()


def test_every_light_shows_its_frame_alone_and_goes_dark_at_the_end(station: Promised, board: Board) -> None:
    if station.wiring.lights.kind == "none":
        pytest.skip("the station has no lights")
    for name, (first, last) in segments_of(station.wiring).items():
        lights = station.wiring.lights
        board.strip.show([_red(lights) if first <= number <= last else BLACK for number in range(_size(lights))])
        which = f"slot {name}'s light" if name.isdigit() else f"the {name} light"
        ask = f"is {which} red, and every other dark"
        assert station.hands.sees(ask, only_lit(station.wiring, name)), which
    board.strip.close()
    board.strip.close()
    assert station.hands.sees("are all lights dark", only_lit(station.wiring, None))
    with pytest.raises(LightsFailure):
        board.strip.show([])


def test_a_short_frame_leaves_the_rest_dark_and_a_long_one_is_refused(station: Promised, board: Board) -> None:
    size = _size(station.wiring.lights)
    board.strip.show([_red(station.wiring.lights)] * size)
    board.strip.show([])
    if station.wiring.lights.kind != "none":
        assert station.hands.sees("are all lights dark", only_lit(station.wiring, None))
        with pytest.raises(LightsFailure):
            board.strip.show([BLACK] * (size + 1))
    board.strip.show([BLACK] * size)


def _red(lights: LightsWiring) -> Rgb:
    """As bright as the strip's supply was reckoned for."""
    return round(255 * lights.brightness), 0, 0


def _size(lights: LightsWiring) -> int:
    return len(lights.rgb_pins) if lights.kind == "rgb" else lights.pixels


class Passing(NoStrip):
    """Counts the frames that a strip takes."""

    def __init__(self, board: Board) -> None:
        self.frames = 0
        self._strip = board.strip

    def show(self, frame: list[Rgb]) -> None:  # type: ignore[override]
        self.frames += 1
        self._strip.show(frame)


def test_the_strip_gets_at_most_30_frames_a_second_and_none_at_rest(station: Promised, board: Board) -> None:
    strip, wiring = Passing(board), station.wiring
    clock: Callable[[], float] = boottime if station.timed else HandClock()
    palette = palette_of(wiring.lights.colours)
    lights = Lights(strip, segments_of(wiring), palette, wiring.lights.brightness, clock)
    began = clock()
    lights.show(dict.fromkeys(names_of(wiring), Look((Colour.WHITE,), Rhythm.BREATHING, began)))
    while clock() < began + BREATH_S:
        _pass(clock, lights)
    assert BREATH_S * 10 < strip.frames <= BREATH_S * MOST_FRAMES_A_S + 1
    lights.show({})
    for _ in range(3):
        _pass(clock, lights, at_most_s=0.1)
    frames = strip.frames
    for _ in range(10):
        _pass(clock, lights, at_most_s=0.1)
    assert strip.frames == frames


def _pass(clock: Callable[[], float], lights: Lights, at_most_s: float = 1.0) -> None:
    """One step, and the time until the next."""
    pause = min(lights.step(), at_most_s)
    if isinstance(clock, HandClock):
        clock.advance(pause)
    else:
        lights.wake.wait(pause)


def test_no_lock_is_driven_by_looking(station: Promised, board: Board) -> None:
    counters = [station.hands.edges(slot.number) for slot in station.wiring.slots]
    for lock in board.locks.values():
        try:
            lock.seen()
        except LockFailure as error:
            pytest.fail(f"a sensor cannot be read: {error}")
        lock.tend()
        lock.ready_s(LOCKED)
    assert all(edges is None or edges() == [] for edges in counters)
