"""The reader's side of ISO/IEC 14443-3 type A: wake the cards, tell them apart, select each and park it in HALT.

It knows frames and no chip: `exchange` sends a frame and says what was heard. A UID counts only after its card has
confirmed it, level by level, by answering a SELECT that carries it under a CRC, with a SAK under a CRC.

Two cards with different UIDs answer different bits somewhere; the first such bit is a fork. One way is followed at
once, the other after the first card is parked and all were woken again. A way on which nobody answers was no card but
a disturbance, so noise on a single card does not look like two cards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hardware.iso14443 import (
    CASCADE,
    CASCADE_TAG,
    HALT,
    UNFINISHED,
    WHOLE,
    WUPA,
    Bits,
    check_byte,
    crc_a,
    to_bits,
    to_bytes,
    with_crc,
)
from hardware.parts import Mangled, NoCard, OneCard, SeveralCards, Sighting

_MOST_CARDS = 4
_MOST_WALKS = 8
_TWO = 2
_ATQA_BITS = 16
_SAK_BITS = 24
_UID_BITS = 32
_PART_BITS = 40


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back on a frame: its data bits as sent, and the index of the first bit that was sent both ways.

    Bits from a collision on say nothing. `clean` is False when something was heard that no card should send.
    """

    bits: Bits = ()
    collision: int | None = None
    clean: bool = True


class Exchange(Protocol):
    """Sends one frame. The first answered bit goes on where bit `align` of its byte is; None is clean silence.

    `answer`: how many bits a card answers, 0 for silence. Not `awaited`, the frame only has to have left before a look
    that comes milliseconds later.
    """

    def __call__(self, frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:
        """Raises what the chip's driver raises."""
        ...


@dataclass(frozen=True, slots=True)
class _Way:
    """A way down the tree of UIDs: the levels selected so far (five bytes each), then bits known of the next one."""

    parts: tuple[bytes, ...] = ()
    known: Bits = ()


def look(exchange: Exchange, wake_tries: int, in_time: Callable[[], bool]) -> Sighting:
    """See which cards are in the field, at most four, until `in_time` says no; every one is left in HALT.

    Silence counts only when `wake_tries` WUPAs in a row meet it: a card whose answer was lost waits for a frame it does
    not expect and takes the second WUPA for that.
    """
    atqa = _wake(exchange, wake_tries)
    if atqa is None:
        return NoCard()
    ways = [_Way()]
    uids: set[str] = set()
    unnamed = 0
    forked = atqa.collision is not None or not atqa.clean or len(atqa.bits) != _ATQA_BITS
    for number in range(_MOST_WALKS):
        if number and _wake(exchange, 1) is None:
            break
        walk = _Walk(exchange, ways.pop())
        uid = walk.follow()
        ways += walk.forks
        exchange(to_bits(with_crc(HALT)), answer=0, awaited=bool(ways))
        forked = forked or bool(walk.forks)
        unnamed += walk.apart and uid is None
        if uid is not None:
            uids.add(uid)
        if not ways or len(uids) == _MOST_CARDS or not in_time():
            break
    if len(uids) + unnamed >= _TWO:
        return SeveralCards(frozenset(uids))
    return OneCard(uids.pop()) if uids and not forked else Mangled()


def _wake(exchange: Exchange, tries: int) -> Heard | None:
    for _ in range(tries):
        if (atqa := exchange(WUPA, answer=_ATQA_BITS)) is not None:
            return atqa
    return None


class _Walk:
    """One way from WUPA to a selected card.

    `forks` are the ways not taken. `apart` is True once somebody has answered to bits that not all cards share.
    """

    def __init__(self, exchange: Exchange, way: _Way) -> None:
        self.forks: list[_Way] = []
        self.apart = False
        self._exchange = exchange
        self._way = way
        self._parts: list[bytes] = []

    def follow(self) -> str | None:
        """The UID of the card at the end, None if the way is lost."""
        uid = b""
        for level, select in enumerate(CASCADE):
            part = self._part(level, select)
            sak = self._select(select, part) if part else None
            if part is None or sak is None:
                return None
            if not sak & UNFINISHED:
                return None if level == 0 and part[0] == CASCADE_TAG else (uid + part[:4]).hex().upper()
            if part[0] != CASCADE_TAG:
                return None
            uid += part[1:4]
            self._parts.append(part)
        return None

    def _part(self, level: int, select: int) -> bytes | None:
        if level < len(self._way.parts):
            return self._way.parts[level]
        return self._tell_apart(select, self._way.known if level == len(self._way.parts) else ())

    def _tell_apart(self, select: int, known: Bits) -> bytes | None:
        """Bitwise anticollision of one level (clause 6.5.3); each round knows at least one bit more."""
        while len(known) < _UID_BITS:
            bytes_known, bits_known = divmod(len(known), 8)
            request = bytes([select, (2 + bytes_known) << 4 | bits_known])
            heard = self._exchange(to_bits(request) + known, bits_known, answer=_PART_BITS - len(known))
            self.apart = self.apart or bool(known and heard)
            if heard is None or not heard.clean:
                return None
            if heard.collision is None:
                return _checked(known + heard.bits)
            if not heard.collision <= len(heard.bits) or len(known) + heard.collision >= _UID_BITS:
                return None
            known += heard.bits[: heard.collision]
            self.forks.append(_Way(tuple(self._parts), (*known, 0)))
            known = (*known, 1)
        part = to_bytes(known)
        return part + bytes([check_byte(part)])

    def _select(self, select: int, part: bytes) -> int | None:
        heard = self._exchange(to_bits(with_crc(bytes([select, WHOLE]) + part)), answer=_SAK_BITS)
        if heard is None or not heard.clean or heard.collision is not None or len(heard.bits) != _SAK_BITS:
            return None
        sak = to_bytes(heard.bits)
        return sak[0] if crc_a(sak[:1]) == sak[1:] else None


def _checked(bits: Bits) -> bytes | None:
    part = to_bytes(bits)
    return part if len(bits) == _PART_BITS and check_byte(part[:4]) == part[4] else None
