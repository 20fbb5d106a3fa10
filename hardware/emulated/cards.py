"""Emulated ISO/IEC 14443-3 type A cards and the reader's field they lie in."""

import random
import re
import threading
from enum import StrEnum

from hardware.emulated.air import Noise, Reception, add_up
from hardware.iso14443 import (
    CASCADE,
    CASCADE_TAG,
    HALT,
    REQA,
    UNFINISHED,
    WHOLE,
    WUPA,
    Bits,
    check_byte,
    to_bits,
    to_bytes,
    with_crc,
)

_UID = re.compile(r"(?!88.{6}$)([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})")
_SAK = {4: 0x08, 7: 0x00, 10: 0x20}
_TORN_BITS = 13
_LEVEL_BYTES = 4
_ANTICOLLISION_BITS = 16


class ReaderFault(StrEnum):
    """What can be wrong with the reader or its air."""

    ABSENT = "reader-absent"
    """No chip on the bus, MISO reads 0x00."""
    ABSENT_FF = "reader-absent-ff"
    """No chip on the bus, MISO reads 0xFF."""
    NOISE = "reader-noise"
    """Random bit flips on the air in both directions."""
    TORN = "reader-torn"
    """Every card is torn away in the middle of its answer to an anticollision frame."""
    CHIP_RESET = "reader-chip-reset"
    """The chip loses its registers once, at the moment this is set."""
    ANTENNA_OFF = "reader-antenna-off"
    """The antenna drivers go off and cannot be switched on."""
    STUCK_TX = "reader-stuck-tx"
    """A transmission never ends: no answer and no timeout follow."""
    WEAK = "reader-weak"
    """Each answer of a card is heard only with probability `weak_answers`."""
    BUS_ERROR = "reader-bus-error"
    """Every transfer fails with an OSError."""


_POWER_CUTS = frozenset({ReaderFault.ABSENT, ReaderFault.ABSENT_FF, ReaderFault.CHIP_RESET})


class CardState(StrEnum):
    """States of clause 6.3; READY and ACTIVE remember whether they came from HALT."""

    IDLE = "idle"
    READY = "ready"
    ACTIVE = "active"
    HALT = "halt"


