"""The kill matrix: SIGKILL at every passage of every story, and each answer lost once; all end like the unbroken run.

`scripts/test --matrix` plays all of it, `scripts/test` a sample: each story unbroken and broken at one point, but for
the stories of restarts.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from support.bench import CARD, OTHER, PREFIX
from support.kill_matrix import Break, Story, every
from support.play import Play

ERROR = {"code": "GroundFailure", "title": "Ground Failure", "detail": "leakage of 40 mA"}
FAULTED = f"{PREFIX}faulted.v1"
JAM = "lock-jammed-1"
KNOWN_CARDS = {"offline_start": "known-cards", "driver_wait_s": 1.0}
QUICK_LOCK = {"move_timeout_ms": 300}


def is_(play: Play, status: str) -> bool:
    return bool(play.bench.slot(1)["status"] == status)


def start(play: Play) -> None:
    play.tap(lambda: is_(play, "charging"))


def end(play: Play) -> None:
    play.tap(lambda: is_(play, "free"))


def known(play: Play) -> None:
    """The card has ended and paid here once."""
    start(play)
    play.settle()
    end(play)


def stay(play: Play) -> None:
    start(play)
    end(play)


def without_credit(play: Play) -> None:
    play.bench.books.set_card(CARD, "without-credit")
    start(play)


def no_slots(play: Play) -> None:
    play.tap(lambda: any(call.endswith("/leds/main") for call in play.bench.calls()), OTHER)


def fault(play: Play) -> None:
    play.bench.inbox(FAULTED, {"error": ERROR}, "raised")
    play.until(lambda: play.bench.faults() == ["GroundFailure"])
    play.settle()
    play.bench.inbox(FAULTED, {"error": {**ERROR, "cleared": True}}, "cleared")
    play.until(lambda: play.bench.faults() == [])


def held_unpaid(play: Play) -> None:
    play.tap(lambda: is_(play, "held"))
    play.settle()
    play.bench.books.set_card(CARD, "registered")
    end(play)


def jammed_twice(play: Play) -> None:
    play.bench.world.set_fault(JAM, True)
    for visit in (1, 2):
        play.bench.tap()
        play.bench.wait_refused(visit)
        play.settle()


def jammed(play: Play) -> None:
    play.tap(lambda: play.bench.faults() == ["LockFailed 1"])


def jammed_shut(play: Play) -> None:
    play.bench.world.set_fault(JAM, True)
    play.tap(lambda: play.bench.faults() == ["UnlockFailed 1"])
    play.settle()
    play.bench.world.set_fault(JAM, False)
    play.until(lambda: is_(play, "free"))


def command(play: Play, name: str, args: Mapping[str, Any]) -> None:
    """An operator's command, until its reply has come."""
    sent = play.bench.command(name, args, command_id=f"{name}-{len(play.bench.heard('commands/'))}")
    play.until(lambda: bool(play.bench.replies(sent)))


def ended_by_command(play: Play) -> None:
    command(play, "end", {"sessionId": play.bench.sessions()[-1]["id"]})
    play.until(lambda: is_(play, "free"))


def forced_open(play: Play) -> None:
    command(play, "unlock", {"slotNumber": 1, "force": True})
    play.until(lambda: play.bench.bolt(1) == "unlocked")
    play.settle()
    end(play)


def out_of_service(play: Play) -> None:
    command(play, "availability", {"slotNumber": 2, "available": False})
    play.settle()
    end(play)
    command(play, "availability", {"slotNumber": 2, "available": True})


def parking(play: Play) -> None:
    play.tap(lambda: is_(play, "starting") or is_(play, "charging"))
    play.bench.world.set_vehicle(1, True)
    play.until(lambda: is_(play, "charging"))


def parked(play: Play) -> None:
    play.bench.world.set_vehicle(1, True)
    start(play)


def released(play: Play) -> None:
    play.bench.world.set_fault("release-closed", True)
    play.until(lambda: play.bench.faults() == ["Released"] and play.bench.bolt(1) == "unlocked")
    play.settle()
    end(play)


STORIES = [
    Story(name="start", play=start),
    Story(name="end", prepare=start, play=end),
    Story(name="no slots", prepare=start, play=no_slots, options={"slots": [1]}),
    Story(name="fault", prepare=start, play=fault),
    Story(name="offline end", prepare=start, play=end, offline=True, options={"driver_wait_s": 1.0}),
    Story(name="offline start", prepare=known, play=start, offline=True, options=KNOWN_CARDS),
    Story(name="offline start and end", prepare=known, play=stay, offline=True, options=KNOWN_CARDS),
    Story(name="pay refused", prepare=without_credit, play=end),
    Story(name="pay refused, held", prepare=without_credit, play=held_unpaid, options={"unpaid_release": "hold"}),
    Story(name="lock jam", prepare=jammed_twice, play=jammed, jams=True, slow=("support",), options=QUICK_LOCK),
    Story(name="unlock jam", prepare=start, play=jammed_shut, jams=True, slow=("unlock",), options=QUICK_LOCK),
    Story(name="end by command", prepare=start, play=ended_by_command),
    Story(name="forced open by command", prepare=start, play=forced_open),
    Story(name="out of service", prepare=start, play=out_of_service),
    Story(name="parking", play=parking, options={"contacts": True}),
    Story(name="release contact", prepare=parked, play=released, options={"contacts": True}),
    Story(name="start, cut short", play=start, killed="before call acquire"),
    Story(name="end, cut short", prepare=start, play=end, killed="before call pay"),
]


@pytest.mark.matrix
@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_every_point(story: Story, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    outcome = every(story, tmp_path)
    record_property("kills", outcome.counted(strikes=True))
    record_property("lost answers", outcome.counted(strikes=False))
    if outcome.told():
        pytest.fail(outcome.told(), pytrace=False)


@pytest.mark.parametrize("story", [story for story in STORIES if not story.killed], ids=str)
def test_one_point_of_each_story(story: Story, tmp_path: Path) -> None:
    def one(breaks: Sequence[Break]) -> Sequence[Break]:
        return sorted(breaks, key=lambda each: crc32(f"{story}: {each}".encode()))[:1]

    outcome = every(story, tmp_path, one)
    if outcome.told():
        pytest.fail(outcome.told(), pytrace=False)
