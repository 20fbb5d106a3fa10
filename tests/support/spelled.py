"""A card's UID in every spelling that somebody might find it in."""

from pathlib import Path


def spellings(card: str) -> list[bytes]:
    """In lower case, as everything is compared: in one, its bytes apart, percent-encoded, and the bytes themselves."""
    low = card.lower()
    octets = [low[place : place + 2] for place in range(0, len(low), 2)]
    apart = [between.join(octets) for between in (":", "-", " ", "%3a", ", 0x", "\\x")]
    encoded = "".join(f"%{ord(digit):02x}" for digit in low)
    upper = "".join(f"%{ord(digit):02x}" for digit in card.upper())
    return [each.encode() for each in (low, *apart, encoded, upper)] + [bytes.fromhex(card).lower()]


def found_in(content: bytes, cards: tuple[str, ...]) -> list[str]:
    """Which of the cards stand in it in clear."""
    low = content.lower()
    return [card for card in cards if any(each in low for each in spellings(card))]


def files_below(folder: Path) -> dict[str, bytes]:
    """The content of every regular file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
