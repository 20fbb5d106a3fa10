"""Emulated cards keep to the state diagram of ISO/IEC 14443-3 type A, and their field is safe to use from anywhere."""

import threading

import pytest

from hardware.emulated.cards import Card, CardState, Field, ReaderFault
from hardware.iso14443 import HALT, REQA, WUPA, Bits, crc_a, to_bits, to_bytes, with_crc

SEVEN = "04A1B2C3D4E5F6"


def ask(card: Card, data: bytes, known: Bits = ()) -> bytes | None:
    answer = card.answer(to_bits(data) + known)
    return None if answer is None else to_bytes(answer)


def activated(uid: str = "DEADBEEF") -> Card:
    card = Card(uid)
    card.answer(WUPA)
    part = ask(card, b"\x93\x20")
    assert part is not None
    assert ask(card, with_crc(b"\x93\x70" + part)) is not None
    assert card.state is CardState.ACTIVE
    return card


def test_crc_a_is_the_one_of_the_standard() -> None:
    assert crc_a(b"\x00\x00") == b"\xa0\x1e"
    assert crc_a(b"\x12\x34") == b"\x26\xcf"
    assert with_crc(HALT) == bytes.fromhex("500057CD")


@pytest.mark.parametrize(("uid", "atqa"), [("DEADBEEF", "0400"), (SEVEN, "4400"), (SEVEN + "010203", "8400")])
def test_atqa_tells_the_size_of_the_uid(uid: str, atqa: str) -> None:
    answer = Card(uid).answer(REQA)
    assert answer is not None
    assert to_bytes(answer) == bytes.fromhex(atqa)


@pytest.mark.parametrize(
    ("uid", "levels"),
    [
        ("DEADBEEF", ["DEADBEEF22"]),
        (SEVEN, ["8804A1B29F", "C3D4E5F604"]),
        (SEVEN + "010203", ["8804A1B29F", "88C3D4E57A", "F6010203F6"]),
    ],
)
def test_each_cascade_level_is_told_and_selected(uid: str, levels: list[str]) -> None:
    card = Card(uid)
    card.answer(WUPA)
    for select, level in zip((0x93, 0x95, 0x97), levels, strict=False):
        assert ask(card, bytes([select, 0x20])) == bytes.fromhex(level)
        sak = ask(card, with_crc(bytes([select, 0x70]) + bytes.fromhex(level)))
        assert sak is not None
        assert crc_a(sak[:1]) == sak[1:]
        assert bool(sak[0] & 0x04) == (level != levels[-1])
    assert card.state is CardState.ACTIVE


def test_a_card_answers_only_the_bits_that_are_not_known_yet() -> None:
    card = Card("DEADBEEF")
    card.answer(WUPA)
    assert card.answer((*to_bits(b"\x93\x34\xde"), 1, 0, 1, 1)) == to_bits(bytes.fromhex("DEADBEEF22"))[12:]


def test_halt_is_left_by_wupa_only_and_remembered() -> None:
    card = activated()
    assert card.answer(to_bits(with_crc(HALT))) is None
    assert card.state is CardState.HALT
    assert card.answer(REQA) is None
    assert card.answer(WUPA) is not None
    assert card.answer(WUPA) is None
    assert card.state is CardState.HALT


@pytest.mark.parametrize(
    "frame",
    [
        REQA,
        WUPA,
        to_bits(b"\x95\x20"),
        to_bits(b"\x93\x21"),
        to_bits(b"\x93\x28\x00"),
        to_bits(b"\x93\x30\x00"),
        to_bits(b"\x93\x70\xde\xad\xbe\xef\x22\x00\x00"),
        to_bits(with_crc(HALT)),
        to_bits(with_crc(b"\xe0\x50")),
        (),
    ],
)
def test_an_unexpected_frame_sends_a_ready_card_back_in_silence(frame: Bits) -> None:
    card = Card("DEADBEEF")
    card.answer(REQA)
    assert card.answer(frame) is None
    assert card.state is CardState.IDLE


def test_an_active_card_knows_neither_rats_nor_anticollision() -> None:
    for frame in (with_crc(b"\xe0\x50"), b"\x93\x20"):
        card = activated()
        assert ask(card, frame) is None
        assert card.state is CardState.IDLE


def test_wrong_parity_is_an_unexpected_frame() -> None:
    card = Card("DEADBEEF")
    assert card.answer(WUPA, parity_ok=False) is None
    assert card.state is CardState.IDLE


@pytest.mark.parametrize(
    "uid", ["", "deadbeef", "DEADBEE", "DEADBEEFAA", "88ADBEEF", "DEADBEEF\n", "GEADBEEF", SEVEN * 2]
)
def test_the_field_takes_no_uid_that_no_card_can_have(uid: str) -> None:
    field = Field()
    with pytest.raises(ValueError, match="no card's UID"):
        field.place(uid)
    assert field.uids() == frozenset()


def test_the_field_takes_a_seven_byte_uid_with_a_cascade_tag_in_it() -> None:
    field = Field()
    field.place("88A1B2C3D4E5F6")
    assert field.uids() == {"88A1B2C3D4E5F6"}


def test_a_card_placed_twice_is_one_and_keeps_its_state() -> None:
    field = Field()
    field.power(on=True)
    field.place("DEADBEEF")
    assert field.exchange(WUPA) is not None
    field.place("DEADBEEF")
    assert field.exchange(WUPA) is None
    field.remove("DEADBEEF")
    field.remove("DEADBEEF")
    assert field.uids() == frozenset()


def test_without_power_no_card_answers_and_all_forget_their_state() -> None:
    field = Field()
    field.place("DEADBEEF")
    assert field.exchange(WUPA) is None
    field.power(on=True)
    assert field.exchange(WUPA) is not None
    field.power(on=False)
    field.power(on=True)
    assert field.exchange(REQA) is not None


def test_the_air_adds_answers_up_and_marks_the_first_difference() -> None:
    field = Field()
    field.power(on=True)
    field.place("DEADBEEF")
    field.place("DEADBEE7")
    field.exchange(WUPA)
    heard = field.exchange(to_bits(b"\x93\x20"))
    assert heard is not None
    assert heard.collision == 24 + 3
    assert to_bytes(heard.bits)[:4] == bytes.fromhex("DEADBEEF")


def test_noise_repeats_with_its_seed() -> None:
    def story(seed: int) -> list[object]:
        field = Field(seed=seed, noise=0.05)
        field.power(on=True)
        field.place("DEADBEEF")
        field.fault = ReaderFault.NOISE
        return [field.exchange(frame) for _ in range(50) for frame in (WUPA, to_bits(b"\x93\x20"), REQA)]

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_cards_come_and_go_at_any_instant() -> None:
    field = Field()
    field.power(on=True)
    stop = threading.Event()

    def stir() -> None:
        while not stop.is_set():
            field.place("DEADBEEF")
            field.fault = ReaderFault.NOISE
            field.remove("DEADBEEF")
            field.fault = None

    thread = threading.Thread(target=stir)
    thread.start()
    try:
        for _ in range(2000):
            field.exchange(WUPA)
            field.power(on=True)
            assert field.uids() <= {"DEADBEEF"}
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
