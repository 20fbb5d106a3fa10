"""The log of facts: each line with how grave it is, and with fields to look for it in systemd's journal.

`journalctl SLOT=1`, `journalctl SESSION=...`, `journalctl FAULT=ReaderFailure` find what there is of one.
"""

import logging
from collections.abc import Iterator

from agent.effects import Effects
from agent.facts import Fact
from agent.state import Fault, Station
from agent.story import told

log = logging.getLogger(__name__)


def chronicle(fact: Fact, before: Station, after: Station, effects: Effects) -> None:
    """Log what there is to say about a fact, once it is kept."""
    raised = {f"fault {fault.code} raised": fault for fault in _raised(before, after)}
    fields = fields_of(fact, before, after)
    for line in told(fact, before, after, effects):
        fault = raised.get(line.partition(":")[0])
        if fault:
            log.log(_gravity(fault), "%s", line, extra={"fields": {**fields, **_of_fault(fault)}})
        else:
            log.info("%s", line, extra={"fields": fields})


def fields_of(fact: Fact, before: Station, after: Station) -> dict[str, str]:
    """Which slot, session and fault a fact is about, as far as it is about one."""
    found: dict[str, str] = {}
    number = getattr(fact, "slot", 0) or _only_changed(before, after)
    if number in after.slots:
        session = after.slots[number].session or (before.slots[number].session if number in before.slots else "")
        found = {"SLOT": str(number), "SESSION": session}
    code = getattr(fact, "code", "")
    return {name: value for name, value in {**found, "FAULT": code}.items() if value}


def _only_changed(before: Station, after: Station) -> int:
    changed = [
        number
        for number, slot in after.slots.items()
        if number in before.slots and before.slots[number].session != slot.session
    ]
    return changed[0] if len(changed) == 1 else 0


def _raised(before: Station, after: Station) -> Iterator[Fault]:
    return (after.faults[key] for key in after.faults.keys() - before.faults.keys())


def _gravity(fault: Fault) -> int:
    return logging.WARNING if fault.warning else logging.ERROR


def _of_fault(fault: Fault) -> dict[str, str]:
    return {"FAULT": fault.code, "SLOT": str(fault.slot)} if fault.slot else {"FAULT": fault.code}
