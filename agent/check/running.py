"""What a running agent knows of itself: it is asked, and nothing of its is touched."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.check import board, broker, clock, journal, lights, reader, supplier
from agent.check.finding import Finding, failed, ok, warning
from agent.check.locks import power_cut
from agent.config import fingerprint
from agent.config.settings import Config
from agent.version import VERSION
from agent.words import link_words, owed_words
from hardware.harness import RELEASE, slot_name

PART = "agent"
PARTS = {
    "ReaderFailure": reader.PART,
    "OverTemperature": board.PART,
    "Released": RELEASE,
    "LightsFailure": lights.PART,
    "StorageFailure": journal.PART,
    "JournalLost": journal.PART,
    "LowDisk": journal.DISK,
    "SupplierUnreachable": supplier.PART,
    "StationRejected": supplier.PART,
    "BrokerUnreachable": broker.PART,
    "ClockUnset": clock.PART,
}
"""Which part a fault of the station is about."""

MOVING = ("awaiting", "starting", "ending")
"""What a slot does whose bolt may be on its way."""


def look(answer: Mapping[str, Any], config: Config, *, local: bool) -> Iterator[Finding]:
    """Its own state, then its faults; `answer` is that of the question `check` on the control socket."""
    state = answer["status"]
    yield _agent(answer, config)
    if answer["reader"]["well"]:
        yield reader.about(answer["reader"]["version"])
    sensors = {slot.number for slot in config.wiring.slots if slot.lock.sensor_pin is not None}
    for slot in state["slots"]:
        yield _slot(slot, sensor=slot["number"] in sensors)
    for wiring in config.wiring.slots:
        yield from power_cut(wiring)
    yield ok(journal.PART, f"owed: {owed_words(state['owed'])}")
    if state["owed"]["refused"]:
        yield warning(
            journal.PART, f"{state['owed']['refused']} refused and set aside", "see `station-agent owed list`"
        )
    if not local:
        yield from _network(state, config)
    for fault in state["faults"]:
        yield _fault(fault)


def _agent(answer: Mapping[str, Any], config: Config) -> Finding:
    version = answer["status"]["version"]
    if version != VERSION:
        return warning(PART, f"version {version} runs, {VERSION} is installed", "restart it")
    if answer["config"] != fingerprint(config):
        return warning(
            PART, "it started with another config than this file", "restart it, or name its file with --config"
        )
    parts = answer["board"]
    return ok(PART, f"version {version} runs ({parts['kind']}, lights {parts['lights']})")


def _slot(slot: Mapping[str, Any], *, sensor: bool) -> Finding:
    part, wanted, seen = slot_name(slot["number"]), slot["lock"]["wanted"], slot["lock"]["seen"]
    if slot["status"] == "unknown":
        return warning(part, f"nobody knows whose vehicle is in it; sensor: {seen}", "see `station-agent unlock`")
    if not sensor:
        return warning(part, f"{slot['status']}, {wanted}; no sensor says so", "fit one, and set sensor_pin")
    if seen == "unknown":
        return warning(part, f"{slot['status']}, {wanted}; its sensor says nothing", "see the agent's log")
    if wanted not in ("unknown", seen) and slot["status"] not in MOVING:
        return failed(part, f"{slot['status']}, so {wanted}, but its sensor shows {seen}", "look at bolt and sensor")
    return ok(part, f"{slot['status']}, its sensor shows {seen}")


def _network(state: Mapping[str, Any], config: Config) -> Iterator[Finding]:
    """What the agent says; of what it does not reach, or did not try yet, what can be found out beside it."""
    if state["supplier"]["reachable"]:
        yield ok(supplier.PART, link_words(state["supplier"]))
    else:
        slots = frozenset(slot.number for slot in config.wiring.slots)
        yield from supplier.look(config.supplier, config.station.id, slots)
    if state["broker"]["reachable"]:
        yield ok(broker.PART, link_words(state["broker"]))
    else:
        yield from broker.away(config.mqtt)
    yield from broker.protocol(config.mqtt)


def _fault(fault: Mapping[str, Any]) -> Finding:
    part = slot_name(fault["slotNumber"]) if fault["scope"] == "slot" else PARTS.get(fault["code"], PART)
    said = f"{fault['code']} since {fault['raisedAt']}: {fault['detail'] or fault['title']}"
    return warning(part, said) if fault["severity"] == "warning" else failed(part, said)
