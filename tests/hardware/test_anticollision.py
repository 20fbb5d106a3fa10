"""What the walk through the cascade levels makes of cards that do not keep to the standard. Good ones: test_reader."""

from collections.abc import Sequence

import pytest

from hardware.anticollision import Heard, look
from hardware.iso14443 import CASCADE, WUPA, Bits, check_byte, to_bits, to_bytes, with_crc
from hardware.parts import Mangled, NoCard, OneCard, SeveralCards, Sighting

FIRST, SECOND, THIRD = bytes.fromhex("8804A1B2"), bytes.fromhex("88C3D4E5"), bytes.fromhex("F6010203")
ATQA = Heard(to_bits(b"\x04\x00"))


class Odd:
    """A card that says these parts and SAKs, level by level, whatever it is asked."""

    def __init__(self, parts: Sequence[bytes], saks: Sequence[Heard | None], atqa: Heard | None = ATQA) -> None:
        self.frames: list[bytes] = []
        self.answers: list[int] = []
        self.awaited: list[bool] = []
        self._parts = parts
        self._saks = saks
        self._atqa = atqa

    def __call__(self, frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:
        assert align == 0
        self.frames.append(to_bytes(frame))
        self.answers.append(answer)
        self.awaited.append(awaited)
        if frame == WUPA:
            return self._atqa
        select, known = to_bytes(frame)[:2]
        if select not in CASCADE:
            return None
        level = CASCADE.index(select)
        if known == 0x70:
            return self._saks[level]
        part = self._parts[level]
        return Heard(to_bits(part if len(part) != 4 else part + bytes([check_byte(part)])))


def sak(value: int) -> Heard:
    return Heard(to_bits(with_crc(bytes([value]))))


def seen(card: Odd) -> Sighting:
    return look(card, 1, lambda: True)


def test_a_good_card_is_read_and_parked() -> None:
    card = Odd([FIRST, SECOND, THIRD], [sak(4), sak(4), sak(0)])
    assert seen(card) == OneCard("04A1B2C3D4E5F6010203")
    assert card.frames[-1] == bytes.fromhex("500057CD")
    assert card.awaited == [True] * (len(card.frames) - 1) + [False], "a driver does not wait for the parking"
    assert card.answers == [16, *[40, 24] * 3, 0], "the reader naps as long as these take"


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(Odd([FIRST], [sak(0)]), id="cascade tag in a 4-byte UID"),
        pytest.param(Odd([THIRD], [sak(4)]), id="goes on without a cascade tag"),
        pytest.param(Odd([FIRST, SECOND, SECOND], [sak(4)] * 3), id="a fourth level"),
        pytest.param(Odd([THIRD + b"\x00"], [sak(0)]), id="wrong check byte"),
        pytest.param(Odd([THIRD[:3]], [sak(0)]), id="short answer"),
        pytest.param(Odd([b""], [sak(0)]), id="empty answer"),
        pytest.param(Odd([THIRD], [Heard(to_bits(b"\x00\x00\x00"))]), id="wrong CRC"),
        pytest.param(Odd([THIRD], [Heard(to_bits(b"\x00"))]), id="SAK without CRC"),
        pytest.param(Odd([THIRD], [Heard(clean=False)]), id="unclean SAK"),
        pytest.param(Odd([THIRD], [Heard(sak(0).bits, collision=3)]), id="collision in SAK"),
        pytest.param(Odd([THIRD], [None]), id="no SAK"),
        pytest.param(Odd([THIRD], [sak(0)], Heard(to_bits(b"\x04"))), id="short ATQA"),
        pytest.param(Odd([THIRD], [sak(0)], Heard(clean=False)), id="unclean ATQA"),
        pytest.param(Odd([THIRD], [sak(0)], Heard(to_bits(b"\x04\x00"), collision=2)), id="collision in ATQA only"),
    ],
)
def test_what_is_not_clean_is_mangled_and_parked_all_the_same(card: Odd) -> None:
    assert seen(card) == Mangled()
    assert card.frames[-1] == bytes.fromhex("500057CD")


def test_a_second_level_may_begin_like_a_cascade_tag() -> None:
    assert seen(Odd([FIRST, SECOND], [sak(4), sak(0)])) == OneCard("04A1B288C3D4E5")


def test_silence_counts_after_as_many_tries_as_asked_for() -> None:
    card = Odd([], [], None)
    assert look(card, 3, lambda: True) == NoCard()
    assert card.frames == [b"\x52"] * 3


def everything_collides(frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:  # noqa: ARG001 - promised
    """Nobody's UID, in every bit."""
    if frame == WUPA:
        return ATQA
    return Heard((0,) * (40 - len(frame) + 16), collision=0) if len(frame) < 56 else Heard(clean=False)


def test_before_the_next_way_is_walked_the_parking_is_over() -> None:
    told: list[tuple[bytes, bool]] = []

    def exchange(frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:  # noqa: ARG001 - promised
        told.append((to_bytes(frame), awaited))
        if len(told) == 2:
            return Heard((0,) * 40, collision=3)
        return ATQA if frame == WUPA and len(told) < 3 else None

    look(exchange, 1, lambda: True)
    assert (bytes.fromhex("500057CD"), True) in told


def test_collisions_without_end_come_to_an_end() -> None:
    assert look(everything_collides, 1, lambda: True) == SeveralCards()


@pytest.mark.parametrize("place", [32, 39, 41])
def test_a_collision_where_no_uid_is_left_is_mangled(place: int) -> None:
    def exchange(frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:  # noqa: ARG001 - promised
        return ATQA if frame == WUPA else Heard((0,) * 40, collision=place)

    assert look(exchange, 1, lambda: True) == Mangled()
