"""What the air between a reader and its cards does to frames: it adds answers up, and it may disturb them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.iso14443 import Bits

_HEARD_AS_COLLISION = 0.25


@dataclass(frozen=True, slots=True)
class Reception:
    """What arrives at one end. `collision` is the index in `bits` of the first bit that was sent both ways."""

    bits: Bits
    collision: int | None = None
    parity_ok: bool = True


def add_up(answers: Sequence[Reception]) -> Reception:
    """Several cards' answers on one air: load modulation adds, so a bit sent both ways is heard as a collision."""
    if len(answers) == 1:
        return answers[0]
    length = max(len(answer.bits) for answer in answers)
    columns = [{answer.bits[at] for answer in answers if at < len(answer.bits)} for at in range(length)]
    collisions = [at for at, column in enumerate(columns) if len(column) > 1]
    collisions += [answer.collision for answer in answers if answer.collision is not None]
    return Reception(
        bits=tuple(max(column) for column in columns),
        collision=min(collisions, default=None),
        parity_ok=all(answer.parity_ok for answer in answers),
    )


class Noise:
    """Flips each symbol of a frame with probability `rate`; one flip in four is heard as a collision instead."""

    def __init__(self, random_: random.Random, rate: float) -> None:
        self._random = random_
        self._rate = rate

    def disturb(self, bits: Bits, align: int = 0) -> Reception:
        """`bits` after the disturbance; the first of them is bit `align` of its byte.

        A byte's odd parity finds an odd number of flips among its eight bits and the parity bit. A byte that is split
        or incomplete carries no parity worth checking (ISO/IEC 14443-3, clause 6.2.3.2).
        """
        heard = list(bits)
        flips: dict[int, int] = {}
        collision: int | None = None
        for at in range(len(bits)):
            if self._random.random() >= self._rate:
                continue
            if collision is None and self._random.random() < _HEARD_AS_COLLISION:
                collision = at
                continue
            heard[at] ^= 1
            flips[(at + align) // 8] = flips.get((at + align) // 8, 0) + 1
        whole = range(1 if align else 0, (len(bits) + align) // 8)
        wrong = [byte for byte in whole if (flips.get(byte, 0) + (self._random.random() < self._rate)) % 2]
        return Reception(tuple(heard), collision, parity_ok=not wrong)
