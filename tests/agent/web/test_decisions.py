"""What single facts are in the conversation; whole stories are proven in tests/station/test_page.py."""

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.lane import Lane
from support.owing import CARD, WALL

from agent.clock import At, Clock
from agent.effects import Effects
from agent.facts import CardTapped, EventReceived, Fact, LockSettled, Restarted, SeveralCardsSeen
from agent.http.feed import Feed
from agent.state import Slot, Station, Step, Visit
from agent.supplier.exchange import Answer
from agent.supplier.watching import Request
from agent.web.decisions import Decisions
from agent.web.masking import Cards
from agent.web.onlookers import ON_THE_WAY, SupplierOnlooker
from agent.web.recorder import Draft, Recorder
from agent.web.scene import settled_lately
from agent.web.visits import REMEMBERED, Visits, by_card

AT = At("boot-1", 1000.0, WALL)


class Watched:
    """A road, and what its facts are in the conversation."""

    def __init__(self, path: Path) -> None:
        self.lane = Lane(path)
        self.visits = Visits(self.lane.road.station)
        self.decisions = Decisions(Cards())
        self.drafts: list[Draft] = []
        self.lane.road.watch(self._saw)

    def _saw(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        visit = self.visits.decided(fact, before, after, effects)
        self.drafts += self.decisions.drafts(fact, before, after, effects, visit)

    def said(self, kind: str) -> list[tuple[str | None, str]]:
        return [(draft.visit, draft.title) for draft in self.drafts if draft.kind == kind]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "journal.db")
    yield watched
    watched.lane.close()


def test_a_tap_that_is_only_acknowledged_belongs_to_its_cards_visit(watched: Watched) -> None:
    for _ in range(2):
        watched.lane.happens(CardTapped, card=CARD)
    assert watched.said("tap") == [("V-1", "card ..E5F6 tapped")] * 2
    assert watched.said("decision") == [
        ("V-1", "only acknowledged: this card's tap is being worked on, or was a moment ago")
    ]


def test_two_cards_and_what_cannot_be_handled(watched: Watched) -> None:
    watched.lane.happens(SeveralCardsSeen)
    odd = "com.ev-power-supplier.charging-station.odd.v1"
    watched.lane.happens(EventReceived, type=odd, source="urn:power", event_id="e-1", data={})
    assert watched.said("tap") == [(None, "two cards at once")]
    assert watched.said("inbox") == [(None, "odd.v1")]
    assert watched.said("decision") == [(None, "could not be handled: Unsupported Event")]


def test_a_restart_and_a_bolt_without_a_sensor(watched: Watched) -> None:
    watched.lane.happens(Restarted)
    assert watched.said("decision") == [(None, "the agent is back; sessions under way: 0")]
    watched.lane.start()
    watched.lane.happens(LockSettled, slot=1, move=1, locked=None)
    assert watched.said("lock")[:2] == [("V-1", "lock slot 1"), ("V-1", "slot 1: its move is believed")]
    settled = next(draft for draft in watched.drafts if "believed" in draft.title)
    assert settled.ok
    assert settled.re is not None


def test_a_bolt_that_is_not_where_it_should_be(watched: Watched) -> None:
    watched.lane.start()
    watched.lane.happens(LockSettled, slot=1, move=1, locked=False)
    settled = next(draft for draft in watched.drafts if draft.title == "slot 1: unlocked")
    assert settled.ok is False
    assert CARD not in str([draft.detail() for draft in watched.drafts])


def test_visits_before_a_restart_are_known_and_only_so_many() -> None:
    visit = Visit(number=7, card=CARD, tap="t", tapped=AT, step=Step.LOCKING, deadline=None, session="S-1", key="k")
    before = Station(slots={1: Slot(number=1)}, visits={7: visit}, visit_count=7)
    visits = Visits(before)
    assert visits.find("S-1") == visits.find("k") == visits.find(by_card(CARD)) == "V-7"
    assert visits.find("") is None
    for number in range(8, 9 + REMEMBERED):
        another = replace(visit, number=number, card=f"{number:014X}", session=f"S-{number}", key="")
        after = replace(before, visits={number: another}, visit_count=number)
        assert visits.decided(SeveralCardsSeen(at=AT, id="f"), before, after, Effects()) == f"V-{number}"
        before = after
    assert visits.find("S-1") is None
    assert visits.find(f"S-{number}") == f"V-{number}"


def test_an_answer_of_no_known_status_and_calls_that_are_never_answered() -> None:
    feed = Feed()
    onlooker = SupplierOnlooker(Recorder(feed, Clock(), lambda _: None), Cards())
    request = Request(name="pay", method="PUT", path="/sessions/S-1/pay", card=CARD, key="k")
    onlooker.leaves(request)
    onlooker.is_over(request, Answer(status=799, body=CARD.encode(), broken="it broke", too_long=True), "")
    answer = feed.numbered()[-1].body
    assert b'"title":"799"' in answer
    assert b'"body":"..E5F6"' in answer
    assert b'"tooLong":true' in answer
    for _ in range(ON_THE_WAY + 20):
        onlooker.leaves(Request(name="pay", method="PUT", path="/x", card=""))
    assert len(onlooker._calls._drafts) == ON_THE_WAY


def test_a_page_without_the_sessions_before_is_still_one(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def reader(self) -> Any:
            raise sqlite3.OperationalError("disk I/O error")

    with caplog.at_level(logging.WARNING):
        assert settled_lately(Broken()) == []  # type: ignore[arg-type]
    assert "without the sessions before this start: disk I/O error" in caplog.text
