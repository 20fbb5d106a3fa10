"""All that a station page shows, as it happens, for whoever looks on."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec

from agent.clock import Clock
from agent.config.settings import Config
from agent.effects import Effects
from agent.facts import CallSettled, Fact
from agent.http.feed import Feed
from agent.journal import Journal, JournalError
from agent.journal.queries import read_settled
from agent.rooms import Rooms
from agent.state import Station
from agent.web.colours import colours
from agent.web.decisions import Decisions
from agent.web.history import History
from agent.web.masking import Cards
from agent.web.onlookers import BrokerOnlooker, LightsOnlooker, SupplierOnlooker
from agent.web.recorder import Recorder, harmless
from agent.web.routes import HISTORY
from agent.web.visits import Visits
from hardware.lights import segments_of
from hardware.parts import Rgb

READERS = 8
"""How many may look on at once."""
LOOKED_BACK = 100
"""Starts, ends and payments before the start that are looked at."""

log = logging.getLogger(__name__)


class Scene:
    """Looks on in all rooms; to be made before anything runs there."""

    def __init__(self, config: Config, rooms: Rooms, clock: Clock) -> None:
        self.feed = Feed(READERS)
        self._segments = segments_of(config.wiring)
        self._visits = Visits(rooms.road.station)
        self._history = History(rooms.road.station, settled_lately(rooms.journal))
        cards = Cards()
        self._decisions = Decisions(cards)
        self._recorder = Recorder(self.feed, clock, self._visits.find)
        self.feed.publish(HISTORY, self._history.view(), keep=True)
        rooms.road.watch(self._decided, self._recorder.deciding)
        rooms.supplier.watch(SupplierOnlooker(self._recorder, cards))
        rooms.broker.watch(BrokerOnlooker(self._recorder, cards))
        rooms.lights.watch(LightsOnlooker(self._recorder, self._visits.find).shown)
        rooms.lights.watch_frames(self._wrote)

    def show(self, state: Mapping[str, Any]) -> None:
        """The station changed."""
        self.feed.publish("state", state, keep=True)

    def close(self) -> None:
        """Nothing more happens: whoever looks on is told so."""
        self.feed.close()

    def follow(self, is_there: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
        """What is kept, then all that happens, as long as the caller `is_there`. Any thread."""
        for told in self.feed.follow(threading.Event()):
            if not is_there():
                return
            yield {"event": told.event, "data": msgspec.json.decode(told.body)}

    def _decided(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        visit = self._visits.decided(fact, before, after, effects)
        drafts = list(self._decisions.drafts(fact, before, after, effects, visit))
        self._recorder.decided(drafts, visit)
        if self._history.decided(fact, before, after, effects):
            self.feed.publish(HISTORY, self._history.view(), keep=True)

    @harmless
    def _wrote(self, frame: Sequence[Rgb]) -> None:
        self.feed.publish("lights", colours(frame, self._segments), keep=True)


def settled_lately(journal: Journal) -> list[CallSettled]:
    """What the journal knows of the last sessions; a page without them is still one."""
    try:
        with closing(journal.reader()) as db:
            return read_settled(db, LOOKED_BACK)
    except (sqlite3.Error, JournalError) as error:
        log.warning("the page begins without the sessions before this start: %s", error)
        return []
