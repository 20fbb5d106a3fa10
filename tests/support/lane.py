"""A road with a real journal, outbox and mailbox, walked one step at a time."""

from collections.abc import Callable, Mapping
from pathlib import Path

from support.owing import CARD, WALL, HandClock

from agent.answers import Delivered, Grant, Outcome
from agent.broker.mailbox import Mailbox
from agent.clock import At, Clock
from agent.effects import Act, Answer
from agent.events import Events
from agent.face import MAIN
from agent.facts import CardTapped, EventReceived, Fact
from agent.happenings import Facts
from agent.heartbeats import Heart
from agent.journal import Journal, Kept
from agent.outbox import Outbox
from agent.road import Road
from agent.state import Slot, Station
from agent.threads import Turn
from agent.workflow import Rules
from hardware.looks import Look
from hardware.parts import Position

KEPT = Kept(history_days=30, known_days=90)
FAULTED = "com.ev-power-supplier.charging-station.faulted.v1"


class HandedClock(Clock):
    """All of a station's clocks, moved by hand."""

    def __init__(self, hand: HandClock) -> None:
        self._hand = hand

    def now(self) -> At:
        return At("boot-1", self._hand(), WALL + self._hand())


class Lit:
    """Lights that remember what they were told to show, and what the journal held by then."""

    def __init__(self, written: Callable[[], list[str]]) -> None:
        self.shown: list[tuple[Look, list[str]]] = []
        self.waits: list[float] = []
        self._written = written

    def show(self, looks: Mapping[str, Look]) -> None:
        self.shown.append((looks[MAIN], self._written()))

    def wait_shown(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return True


class Bolted:
    """Bolts that remember their orders, and what the journal held by then."""

    def __init__(self, written: Callable[[], list[str]]) -> None:
        self.orders: dict[tuple[int, Position, int], list[str]] = {}
        self.permits: dict[int, bool] = {}
        self._written = written

    def order(self, slot: int, position: Position, move: int) -> None:
        self.orders.setdefault((slot, position, move), self._written())

    def permit(self, slot: int, granted: bool) -> None:
        self.permits[slot] = granted


class Obliging:
    """A supplier that gives slot 1 to everybody, and remembers what the journal held when it was asked."""

    def __init__(self, written: Callable[[], list[str]]) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        self._written = written

    def ask(self, card: str) -> Outcome:
        del card
        self.heard.append(("ask", self._written()))
        return Delivered(status=404)

    def deliver(self, act: Act, *, repeated: bool) -> Outcome:
        del repeated
        self.heard.append((act.name, self._written()))
        return Delivered(status=200, grant=Grant(slot=1, session="S1"))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


class Lane:
    """A road with a real journal, outbox and mailbox, on which the test lets things happen one by one."""

    def __init__(
        self,
        path: Path,
        station: Station | None = None,
        bounds: tuple[int, int] = (1000, 1000),
        diagnose: Callable[[], Mapping[str, object]] = lambda: {"well": True},
        kept_for: Kept = KEPT,
    ) -> None:
        self.hand = HandClock()
        self.clock = HandedClock(self.hand)
        self.facts = Facts(self.clock)
        self.journal = Journal(path)
        self.look = self.journal.reader()
        self.lights = Lit(self.written)
        self.bolts = Bolted(self.written)
        self.supplier = Obliging(self.written)
        self.outbox = Outbox(self.supplier, self.facts.happen, pay_wait_s=3.0, clock=self.hand)
        self.mailbox = Mailbox(self.journal)
        self.kept: list[str] = []
        self.mail = 0
        self.answers: list[Answer] = []
        self.restarts: list[bool] = []
        self.gave_way: list[tuple[float, list[int], list[str]]] = []
        self.road = Road(
            rules=Rules(station_id="ST-42"),
            journal=self.journal,
            outbox=self.outbox,
            mailbox=self.mailbox,
            events=Events("https://supplier.example", "ST-42"),
            lights=self.lights,
            bolts=self.bolts,
            clock=self.clock,
            facts=self.facts,
            station=station or Station(slots={n: Slot(number=n) for n in (1, 2)}),
            kept=self.kept.append,
            kept_for=kept_for,
            mail_ready=self._mail_ready,
            answered=self.answers.append,
            clock_set=lambda _: True,
            diagnose=diagnose,
            restart=lambda: self.restarts.append(True),
            give_way=self._give_way,
            bounds=bounds,
        )

    def _mail_ready(self) -> None:
        self.mail += 1

    def _give_way(self, seconds: float) -> None:
        ordered = [slot for slot, position, _ in self.bolts.orders if position is Position.LOCKED]
        self.gave_way.append((seconds, ordered, [owed.act.name for owed in self.outbox._lanes]))

    def written(self) -> list[str]:
        """Keys of what is committed: ("slot", "1"), and the acts and messages that are owed."""
        entries = [f"{kind} {key}" for kind, key in self.look.execute("SELECT kind, key FROM entries")]
        acts = [str(name) for (name,) in self.look.execute("SELECT json_extract(act, '$.name') FROM owed")]
        topics = [topic.rpartition("/")[2] for (topic,) in self.look.execute("SELECT topic FROM messages")]
        return [*entries, *acts, *topics]

    def messages(self, name: str) -> list[bytes]:
        """The payloads of one topic that are committed."""
        found = self.look.execute("SELECT payload FROM messages WHERE topic LIKE ?", (f"%/{name}",))
        return [payload for (payload,) in found]

    def happens(self, kind: type[Fact], **values: object) -> Fact:
        fact = self.facts.make(kind, **values)
        self.road.take(fact)
        return fact

    def exchange(self) -> None:
        """One exchange with the supplier, and what came of it."""
        self.outbox.work(Turn(Heart("supplier-1")))
        self.take_all()

    def take_all(self) -> None:
        while (fact := self.facts.take(0)) is not None:
            self.road.take(fact)

    def start(self) -> None:
        """A tap, up to the closing bolt."""
        self.happens(CardTapped, card=CARD)
        self.exchange()
        self.exchange()

    def inbox(self, event_id: str, code: str = "X", **error: object) -> Fact:
        data = {"error": {"code": code, **error}}
        return self.happens(EventReceived, type=FAULTED, source="urn:power", event_id=event_id, data=data)

    def full(self, full: bool = True) -> None:
        """SQLite refuses every write, or takes them again."""
        self.journal._db.execute(f"PRAGMA query_only={'ON' if full else 'OFF'}")

    @property
    def faults(self) -> list[str]:
        return list(self.road.station.faults)

    def close(self) -> None:
        self.full(False)
        self.look.close()
        self.mailbox.close()
        self.journal.close()
