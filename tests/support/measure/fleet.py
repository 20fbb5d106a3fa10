"""Many stations: what one says in a day, and what happens when broker and supplier come back to all of them."""

import threading
import time
import uuid
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from support.measure.figures import Part, Plot, Scale, Table, plain
from support.measure.rig import PlainSupplier, scratch, wait
from support.measure.walk import Walk
from support.mqtt import eventually
from support.mqtt_bench import HOUR_S, Traffic, metered, rest, session
from support.storm import Storm

from agent.clock import boottime
from agent.config.settings import SupplierSettings
from agent.effects import Act, ActName, Effects
from agent.heartbeats import Hearts
from agent.outbox import Outbox
from agent.supplier import Supplier
from agent.threads import Turn

FLEET, DAY_SESSIONS, DAY_S = 100_000, 20, 86_400
EVENTS, DOWN_S = 10, 10.0
PATIENCE_S = 300.0
SESSION = (ActName.LEDS, ActName.LOCK, ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK)
HOW = """*Broker*: {stations} stations, each with its journal, mailbox and line as in the field, in {processes}
processes; one mosquitto is killed amid their events, is away for {down:.0f} s while they write more, and comes
back. *Supplier*: {outboxes} stations' lanes in one process, each with the six acts of a session that became owed
while one supplier was away for {down:.0f} s. *A day*: one station's line metered over {sessions} sessions and
{rest} s at rest, {day} sessions a day assumed. All on this machine, so the rates are what it could do for both
ends."""


