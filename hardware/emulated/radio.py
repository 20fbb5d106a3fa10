"""The contactless half of the emulated MFRC522: frames out, answers in, all in their time on the air at 106 kBd."""

from hardware.emulated.agenda import Agenda
from hardware.emulated.air import Reception
from hardware.emulated.cards import Field, ReaderFault
from hardware.emulated.core import Core
from hardware.emulated.registers import ComIrq, Error, Register
from hardware.emulated.timer import Timer
from hardware.iso14443 import Bits, to_bits, to_bytes

_ETU = 128 / 13.56e6
_FRAME_DELAY = 1172 / 13.56e6
_ANTENNA = 0x03
_VALUES_AFTER_COLL = 0x80
_COLL_POS_NOT_VALID = 0x20
_LAST_COLL_POS = 32


class Radio:
    """Sends what stands in the FIFO and puts there what comes back."""

    def __init__(self, core: Core, agenda: Agenda, timer: Timer, field: Field) -> None:
        self._core = core
        self._agenda = agenda
        self._timer = timer
        self._field = field
        self._antenna_is_on = False

    def switch_antenna(self, fault: ReaderFault | None) -> None:
        """Follow Tx1RFEn and Tx2RFEn of TxControlReg: without either the cards have no power."""
        registers = self._core.registers
        if fault is ReaderFault.ANTENNA_OFF:
            registers[Register.TX_CONTROL] &= ~_ANTENNA
        on = bool(registers[Register.TX_CONTROL] & _ANTENNA)
        if on != self._antenna_is_on:
            self._antenna_is_on = on
            self._field.power(on=on)

    def send(self, now: float) -> None:
        """Transceive with StartSend: the whole FIFO, of its last byte only TxLastBits, if they are not 0."""
        framing = self._core.registers[Register.BIT_FRAMING]
        bits = to_bits(bytes(self._core.fifo))
        self._core.fifo.clear()
        cut = -(framing & 0x07) % 8
        self.transmit(bits[: len(bits) - cut], now, align=framing >> 4 & 0x07)

    def transmit(self, bits: Bits, now: float, align: int = 0) -> None:
        """Have the frame sent by the time it takes; the answer is stored from bit `align` on."""
        if self._field.fault is not ReaderFault.STUCK_TX:
            self._agenda.plan("sent", now + _frame_s(bits), lambda at: self._sent(at, bits, align))

    def cancel(self) -> None:
        """Another command: what is under way is not finished."""
        self._agenda.cancel("sent", "fifth bit", "received")

    def _sent(self, at: float, bits: Bits, align: int) -> None:
        self._core.interrupt(ComIrq.TX)
        if self._timer.automatic:
            self._timer.start(at)
        heard = self._field.exchange(bits, align)
        if heard is None:
            return
        begins = at + _FRAME_DELAY
        if self._timer.automatic:
            self._agenda.plan("fifth bit", begins + 5 * _ETU, lambda _: self._timer.stop())
        self._agenda.plan("received", begins + _frame_s(heard.bits), lambda _: self._received(heard, align))

    def _received(self, heard: Reception, align: int) -> None:
        bits = heard.bits
        if heard.collision is not None:
            bits = self._collided(bits, heard.collision, align)
        elif not heard.parity_ok:
            self._core.fail(Error.PARITY)
        for byte in to_bytes((0,) * align + bits):
            self._core.push(byte)
        self._core.registers[Register.CONTROL] = 0x10 | (align + len(bits)) % 8
        self._core.interrupt(ComIrq.RX)

    def _collided(self, bits: Bits, collision: int, align: int) -> Bits:
        """Sets CollReg; positions count from 1 and include RxAlign (said of the MFRC631, assumed of the MFRC522)."""
        self._core.fail(Error.COLLISION)
        position = collision + align + 1
        void = 0 if position <= _LAST_COLL_POS else _COLL_POS_NOT_VALID
        keep = self._core.registers[Register.COLL] & _VALUES_AFTER_COLL
        self._core.registers[Register.COLL] = keep | void | position & 0x1F
        return bits if keep else bits[:collision] + (0,) * (len(bits) - collision)


def _frame_s(bits: Bits) -> float:
    """Seconds on the air: start of communication, data, a parity bit for each whole byte, end of communication."""
    return (2 + len(bits) + len(bits) // 8) * _ETU
