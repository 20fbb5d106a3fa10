"""What ties the rooms together; that they work together is proven in tests/station."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from config_files import LEAST
from support.owing import CARD, at

from agent.config import parse
from agent.journal.tally import Tally
from agent.rooms import owed, positions, powered, rules
from agent.state import Phase, Session, Slot, Station
from agent.workflow import Rules
from hardware.parts import Position
from hardware.wiring import LockWiring, MotorWiring, SlotWiring, SolenoidWiring


class Counts:
    """What outbox and mailbox say that is owed."""

    def __init__(self, count: int, since: float | None) -> None:
        self.owed = lambda: (count, since)
        self.tally = Tally(acts_aside=3, messages_aside=1)


@pytest.mark.parametrize(
    ("acts_since", "mail_since", "oldest"),
    [(None, None, None), (5.0, None, 5.0), (None, 6.0, 6.0), (5.0, 6.0, 5.0), (0.0, 6.0, 0.0)],
)
def test_the_oldest_of_what_is_owed(acts_since: float | None, mail_since: float | None, oldest: float | None) -> None:
    acts, mail = Counts(2, acts_since), Counts(3, mail_since)
    said: Any = owed(acts, mail, acts)  # type: ignore[arg-type]
    assert said == {"supplier": 2, "broker": 3, "refused": 4, "oldest": oldest}


def test_the_config_becomes_rules(tmp_path: Path) -> None:
    content = f"""
        {LEAST}
        [policy]
        retap_guard_s = 1.5
        unpaid_release = "hold"
        [events]
        triggers = true
        [mqtt]
        remote_cards = true
    """
    overrides: dict[str, Any] = {"supplier": {"driver_wait_s": 2.5}, "station": {"state_dir": str(tmp_path)}}
    assert rules(parse(content, "station.toml", overrides)) == Rules(
        station_id="ST-42",
        driver_wait_s=2.5,
        retap_guard_s=1.5,
        unpaid_release="hold",
        triggers=True,
        remote_cards=True,
    )


def test_locks_are_claimed_where_the_journal_says_they_are() -> None:
    station = Station(slots={n: Slot(number=n, phase=phase) for n, phase in enumerate(Phase, 1)})
    assert {phase: positions(station).get(number) for number, phase in enumerate(Phase, 1)} == {
        Phase.FREE: Position.UNLOCKED,
        Phase.AWAITING: Position.UNLOCKED,
        Phase.STARTING: Position.LOCKED,
        Phase.CHARGING: Position.LOCKED,
        Phase.ENDING: Position.LOCKED,
        Phase.OPENING: Position.UNLOCKED,
        Phase.HELD: Position.LOCKED,
        Phase.UNKNOWN: None,
    }


def test_a_lock_that_was_never_closed_here_is_claimed_as_its_sensor_shows() -> None:
    session = Session(id="S", card=CARD, slot=1, tapped=at())
    station = Station(slots={1: Slot(number=1, phase=Phase.ENDING, session="S")}, sessions={"S": session})
    assert positions(station) == {}
    locked = replace(session, locked=True)
    assert positions(replace(station, sessions={"S": locked})) == {1: Position.LOCKED}


@pytest.mark.parametrize("phase", [Phase.ENDING, Phase.AWAITING, Phase.STARTING])
def test_a_lock_whose_sensor_knows_more_than_the_journal_is_claimed_as_that_shows(phase: Phase) -> None:
    session = Session(id="S", card=CARD, slot=1, tapped=at(), locked=True)
    slot = Slot(number=1, phase=phase, session="S", seen=False)
    assert positions(Station(slots={1: slot}, sessions={"S": session})) == {}


SOLENOID, MOTOR = SolenoidWiring(pin=17, sensor_pin=27), MotorWiring(lock_pin=17, unlock_pin=22)


@pytest.mark.parametrize(
    ("lock", "boot", "phase", "stays"),
    [
        (SOLENOID, "b", Phase.CHARGING, True),
        (SOLENOID, "another", Phase.CHARGING, True),
        (replace(SOLENOID, sensor_pin=None), "b", Phase.CHARGING, True),
        (replace(SOLENOID, sensor_pin=None), "another", Phase.CHARGING, False),
        (MOTOR, "another", Phase.CHARGING, True),
        (SOLENOID, "b", Phase.ENDING, False),
        (SOLENOID, "b", Phase.FREE, False),
    ],
)
def test_power_stays_on_over_a_start_where_nothing_can_have_let_the_bolt_go(
    lock: LockWiring, boot: str, phase: Phase, stays: bool
) -> None:
    session = Session(id="S", card=CARD, slot=1, tapped=replace(at(), boot="b"), locked=True)
    slot = Slot(number=1, phase=phase, session="" if phase is Phase.FREE else "S")
    station = Station(slots={1: slot}, sessions={"S": session})
    wiring = SlotWiring(number=1, lights=(8, 15), lock=lock)
    assert powered(station, [wiring], boot) == (frozenset({1}) if stays else frozenset())