def measure(scale: Scale) -> Part:
    """Storms, then a day, then the fleet."""
    stations, sessions, rest_s = scale.of(300, 20), scale.of(10, 1), scale.of(90, 2)
    outboxes = scale.of(300, 20)
    how = HOW.format(
        stations=stations,
        processes=-(-stations // 75),
        down=DOWN_S,
        outboxes=outboxes,
        sessions=sessions,
        rest=rest_s,
        day=DAY_SESSIONS,
    )
    part = Part(title="Fleet", how=how)
    broker_back(part, stations)
    supplier_back(part, outboxes)
    a_day(part, sessions, rest_s)
    return part


def broker_back(part: Part, stations: int) -> None:
    """The broker's return."""
    with scratch() as folder, Storm(folder, stations) as storm:
        found = storm.blow(DOWN_S, EVENTS)
    part.at_most("events lost by the stations", len(found.lost), 0, f"of {found.written}")
    part.at_most("stations whose events came out of order", len(found.disordered), 0, f"of {stations}")
    part.says(
        "stations back after the broker",
        f"half after {plain(median(found.back))} s, all after {plain(max(found.back))} s",
    )
    busiest = max(Counter(int(moment) for moment in found.back).values())
    part.says("connections in the busiest second", f"{busiest}, a share of {plain(busiest / stations)}")
    part.says("everything delivered after", f"{plain(found.delivered_after_s)} s")
    seconds = Counter(int(moment) // 5 * 5 for moment in found.back)
    bars = [(f"{at}-{at + 5} s", seconds[at], True) for at in range(0, int(max(found.back)) + 1, 5)]
    title = f"{stations} stations back after the broker's return"
    part.plots.append(Plot(file="storm.svg", title=title, unit="stations in five seconds", bars=bars))


class Owing:
    """The supplier's side of one station: its lanes, one thread."""

    def __init__(self, url: str, number: int) -> None:
        self._name = f"S-{number}"
        self._supplier = Supplier(SupplierSettings(url=url), f"ST-{number}", frozenset({1}))
        self.outbox = Outbox(self._supplier, self._happen, pay_wait_s=3.0)
        turn = Turn(Hearts().heart(f"owing-{number}"))
        self._thread = threading.Thread(target=self.outbox.run, args=[turn], name=f"owing-{number}")

    def _happen(self, _kind: type, **values: object) -> None:
        """What has settled something is taken in at once, as main would."""
        act = values.get("act")
        if isinstance(act, Act):
            self.adopt(Effects(settled=(act.key,)))

    def owe(self) -> None:
        """One session's acts."""
        acts = [
            Act(name=name, key=str(uuid.uuid4()), lane=f"session:{self._name}", session=self._name, slot=1, light="1")
            for name in SESSION
        ]
        self.adopt(Effects(owed=tuple(acts)))
        self._thread.start()

    def adopt(self, effects: Effects) -> None:
        """As main does, without the journal."""
        with self.outbox.held():
            self.outbox.adopt(self.outbox.plan(effects, lambda: next(IDS), time.time()))

    def close(self) -> None:
        """Stop it."""
        self.outbox.stop()
        self._supplier.close()
        self._thread.join()


IDS = iter(range(1, 10**9))


def supplier_back(part: Part, stations: int) -> None:
    """The supplier's return to stations that owe it a session each."""
    with PlainSupplier() as supplier, ExitStack() as life:
        supplier.refuses.set()
        owing = [Owing(supplier.url, number) for number in range(stations)]
        for each in owing:
            life.callback(each.close)
            each.owe()
        wait(DOWN_S)
        supplier.refuses.clear()
        returned = boottime()
        assert eventually(lambda: all(each.outbox.owed()[0] == 0 for each in owing), PATIENCE_S), "not all is delivered"
        took, answered = boottime() - returned, len(supplier.own)
    busiest = max(Counter(int(came - returned) for came, _ in supplier.own).values())
    part.at_most("acts lost on the way to the supplier", max(0, stations * len(SESSION) - answered), 0, "")
    part.says("acts delivered after the supplier's return", f"{stations * len(SESSION)} within {plain(took)} s")
    part.says("calls in the busiest second", f"{busiest}, {plain(busiest / stations)} a station")


def a_day(part: Part, sessions: int, rest_s: float) -> None:
    """One station's day, and that of a fleet."""
    with scratch() as folder, metered(folder) as (bench, meter):
        each = [session(bench, meter) for _ in range(sessions)]
        idle = rest(meter, rest_s)
    calls, http = a_session_at_the_supplier()
    mean = Traffic(*(round(sum(getattr(one, name) for one in each) / sessions) for name in Traffic.__slots__))
    messages = DAY_SESSIONS * mean.publishes + idle.publishes * DAY_S / rest_s
    line = (DAY_SESSIONS * mean.on_the_line + idle.on_the_line * DAY_S / rest_s) / 1e6
    part.says("messages of a session, of an hour at rest", f"{mean.publishes}, {idle.publishes * HOUR_S / rest_s:.0f}")
    rows = [
        ["MQTT messages", plain(messages), plain(FLEET * messages / DAY_S) + " a second", "counted by the broker"],
        [
            "MQTT on the line, MB",
            plain(line),
            f"{plain(FLEET * line / 1e6)} TB",
            "bytes of TCP, with TLS, IP and acknowledgements",
        ],
        [
            "supplier calls",
            plain(DAY_SESSIONS * calls),
            plain(FLEET * DAY_SESSIONS * calls / DAY_S) + " a second",
            "counted by the supplier",
        ],
        [
            "supplier, MB of HTTP",
            plain(DAY_SESSIONS * http / 1e6),
            f"{plain(FLEET * DAY_SESSIONS * http / 1e12)} TB",
            "bytes of requests and answers, without TLS",
        ],
        ["connections to the broker", "1", f"{FLEET:,}".replace(",", " "), "one each, kept; a ping every 30 s"],
        [
            "back after a broker's return, busiest second",
            "",
            plain(FLEET / 5),
            "a fifth: the storm above and docs/broker.md",
        ],
    ]
    columns = ("a day", "one station", f"{FLEET:,} stations".replace(",", " "), "source")
    part.tables.append(Table(columns=columns, rows=rows))


def a_session_at_the_supplier(sessions: int = 5) -> tuple[float, float]:
    """Calls and bytes of a session."""
    with PlainSupplier() as supplier, scratch() as folder, Walk(supplier.url, Path(folder) / "journal.db") as walk:
        for _ in range(sessions):
            walk.session()
        return supplier.calls / sessions, supplier.carried / sessions
