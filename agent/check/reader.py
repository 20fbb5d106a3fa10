"""The card reader: whether its chip answers, and what it says it is."""

from collections.abc import Iterator

from agent.check.finding import Finding, failed, ok, warning
from hardware.parts import Reader, ReaderFailure
from hardware.reader_chip import is_genuine

PART = "reader"


def look(reader: Reader) -> Iterator[Finding]:
    """One poll, after one attempt to revive a chip that does not answer. A card in the field does not matter."""
    try:
        _poll(reader)
    except ReaderFailure as failure:
        yield failed(PART, str(failure))
        return
    yield about(reader.version())


def _poll(reader: Reader) -> None:
    try:
        reader.poll()
    except ReaderFailure:
        reader.revive()
        reader.poll()


def about(version: int | None) -> Finding:
    """A chip that answers, by its VersionReg."""
    if version is None:
        return ok(PART, "answers")
    if is_genuine(version):
        return ok(PART, f"an MFRC522 answers (version 0x{version:02X})")
    said = f"answers as version 0x{version:02X}: a clone, which works as far as is known"
    return warning(PART, said, "if cards are read badly, fit a genuine MFRC522")
