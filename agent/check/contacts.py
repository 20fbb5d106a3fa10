"""The contacts: what each one shows now; whoever is on site sees whether that is so."""

from collections.abc import Iterator

from agent.check.finding import Finding, failed, ok
from hardware.contacts import Contact, Contacts
from hardware.harness import RELEASE, slot_name
from hardware.parts import ContactFailure

CLOSED = failed(
    RELEASE,
    "the contact is closed, so every lock stands open",
    "open it, or look at its wire; then station-agent clear-fault Released",
)


def look(contacts: Contacts) -> Iterator[Finding]:
    """Vehicles by slot, and the release contact."""
    for slot, contact in contacts.vehicles.items():
        yield _shown(slot_name(slot), contact, "its contact shows a vehicle", "its contact shows no vehicle")
    if contacts.release is not None:
        yield _shown(RELEASE, contacts.release, CLOSED, "the contact is open")


def _shown(part: str, contact: Contact, closed: Finding | str, opened: str) -> Finding:
    try:
        said = closed if contact.closed() else opened
    except ContactFailure as failure:
        return failed(part, str(failure))
    return ok(part, said) if isinstance(said, str) else said