class Card:
    """One card with power. It knows only activation, so RATS or READ are unexpected frames to it."""

    def __init__(self, uid: str) -> None:
        whole = bytes.fromhex(uid)
        self.state = CardState.IDLE
        self._rest = CardState.IDLE
        self._level = 0
        self._atqa = bytes([0x04 | (len(whole) - 4) // 3 << 6, 0x00])
        self._sak = _SAK[len(whole)]
        self._parts = _cascade(whole)

    def answer(self, frame: Bits, *, parity_ok: bool = True) -> Bits | None:
        """What the card says to a frame; None is silence. An unexpected frame sends it back to where it rested."""
        reply = self._reply(frame) if parity_ok else None
        if reply is None and self.state in (CardState.READY, CardState.ACTIVE):
            self.state = self._rest
        return reply

    def _reply(self, frame: Bits) -> Bits | None:
        if self.state is CardState.READY:
            return self._ready(frame)
        if self.state is CardState.ACTIVE:
            if frame == to_bits(with_crc(HALT)):
                self._rest = CardState.HALT
            return None
        if frame == WUPA or (frame == REQA and self.state is CardState.IDLE):
            self._rest, self.state, self._level = self.state, CardState.READY, 0
            return to_bits(self._atqa)
        return None

    def _ready(self, frame: Bits) -> Bits | None:
        sent = to_bytes(frame)
        part = self._parts[self._level]
        if len(frame) < _ANTICOLLISION_BITS or sent[0] != CASCADE[self._level]:
            return None
        if frame == to_bits(with_crc(bytes([sent[0], WHOLE]) + part)):
            return self._selected()
        known = frame[_ANTICOLLISION_BITS:]
        said_to_be_known = (sent[1] >> 4) * 8 + (sent[1] & 7) - _ANTICOLLISION_BITS
        if len(known) != said_to_be_known or to_bits(part)[: len(known)] != known:
            return None
        return to_bits(part)[len(known) :]

    def _selected(self) -> Bits:
        if self._level + 1 < len(self._parts):
            self._level += 1
            return to_bits(with_crc(bytes([UNFINISHED])))
        self.state = CardState.ACTIVE
        return to_bits(with_crc(bytes([self._sak])))


def _cascade(uid: bytes) -> tuple[bytes, ...]:
    """The five bytes of each cascade level: four of the UID, or the cascade tag and three, and their check byte."""
    levels = []
    while len(uid) > _LEVEL_BYTES:
        levels.append(bytes([CASCADE_TAG]) + uid[:3])
        uid = uid[3:]
    levels.append(uid)
    return tuple(level + bytes([check_byte(level)]) for level in levels)


class Field:
    """The cards in the reader's field. Any thread may place and remove cards or set a fault at any instant.

    `seed` makes noise and weak answers repeat; `weak_answers` is the probability that a weak card is heard, `noise`
    the probability that one symbol on a noisy air is disturbed.
    """

    def __init__(self, seed: int = 0, weak_answers: float = 0.5, noise: float = 0.02) -> None:
        self._lock = threading.Lock()
        self._cards: dict[str, Card] = {}
        self._fault: ReaderFault | None = None
        self._power_cuts = 0
        self._powered = False
        self._random = random.Random(seed)  # noqa: S311 - a repeatable disturbance, no secret
        self._weak_answers = weak_answers
        self._noise = Noise(self._random, noise)

    def place(self, uid: str) -> None:
        """Bring a card into the field: 4, 7 or 10 bytes of upper-case hex. One that is there already stays as it is.

        Raises ValueError for what no card can have as its UID.
        """
        if not _UID.fullmatch(uid):
            raise ValueError(f"{uid!r} is no card's UID: give 4, 7 or 10 bytes in upper-case hex, 4 not starting 88")
        with self._lock:
            self._cards.setdefault(uid, Card(uid))

    def remove(self, uid: str) -> None:
        """Take a card away; no card, no matter."""
        with self._lock:
            self._cards.pop(uid, None)

    def uids(self) -> frozenset[str]:
        """The cards in the field."""
        with self._lock:
            return frozenset(self._cards)

    @property
    def fault(self) -> ReaderFault | None:
        """What is wrong with the reader at the moment; may be set at any time."""
        with self._lock:
            return self._fault

    @fault.setter
    def fault(self, fault: ReaderFault | None) -> None:
        with self._lock:
            self._fault = fault
            self._power_cuts += fault in _POWER_CUTS

    @property
    def power_cuts(self) -> int:
        """How often the chip has lost its power; a chip that sees it grow has lost its registers."""
        with self._lock:
            return self._power_cuts

    def power(self, *, on: bool) -> None:
        """The antenna goes on or off; without it cards lose their state (clause 5.1: at most 5 ms later)."""
        with self._lock:
            if not on:
                self._cards = {uid: Card(uid) for uid in self._cards}
            self._powered = on

    def exchange(self, frame: Bits, align: int = 0) -> Reception | None:
        """Send a frame to all cards; what the reader hears of their answers, None for silence.

        The first answered bit is bit `align` of its byte.
        """
        with self._lock:
            if not self._powered:
                return None
            answers = [answer for card in self._cards.values() if (answer := self._ask(card, frame, align))]
            return add_up(answers) if answers else None

    def _ask(self, card: Card, frame: Bits, align: int) -> Reception | None:
        if self._fault is ReaderFault.NOISE:
            arrived = self._noise.disturb(frame)
            reply = card.answer(arrived.bits, parity_ok=arrived.parity_ok and arrived.collision is None)
            return self._noise.disturb(reply, align) if reply else None
        reply = card.answer(frame)
        if not reply:
            return None
        if self._fault is ReaderFault.TORN and len(frame) >= _ANTICOLLISION_BITS:
            card.state = CardState.IDLE
            return Reception(reply[:_TORN_BITS])
        if self._fault is ReaderFault.WEAK and self._random.random() >= self._weak_answers:
            return None
        return Reception(reply)
