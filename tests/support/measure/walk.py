"""A station's road with its real journal, lanes and supplier, whose bolts settle at once and whose broker takes all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from support.measure.rig import STATION

from agent.broker.mailbox import Mailbox
from agent.clock import Clock
from agent.config.settings import SupplierSettings
from agent.events import Events
from agent.facts import CardRemoved, CardTapped, LockSettled
from agent.happenings import Facts
from agent.heartbeats import Hearts
from agent.journal import Journal, Kept
from agent.outbox import Outbox
from agent.road import Road
from agent.state import Phase, Slot, Station
from agent.supplier import Supplier
from agent.threads import Pool
from agent.workflow import Rules
from hardware.looks import Look
from hardware.parts import Position

CARD = "04A1B2C3D4E5F6"
POOL = 4
FOREVER_S = 10.0


class Dark:
    """Lights that show nothing."""

    def show(self, looks: Mapping[str, Look]) -> None:
        del looks

    def wait_shown(self, timeout: float) -> bool:
        return timeout > 0


class Quick:
    """Bolts that settle as soon as they are ordered."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._moves: dict[int, int] = {}

    def order(self, slot: int, position: Position, move: int) -> None:
        if self._moves.get(slot) != move:
            self._moves[slot] = move
            self._facts.happen(LockSettled, slot=slot, move=move, locked=position is Position.LOCKED)

    def permit(self, slot: int, granted: bool) -> None:
        del slot, granted


class Walk:
    """One session after the other; a context manager."""

    def __init__(self, url: str, path: Path) -> None:
        self._clock = Clock()
        self._facts = Facts(self._clock)
        self.journal = Journal(path)
        settings = SupplierSettings(url=url)
        self._supplier = Supplier(settings, STATION, frozenset({1}))
        self._outbox = Outbox(self._supplier, self._facts.happen, pay_wait_s=3.0, fewer=self._facts.poke)
        self._mailbox = Mailbox(self.journal)
        self.road = Road(
            rules=Rules(station_id=STATION, retap_guard_s=0.0),
            journal=self.journal,
            outbox=self._outbox,
            mailbox=self._mailbox,
            events=Events("https://supplier.example", STATION),
            lights=Dark(),
            bolts=Quick(self._facts),
            clock=self._clock,
            facts=self._facts,
            station=Station(slots={1: Slot(number=1)}),
            kept=lambda _: None,
            kept_for=Kept(history_days=30, known_days=90),
            mail_ready=self._deliver,
            answered=lambda _: None,
            clock_set=lambda _: True,
            diagnose=dict,
            restart=lambda: None,
        )
        self._pool = Pool("supplier", POOL, self._outbox.run, self._hang_up, Hearts())

    def __enter__(self) -> Self:
        self._pool.start()
        self.road.restart({}, {}, letting_go=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.tell_to_end()
        self._pool.join(FOREVER_S)
        self._mailbox.close()
        self.journal.close()

    def session(self) -> None:
        """From the first tap until everything of the second is told."""
        for phase in (Phase.CHARGING, Phase.FREE):
            self._facts.happen(CardTapped, card=CARD)
            self._facts.happen(CardRemoved, card=CARD)
            self._until(phase)

    def _until(self, phase: Phase) -> None:
        until = self._clock.now().boottime + FOREVER_S
        while self.road.station.slots[1].phase is not phase or self._outbox.owed()[0] or self.road.station.visits:
            fact = self._facts.take(min(0.1, self.road.wait_s()))
            if fact is not None:
                self.road.take(fact)
            self.road.tick()
            assert self._clock.now().boottime < until, f"{phase} was not reached: {self.road.station}"

    def _deliver(self) -> None:
        for parcel in self._mailbox.take(100):
            self._mailbox.delivered(parcel.id)

    def _hang_up(self) -> None:
        self._outbox.stop()
        self._supplier.close()
