"""What a person can do to a simulated station."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bench import CARD, OTHER
from support.bench_config import wiring
from support.mqtt import eventually

from agent.simulator.broker import SimulatedBrokerError
from agent.simulator.hands import BadCard, CardLies, FaultStays, Hands, UnknownFault, uid_of
from hardware.emulated.world import World, WorldRefused

LONG_MS = 60_000


class Bench:
    def __init__(self, tapping: Path) -> None:
        self.world = World(wiring())
        self.switched: list[bool] = []
        self.stuck = False
        self.said: list[str] = []
        self.tapping = tapping
        self.hands = self.grown()

    def grown(self) -> Hands:
        return Hands(self.world, {"disk-full": self._switch}, self.said.append, self.tapping)

    def _switch(self, on: bool) -> None:
        if self.stuck:
            raise SimulatedBrokerError("no")
        self.switched.append(on)

    @property
    def cards(self) -> list[str]:
        return list(self.world.view().cards)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.hands.close()


def test_a_tap_ends_by_itself(bench: Bench) -> None:
    fields: list[list[str]] = []
    end = bench.world.subscribe(lambda snapshot: fields.append(snapshot["cards"]))
    bench.hands.tap(CARD, 20)
    assert eventually(lambda: not bench.cards)
    end()
    assert fields == [[CARD], []]
    assert eventually(lambda: not list(bench.tapping.iterdir()))


def test_a_second_tap_of_a_card_that_is_there_makes_the_first_longer_and_never_shorter(bench: Bench) -> None:
    bench.hands.tap(CARD, LONG_MS)
    bench.hands.tap(CARD, 1)
    bench.hands.tap(OTHER, 30)
    assert eventually(lambda: bench.cards == [CARD])
    bench.hands.remove(CARD)
    bench.hands.tap(CARD, 1)
    bench.hands.tap(CARD, 40)
    assert eventually(lambda: not bench.cards)


def test_a_timer_that_was_overtaken_takes_no_card_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.hands.tap(CARD, LONG_MS)
    (timer,) = [thread for thread in threading.enumerate() if thread.name == f"tap-{CARD[-4:]}"]
    assert isinstance(timer, threading.Timer)
    with monkeypatch.context() as too_late:
        too_late.setattr(threading.Timer, "cancel", lambda _: None)
        bench.hands.hold(CARD)
    timer.function()
    assert bench.cards == [CARD]
    timer.cancel()
    timer.join()


def test_a_card_lies_until_it_is_removed_and_cannot_be_tapped_meanwhile(bench: Bench) -> None:
    bench.hands.tap(CARD, LONG_MS)
    bench.hands.hold(CARD)
    with pytest.raises(CardLies, match="take it away first"):
        bench.hands.tap(CARD)
    bench.hands.close()
    assert bench.cards == [CARD]
    bench.hands.remove(CARD)
    bench.hands.remove(CARD)
    assert bench.cards == []


def test_a_tap_is_over_when_the_simulation_ends_or_was_killed(bench: Bench) -> None:
    bench.hands.hold(OTHER)
    bench.hands.tap(CARD, LONG_MS)
    again = bench.grown()
    assert bench.cards == [OTHER], "what a kill left lying"
    again.tap(CARD, LONG_MS)
    again.close()
    assert bench.cards == [OTHER]
    assert list(bench.tapping.iterdir()) == []


def test_there_is_room_for_ten_cards(bench: Bench) -> None:
    for number in range(10):
        bench.hands.tap(f"04A1B2C3D4E5{number:02X}", LONG_MS)
    with pytest.raises(WorldRefused, match="remove one first"):
        bench.hands.tap(CARD)
    with pytest.raises(WorldRefused, match="remove one first"):
        bench.hands.hold(CARD)
    assert len(bench.cards) == len(list(bench.tapping.iterdir())) == 10


def test_a_full_disk_keeps_no_card_away(bench: Bench) -> None:
    bench.tapping.rmdir()
    bench.hands.tap(CARD, LONG_MS)
    assert bench.cards == [CARD]
    bench.tapping.mkdir()


@pytest.mark.parametrize(
    "card", ["", "04", "04A1B2C3D4E5", "04A1B2C3D4E5G6", "88112233", "\u06604A1B2C3D4E5F6", "0" * 9999]
)
def test_what_is_no_uid_is_told_without_repeating_it(card: str, bench: Bench) -> None:
    for act in (bench.hands.tap, bench.hands.hold, bench.hands.remove):
        with pytest.raises(BadCard, match="no card's UID") as caught:
            act(card)
        assert len(card) < len(CARD) or card not in str(caught.value)


@pytest.mark.parametrize("card", ["04:a1:b2:c3:d4:e5:f6", " 04a1b2c3d4e5f6 ", CARD])
def test_uids_may_be_written_in_several_ways(card: str) -> None:
    assert uid_of(card) == CARD


def test_faults_are_switched_once_and_told(bench: Bench) -> None:
    assert list(bench.hands.faults) == [
        "reader-absent",
        "reader-noise",
        "lock-jammed-1",
        "lock-jammed-2",
        "lock-forced-1",
        "lock-forced-2",
        "lights-dead",
        "disk-full",
    ]
    for on in (True, True, False, False):
        bench.hands.set_fault("disk-full", on)
    assert bench.switched == [True, False]
    assert bench.said == ["fault disk-full is on", "fault disk-full is off"]
    bench.hands.toggle_fault("lock-jammed-2")
    assert bench.world.snapshot()["faults"] == ["lock-jammed-2"]
    assert bench.hands.faults["lock-jammed-2"]
    bench.hands.toggle_fault("lock-jammed-2")
    assert bench.world.snapshot()["faults"] == []


def test_all_faults_are_off_at_first(bench: Bench) -> None:
    bench.hands.set_fault("lights-dead", True)
    assert not any(bench.grown().faults.values())
    assert bench.world.snapshot()["faults"] == []


def test_a_fault_that_cannot_be_switched_stays_as_it_was(bench: Bench) -> None:
    bench.hands.set_fault("disk-full", True)
    bench.stuck = True
    with pytest.raises(FaultStays, match="no"):
        bench.hands.set_fault("disk-full", False)
    assert bench.hands.faults["disk-full"]
    bench.stuck = False
    bench.hands.set_fault("disk-full", False)
    assert bench.switched == [True, False]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lock-jamed-1", "did you mean lock-jammed-1?"),
        ("Disk-Full", "did you mean disk-full?"),
        ("", "there are reader"),
    ],
)
def test_an_unknown_fault_gets_a_guess_or_the_names(name: str, hint: str, bench: Bench) -> None:
    with pytest.raises(UnknownFault) as caught:
        bench.hands.toggle_fault(name)
    assert hint in str(caught.value)
