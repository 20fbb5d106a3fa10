"""SECURITY.md says what the code does: the bounds of everything that comes in."""

from pathlib import Path

from support.fuzz.doors import DOORS

from agent import config, control, events, logs, outbox
from agent.broker import link, mailbox, orders, outgoing
from agent.config.schema import MOST_TOLD
from agent.http import conversation, feed
from agent.http.limits import Limits
from agent.metrics import exposition
from agent.secret_files import LONGEST_SECRET
from agent.supplier import exchange, line, reading
from agent.web import door, scene, serving
from agent.workflow import inbox, turn
from agent.workflow.orders import MOST_REPLIES
from hardware.emulated import wire
from hardware.strips import frames, server

PAGE = Path(__file__).parent.parent / "SECURITY.md"
PLAIN = Limits()
BEGINS, ENDS = "makes this table from the code -->\n", "<!-- end of bounds -->"


def kib(count: int) -> str:
    """Bytes, as the page writes them."""
    assert count % 1024 == 0
    return f"{count // 1024} KiB"


ROWS = (
    (
        "`station.toml`",
        f"{kib(config.LARGEST_FILE)} of UTF-8; every value its own range; {MOST_TOLD} mistakes told",
        "config",
    ),
    (
        "supplier: an exchange",
        f"`request_timeout_s` for all of it, {kib(line.MAX_RECEIVED)} received, headers too",
        "supplier",
    ),
    (
        "supplier: an answer",
        (
            f"{kib(exchange.MAX_BODY)} of body; {reading.MAX_TEXT} characters of any text; "
            f"`Retry-After` {reading.MAX_RETRY_AFTER_S:.0f} s"
        ),
        "supplier",
    ),
    ("token and password files", f"{kib(LONGEST_SECRET)}, one line", ""),
    (
        "MQTT: packets",
        (
            f"{kib(link.LARGEST_PACKET)} (MQTT 5); {outgoing.WINDOW} messages unacknowledged at a time, "
            f"{link.MOST_UNACKNOWLEDGED} of QoS 0"
        ),
        "",
    ),
    (
        "MQTT: `inbox`",
        (
            f"{kib(events.LONGEST_PAYLOAD)}, {events.DEEPEST_NESTING} levels, {events.LONGEST_ATTRIBUTE} characters an "
            f"attribute, {inbox.TEXT_LIMIT} of a fault's text; {inbox.MOST_FAULTS} faults at a time"
        ),
        "inbox",
    ),
    (
        "MQTT: `commands/`",
        (
            f"{kib(orders.LONGEST_PAYLOAD)}; {turn.FRESH_S:.0f} s of age; response topic of {orders.LONGEST_TOPIC}, "
            f"correlation data {kib(orders.LONGEST_CORRELATION)}; {MOST_REPLIES + 1} replies to one that is under way"
        ),
        "commands",
    ),
    (
        "`control.sock`",
        f"a line of {kib(control.LINE_LIMIT)} within {control.CALLER_S:.0f} s; {control.CALLERS} callers at once",
        "control",
    ),
    (
        "lights process",
        f"frames of {frames.PIXELS_AT_MOST} pixels, named in {server.NAMED_WITHIN_S:.0f} s; one agent, one newcomer",
        "lights",
    ),
    ("card reader's bus", "UIDs of 4, 7 and 10 bytes, checked; a poll 0.1 s, a revival 0.2 s", "spi"),
    (
        "simulated station's API",
        (
            f"body {kib(conversation.MAX_BODY)}, all of it {kib(PLAIN.request_size)} in "
            f"{PLAIN.request_s:.0f} s; {PLAIN.connections} callers, {feed.READERS} look on, idle "
            f"{PLAIN.idle_s:.0f} s"
        ),
        "sim-api",
    ),
    (
        "metrics",
        (
            f"`GET` alone, all of it {kib(PLAIN.request_size)} in {PLAIN.request_s:.0f} s; {PLAIN.connections} "
            f"callers, idle {PLAIN.idle_s:.0f} s; figures collected once in {exposition.FRESH_S:g} s"
        ),
        "",
    ),
    (
        "station page",
        (
            f"body {kib(conversation.MAX_BODY)}, all of it {kib(serving.LIMITS.request_size)} in "
            f"{serving.LIMITS.request_s:.0f} s; {serving.LIMITS.connections} callers, {scene.READERS} look on, idle "
            f"{serving.LIMITS.idle_s:.0f} s; {door.TRIES} wrong tokens in {door.TRIES_S:.0f} s"
        ),
        "page",
    ),
    ("simulated world's socket", f"a line of {kib(wire.LINE_AT_MOST)}; the same user only", ""),
    ("log", f"one line a fact; {logs.REMEMBERED} lines of {logs.LONGEST_LINE} characters for `diagnostics`", ""),
)


def test_the_page_has_the_bounds_of_the_code() -> None:
    table = [
        "| input | bound | `scripts/fuzz` |",
        "|---|---|---|",
        *(f"| {what} | {bound} | {door} |" for what, bound, door in ROWS),
    ]
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(BEGINS)[2].partition(ENDS)[0].strip() == "\n".join(table), "\n".join(table)


def test_every_door_is_in_the_table() -> None:
    assert {door for _, _, door in ROWS if door} == set(DOORS)


def test_the_page_has_the_bounds_of_what_is_owed() -> None:
    owed = f"{outbox.ACTS_MAX} acts and {mailbox.MESSAGES_MAX} messages owed"
    assert owed in PAGE.read_text(encoding="utf-8")
