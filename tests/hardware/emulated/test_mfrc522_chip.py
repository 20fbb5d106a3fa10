"""The emulated chip's registers do what the data sheet says."""

import random
from typing import Any

import pytest

from hardware.emulated.air import Noise, Reception, add_up
from hardware.emulated.cards import ReaderFault
from hardware.iso14443 import WUPA, Bits, to_bits, to_bytes

COMMAND, COM_IRQ, DIV_IRQ, ERROR, STATUS1, STATUS2, FIFO, LEVEL = 0x01, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A
CONTROL, FRAMING, COLL, TX_CONTROL, VERSION = 0x0C, 0x0D, 0x0E, 0x14, 0x37
T_MODE, T_PRESCALER, T_RELOAD_H, T_RELOAD_L, T_COUNTER_H, T_COUNTER_L = 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F
IDLE, CALC_CRC, NO_CHANGE, TRANSCEIVE, MF_AUTHENT, SOFT_RESET = 0x0, 0x3, 0x7, 0xC, 0xE, 0xF


class Hand:
    """Reads and writes registers by hand."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.spi = bench.spidev.SpiDev()
        self.spi.open(0, 0)

    def read(self, register: int) -> int:
        return int(self.spi.xfer2([0x80 | register << 1, 0])[1])

    def write(self, register: int, *values: int) -> None:
        self.spi.xfer2([register << 1, *values])

    def timer(self) -> None:
        """1 ms, automatic."""
        for register, value in ((T_MODE, 0x80), (T_PRESCALER, 169), (T_RELOAD_H, 0), (T_RELOAD_L, 39)):
            self.write(register, value)

    def field(self) -> None:
        self.timer()
        self.write(TX_CONTROL, 0x83)

    def send(self, frame: Bits, align: int = 0) -> None:
        self.write(COMMAND, IDLE)
        self.write(COM_IRQ, 0x7F)
        self.write(FIFO, *to_bytes(frame))
        self.write(COMMAND, TRANSCEIVE)
        self.write(FRAMING, 0x80 | align << 4 | len(frame) % 8)
        self.bench.clock.nap(0.005)
        self.write(FRAMING, 0)

    def fifo(self) -> bytes:
        return bytes(self.spi.xfer2([0x80 | FIFO << 1] * self.read(LEVEL) + [0])[1:])


@pytest.fixture
def hand(bench: Any) -> Hand:
    return Hand(bench)


@pytest.mark.parametrize(
    ("register", "value"),
    [
        *[(COMMAND, 0x20), (COM_IRQ, 0x14), (ERROR, 0), (STATUS1, 0x21), (COLL, 0xA0), (TX_CONTROL, 0x80)],
        *[(0x11, 0x3F), (0x21, 0xFF), (0x26, 0x48), (VERSION, 0x92), (LEVEL, 0), (T_MODE, 0)],
    ],
)
def test_reset_values(hand: Hand, register: int, value: int) -> None:
    hand.bench.clock.nap(0.001)
    assert hand.read(register) == value


def test_a_soft_reset_puts_everything_back_and_takes_a_moment(hand: Hand) -> None:
    hand.field()
    hand.write(FIFO, 1, 2, 3)
    hand.write(COMMAND, SOFT_RESET)
    assert hand.read(COMMAND) & 0x10
    hand.bench.clock.nap(0.001)
    assert [hand.read(register) for register in (COMMAND, T_MODE, TX_CONTROL, LEVEL)] == [0x20, 0, 0x80, 0]


def test_interrupt_bits_are_set_and_cleared_by_mark(hand: Hand) -> None:
    for register in (COM_IRQ, DIV_IRQ):
        hand.write(register, 0x7F)
        assert hand.read(register) == 0
        hand.write(register, 0x80 | 0x12)
        assert hand.read(register) == 0x12
        hand.write(register, 0x02)
        assert hand.read(register) == 0x10


def test_several_registers_are_read_in_one_transfer(hand: Hand) -> None:
    before = hand.bench.chip.transfers
    assert hand.spi.xfer2([0x80 | VERSION << 1, 0x80 | TX_CONTROL << 1, 0])[1:] == [0x92, 0x80]
    assert hand.bench.chip.transfers == before + 1


def test_the_fifo_holds_64_bytes_and_says_so(hand: Hand) -> None:
    hand.write(FIFO, *range(64))
    assert hand.read(LEVEL) == 64
    assert hand.read(COM_IRQ) & 0x08
    assert hand.read(STATUS1) & 0x03 == 0x02
    assert hand.read(ERROR) == 0
    hand.write(FIFO, 64)
    assert hand.read(ERROR) == 0x10
    assert hand.read(COM_IRQ) & 0x02
    assert [hand.read(FIFO) for _ in range(3)] == [0, 1, 2]
    hand.write(LEVEL, 0x00)
    assert hand.read(LEVEL) == 61
    hand.write(LEVEL, 0x80)
    assert (hand.read(LEVEL), hand.read(FIFO), hand.read(ERROR)) == (0, 0, 0)


def test_read_only_registers_and_bits_stay(hand: Hand) -> None:
    for register in (VERSION, ERROR, T_COUNTER_L):
        before = hand.read(register)
        hand.write(register, 0x55)
        assert hand.read(register) == before
    hand.write(COLL, 0x7F)
    assert hand.read(COLL) == 0x20
    hand.write(STATUS2, 0xFF)
    assert not hand.read(STATUS2) & 0x08


def test_the_crc_unit_counts_what_is_there_and_what_still_comes(hand: Hand) -> None:
    hand.write(0x11, 0x3D)
    hand.write(FIFO, 0x50)
    hand.write(COMMAND, CALC_CRC)
    hand.write(FIFO, 0x00)
    assert hand.read(DIV_IRQ) & 0x04
    assert (hand.read(0x22), hand.read(0x21), hand.read(LEVEL)) == (0x57, 0xCD, 0)
    hand.write(COMMAND, IDLE)
    hand.write(FIFO, 0x00)
    assert hand.read(LEVEL) == 1


def test_the_timer_counts_down_in_its_own_time(hand: Hand) -> None:
    hand.timer()
    assert (hand.read(T_COUNTER_H), hand.read(T_COUNTER_L)) == (0, 39)
    hand.write(COM_IRQ, 0x7F)
    hand.write(CONTROL, 0x40)
    hand.bench.clock.nap(0.0005)
    assert 0 < hand.read(T_COUNTER_L) < 22
    assert hand.read(STATUS1) & 0x08
    assert not hand.read(COM_IRQ) & 0x01
    hand.bench.clock.nap(0.0005)
    assert hand.read(COM_IRQ) & 0x01
    assert not hand.read(STATUS1) & 0x08


def test_a_stopped_timer_does_not_expire(hand: Hand) -> None:
    hand.timer()
    hand.write(COM_IRQ, 0x7F)
    hand.write(CONTROL, 0x40)
    hand.write(CONTROL, 0x80)
    hand.write(CONTROL, 0x00)
    hand.bench.clock.nap(1)
    assert not hand.read(COM_IRQ) & 0x01


def test_silence_is_timer_and_nothing_else(hand: Hand) -> None:
    hand.field()
    hand.send(WUPA)
    assert hand.read(COM_IRQ) & 0x71 == 0x41
    assert hand.read(COMMAND) == TRANSCEIVE


def test_an_answer_is_in_the_fifo_and_stops_the_timer(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.send(WUPA)
    assert hand.read(COM_IRQ) & 0x73 == 0x60
    assert hand.fifo() == b"\x04\x00"
    assert hand.read(CONTROL) == 0x10


def test_an_answer_takes_its_time_on_the_air(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.write(COM_IRQ, 0x7F)
    hand.write(FIFO, 0x52)
    hand.write(COMMAND, TRANSCEIVE)
    hand.write(FRAMING, 0x87)
    assert not hand.read(COM_IRQ) & 0x40
    hand.bench.clock.nap(100e-6)
    assert hand.read(COM_IRQ) & 0x60 == 0x40
    hand.bench.clock.nap(300e-6)
    assert hand.read(COM_IRQ) & 0x60 == 0x60


def test_without_tauto_the_timer_stays_out_of_it(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.write(TX_CONTROL, 0x83)
    hand.send(WUPA)
    assert hand.read(COM_IRQ) & 0x61 == 0x60


def test_a_new_command_ends_what_is_under_way(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.write(COM_IRQ, 0x7F)
    hand.write(FIFO, 0x52)
    hand.write(COMMAND, TRANSCEIVE)
    hand.write(FRAMING, 0x87)
    hand.write(COMMAND, IDLE)
    hand.bench.clock.nap(0.01)
    assert not hand.read(COM_IRQ) & 0x60
    assert not hand.read(COM_IRQ) & 0x10


def test_no_change_changes_nothing(hand: Hand) -> None:
    hand.write(COMMAND, TRANSCEIVE)
    hand.write(COMMAND, NO_CHANGE)
    assert hand.read(COMMAND) == TRANSCEIVE


def test_start_send_left_set_sends_with_the_next_transceive(hand: Hand) -> None:
    hand.field()
    hand.write(COM_IRQ, 0x7F)
    hand.write(FRAMING, 0x87)
    hand.write(FIFO, 0x52)
    hand.write(COMMAND, IDLE)
    assert hand.read(LEVEL) == 1
    hand.write(COMMAND, TRANSCEIVE)
    hand.bench.clock.nap(0.01)
    assert hand.read(COM_IRQ) & 0x41 == 0x41


@pytest.mark.parametrize(("keep", "heard"), [(0x00, "0C00000000"), (0x80, "1CADBEEFEF")])
def test_a_collision_has_its_place_and_what_follows_is_kept_or_not(hand: Hand, keep: int, heard: str) -> None:
    hand.bench.field.place("0CADBEEF")
    hand.bench.field.place("1CADBEEF")
    hand.field()
    hand.write(COLL, keep)
    hand.send(WUPA)
    hand.fifo()
    hand.send(to_bits(b"\x93\x20"))
    assert hand.read(ERROR) == 0x08
    assert hand.read(COLL) == keep | 5
    assert hand.fifo()[:4] == bytes.fromhex(heard)[:4]


def test_a_collision_counts_from_the_byte_the_answer_goes_on_in(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.bench.field.place("DEADBE2F")
    hand.field()
    hand.write(COLL, 0)
    hand.send(WUPA)
    hand.fifo()
    hand.send((*to_bits(b"\x93\x44\xde\xad"), 0, 1, 1, 1), align=4)
    assert hand.read(ERROR) == 0x08
    assert hand.read(COLL) == 8 + 7
    assert hand.fifo()[0] == 0xB0


def test_a_collision_in_the_32nd_bit_reads_0(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.bench.field.place("DEADBE6F")
    hand.field()
    hand.send(WUPA)
    hand.fifo()
    hand.send(to_bits(b"\x93\x20"))
    assert hand.read(ERROR) == 0x08
    assert hand.read(COLL) & 0x3F == 0


def test_a_collision_behind_the_32nd_bit_has_no_valid_place(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.field()
    monkeypatch.setattr(hand.bench.field, "exchange", lambda *_: Reception((0,) * 40, collision=32))
    hand.send(to_bits(b"\x93\x20"))
    assert hand.read(ERROR) == 0x08
    assert hand.read(COLL) & 0x20


def test_authentication_of_a_foreign_card_runs_into_the_timer(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.write(COM_IRQ, 0x7F)
    hand.write(FIFO, *range(13))
    hand.write(COMMAND, MF_AUTHENT)
    hand.bench.clock.nap(0.01)
    assert hand.read(COM_IRQ) & 0x31 == 0x01
    assert hand.read(LEVEL) == 1
    assert not hand.read(STATUS2) & 0x08


def test_the_antenna_gives_the_cards_their_power(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.send(WUPA)
    assert hand.fifo()
    hand.write(TX_CONTROL, 0x80)
    hand.send(WUPA)
    assert not hand.fifo()
    hand.write(TX_CONTROL, 0x83)
    hand.send(WUPA)
    assert hand.fifo()


@pytest.mark.parametrize("write", [(COMMAND, 0x01), (COMMAND, 0x10), (0x12, 0x80), (0x13, 0x80), (T_MODE, 0x90)])
def test_what_is_not_modelled_is_refused(hand: Hand, write: tuple[int, int]) -> None:
    with pytest.raises(NotImplementedError, match="emulated chip knows"):
        hand.write(*write)


@pytest.mark.parametrize(("fault", "byte"), [(ReaderFault.ABSENT, 0x00), (ReaderFault.ABSENT_FF, 0xFF)])
def test_an_absent_chip_reads_the_bare_line_and_comes_back_reset(hand: Hand, fault: ReaderFault, byte: int) -> None:
    hand.field()
    hand.bench.field.fault = fault
    assert hand.read(VERSION) == byte
    hand.bench.field.fault = None
    assert (hand.read(VERSION), hand.read(T_MODE), hand.read(TX_CONTROL)) == (0x92, 0, 0x80)


def test_a_spontaneous_reset_happens_once_even_if_nobody_looks(hand: Hand) -> None:
    hand.field()
    hand.bench.field.fault = ReaderFault.CHIP_RESET
    hand.bench.field.fault = None
    assert hand.read(T_MODE) == 0
    hand.field()
    assert hand.read(T_MODE) == 0x80


def test_a_broken_antenna_cannot_be_switched_on(hand: Hand) -> None:
    hand.field()
    hand.bench.field.fault = ReaderFault.ANTENNA_OFF
    assert hand.read(TX_CONTROL) == 0x80
    hand.write(TX_CONTROL, 0x83)
    assert hand.read(TX_CONTROL) == 0x80


def test_a_stuck_transmitter_never_ends(hand: Hand) -> None:
    hand.field()
    hand.bench.field.fault = ReaderFault.STUCK_TX
    hand.send(WUPA)
    hand.bench.clock.nap(1)
    assert not hand.read(COM_IRQ) & 0x61


def test_a_broken_bus_raises(hand: Hand) -> None:
    hand.bench.field.fault = ReaderFault.BUS_ERROR
    with pytest.raises(OSError, match="Input/output"):
        hand.read(VERSION)


def test_a_torn_card_leaves_an_incomplete_byte(hand: Hand) -> None:
    hand.bench.field.place("DEADBEEF")
    hand.field()
    hand.send(WUPA)
    hand.fifo()
    hand.bench.field.fault = ReaderFault.TORN
    hand.send(to_bits(b"\x93\x20"))
    assert hand.read(CONTROL) & 7 == 5
    assert len(hand.fifo()) == 2


def test_parity_finds_an_odd_number_of_flips() -> None:
    noise = Noise(random.Random(3), 0.05)
    clean = to_bits(bytes.fromhex("DEADBEEF22"))
    heard = [noise.disturb(clean) for _ in range(500)]
    odd = [one for one in heard if one.parity_ok and one.collision is None and one.bits != clean]
    assert any(not one.parity_ok for one in heard)
    assert any(one.collision is not None for one in heard)
    assert all(sum(a != b for a, b in zip(one.bits, clean, strict=True)) >= 1 for one in odd)


def test_a_split_first_byte_is_not_checked_for_parity() -> None:
    noise = Noise(random.Random(3), 1.0)
    assert noise.disturb((1, 1, 1), align=5).parity_ok


def test_one_bad_answer_spoils_the_sum() -> None:
    assert add_up([Reception((1, 0)), Reception((1,), parity_ok=False)]) == Reception((1, 0), None, parity_ok=False)
    assert add_up([Reception((1, 0, 1)), Reception((1, 1, 0), collision=2)]).collision == 1
