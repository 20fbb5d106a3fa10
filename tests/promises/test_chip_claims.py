"""What the emulated MFRC522 claims of a real one, and no data sheet says clearly: on metal these tests tell.

docs/bring-up.md has the table. The claims stand in hardware/emulated/; section numbers are those of the data sheet.
"""

import statistics
from collections.abc import Iterator
from threading import Event

import pytest
from support.patience import until
from support.promised import Promised

from hardware.board import Board
from hardware.clock import boottime
from hardware.emulated.registers import RESET_VALUES, ComIrq, Command, Register
from hardware.iso14443 import CASCADE, WUPA, Bits, to_bits
from hardware.parts import NoCard, OneCard, Reader, SeveralCards
from hardware.reader_chip import ReaderChip, is_genuine

POWER_DOWN = 0x10
START_TIMER = 0x40
KNOWN_CLONES = (0x88, 0x12, 0xB2)
WAKE_S = 0.025
PATIENCE_MS = 1.0
"""More for one transfer, and a poll of two cards would not fit into its 100 ms."""
TICKS = 2000
TICK_S = 339 / 13.56e6
EMPTY_POLL = 8
RESTING_CARD = 80
MEASURED = 25
RESETS = {**RESET_VALUES, Register.ERROR: 0x00, Register.STATUS1: 0x21, Register.STATUS2: 0x00}
EMULATED = ("solenoids-ws281x",)


@pytest.fixture
def reader(board: Board) -> Iterator[Reader]:
    """A reader that has been set up, and is again afterwards."""
    board.reader.poll()
    yield board.reader
    board.reader.revive()


def reset(station: Promised) -> float:
    """A soft reset (section 10.3.1.10) without waiting; how many seconds until PowerDown is clear."""
    began = boottime()
    station.tap.write(Register.COMMAND, Command.SOFT_RESET)
    assert until(lambda: not station.tap.read(Register.COMMAND) & POWER_DOWN), "it does not wake up"
    return boottime() - began


@pytest.mark.parametrize("register", sorted(RESETS), ids=lambda register: f"0x{register:02X}")
def test_after_a_soft_reset_each_register_has_its_reset_value(station: Promised, reader: Reader, register: int) -> None:
    del reader
    reset(station)
    found, claimed = station.tap.read(register), RESETS[register]
    assert found == claimed, f"register 0x{register:02X} is 0x{found:02X} after a reset, and not 0x{claimed:02X}"


def test_a_soft_reset_is_over_before_the_driver_gives_up(station: Promised, reader: Reader) -> None:
    del reader
    took = reset(station)
    assert took <= station.within(WAKE_S), f"it took {1000 * took:.1f} ms"


def test_settings_written_right_after_a_soft_reset_are_kept(station: Promised, reader: Reader) -> None:
    station.tap.write(Register.COMMAND, Command.SOFT_RESET)
    station.tap.write(Register.T_RELOAD_L, 59)
    assert until(lambda: not station.tap.read(Register.COMMAND) & POWER_DOWN)
    assert station.tap.read(Register.T_RELOAD_L) == 59, "it forgets them: a reset needs its wait (section 8.8)"
    reader.revive()


def test_the_chip_is_one_that_is_known(station: Promised, reader: Reader) -> None:
    del station
    version = reader.version() or 0
    assert is_genuine(version) or version in KNOWN_CLONES, f"VersionReg 0x{version:02X} is new: please tell us"


def test_the_timer_runs_at_13_56_mhz_by_twice_the_prescaler_and_one(station: Promised, reader: Reader) -> None:
    del reader
    tap = station.tap
    tap.write(Register.T_RELOAD_H, TICKS >> 8)
    tap.write(Register.T_RELOAD_L, TICKS & 0xFF)
    tap.write(Register.COM_IRQ, 0x7F)
    began = boottime()
    tap.write(Register.CONTROL, START_TIMER)
    assert until(lambda: tap.read(Register.COM_IRQ) & ComIrq.TIMER), "the timer never ends"
    took, claimed = boottime() - began, (TICKS + 1) * TICK_S
    assert took >= 0.99 * claimed, f"{1000 * took:.1f} ms and not {1000 * claimed:.1f}: it runs too fast"
    assert took <= station.within(1.5 * claimed), f"{1000 * took:.1f} ms and not {1000 * claimed:.1f}"


def test_a_transfer_is_quick_enough_for_20_polls_a_second(station: Promised, reader: Reader) -> None:
    del reader
    times = [station.cost(lambda: station.tap.read(Register.VERSION)) for _ in range(MEASURED)]
    assert {transfers for transfers, _ in times} == {1}
    median_ms = 1000 * statistics.median(seconds for _, seconds in times)
    assert median_ms <= 1000 * station.within(PATIENCE_MS / 1000), f"one transfer takes {median_ms:.3f} ms"


def median_transfers(station: Promised, reader: Reader) -> float:
    return statistics.median(station.cost(reader.poll)[0] for _ in range(MEASURED))


def test_an_empty_poll_costs_eight_transfers(station: Promised, reader: Reader) -> None:
    station.hands.lay(0)
    assert until(lambda: reader.poll() == NoCard())
    for _ in range(11):  # for ten polls after a card silence is asked for again
        reader.poll()
    assert median_transfers(station, reader) == EMPTY_POLL


def test_a_resting_card_costs_at_most_eighty_transfers(station: Promised, reader: Reader) -> None:
    station.hands.lay(1)
    assert until(lambda: isinstance(reader.poll(), OneCard))
    assert median_transfers(station, reader) <= RESTING_CARD


def test_coll_pos_counts_rx_aligns_bits(station: Promised, reader: Reader) -> None:
    """Two cards answer from a bit within a byte on: where they part must be found where it was without RxAlign."""
    station.hands.lay(2)
    assert until(lambda: isinstance(reader.poll(), SeveralCards))
    chip = ReaderChip(station.tap, _nap)  # type: ignore[arg-type]  # a tap is a bus
    bits, part = where_they_part(chip)
    known = max((at for at in range(1, part + 1) if at % 8), default=0)
    assert known, "these cards part in their first bit: take another one for the second"
    woken(chip)
    frame = to_bits(bytes([CASCADE[0], (2 + known // 8) << 4 | known % 8])) + bits[:known]
    again = chip.exchange(frame, align=known % 8, answer=40 - known)
    assert again is not None
    said = f"the cards part after {part} bits; with {known} known the chip says {again}"
    assert again.collision == part - known, f"{said}: its CollPos does not count RxAlign, please tell us"


def where_they_part(chip: ReaderChip) -> tuple[Bits, int]:
    """What two cards answer to the first anticollision frame, and how many bits of it are the same."""
    woken(chip)
    heard = chip.exchange(to_bits(bytes([CASCADE[0], 0x20])), answer=40)
    assert heard is not None, "no card answers"
    assert heard.collision is not None, "their first four bytes are alike: take another card for the second"
    return heard.bits, heard.collision


def woken(chip: ReaderChip) -> None:
    """All cards in READY: those that were there are sent back first, once the last look's HLTA has left."""
    _nap(0.001)
    chip.exchange(WUPA, answer=16)
    assert until(lambda: chip.exchange(WUPA, answer=16) is not None), "no card wakes up"


def _nap(seconds: float) -> None:
    Event().wait(seconds)
