"""A register-level MFRC522 (data sheet rev. 3.9) over an emulated field.

Modelled: the register file, ComIrq and DivIrq with their set and clear rule, the FIFO, the timer, the CRC coprocessor,
Idle, CalcCRC, Transceive, MFAuthent and SoftReset, bit framing, parity and collisions at 106 kBd. No card here speaks
Crypto1, so MFAuthent ends as with any foreign card. What is not modelled (other commands, power down, other speeds,
CRC in hardware, TAutoRestart) raises NotImplementedError instead of pretending. There is no IRQ pin.
"""

import errno
from collections.abc import Callable, Sequence

from hardware.clock import boottime
from hardware.emulated.agenda import Agenda
from hardware.emulated.cards import Field, ReaderFault
from hardware.emulated.core import Core
from hardware.emulated.radio import Radio
from hardware.emulated.registers import READ_ONLY, ComIrq, Command, Register
from hardware.emulated.timer import Timer
from hardware.iso14443 import crc_a, to_bits, with_crc

_WAKE_S = 100e-6
_PRESETS = (0x0000, 0x6363, 0xA671, 0xFFFF)
_READ = 0x80
_POWER_DOWN = 0x10
_START_SEND = 0x80
_FLUSH = 0x80
_STOP_TIMER = 0x80
_START_TIMER = 0x40
_CRC_IRQ = 0x04
_CRC_READY = 0x20
_CRYPTO1_ON = 0x08
_VALUES_AFTER_COLL = 0x80
_AUTHENTICATION_BYTES = 12
_COMMANDS = frozenset(Command)


class Mfrc522Chip:
    """The chip on the bus. `clock` gives seconds; each transfer first lets the chip catch up with it.

    `transfers` counts chip selects, however many bytes each carried.
    """

    def __init__(self, field: Field, clock: Callable[[], float] = boottime, version: int = 0x92) -> None:
        self.transfers = 0
        self._field = field
        self._clock = clock
        self._now = clock()
        self._power_cuts = field.power_cuts
        self._core = Core(version)
        self._agenda = Agenda()
        self._timer = Timer(self._core.registers, self._agenda, lambda: self._core.interrupt(ComIrq.TIMER))
        self._radio = Radio(self._core, self._agenda, self._timer, field)
        self._awake_at = 0.0
        self._reads: dict[int, Callable[[], int]] = {
            Register.COMMAND: self._read_command,
            Register.STATUS1: lambda: _CRC_READY | self._timer.running << 3 | self._core.alerts(),
            Register.FIFO_DATA: self._core.pull,
            Register.FIFO_LEVEL: lambda: len(self._core.fifo),
            Register.T_COUNTER_H: lambda: self._timer.value(self._now) >> 8,
            Register.T_COUNTER_L: lambda: self._timer.value(self._now) & 0xFF,
        }
        self._writes: dict[int, Callable[[int], None]] = {
            Register.COMMAND: self._write_command,
            Register.COM_IRQ: lambda value: self._core.mark(Register.COM_IRQ, value),
            Register.DIV_IRQ: lambda value: self._core.mark(Register.DIV_IRQ, value),
            Register.STATUS2: self._write_status2,
            Register.FIFO_DATA: self._write_fifo,
            Register.FIFO_LEVEL: self._write_fifo_level,
            Register.CONTROL: self._write_control,
            Register.BIT_FRAMING: self._write_bit_framing,
            Register.COLL: lambda value: self._keep(Register.COLL, value, _VALUES_AFTER_COLL),
            Register.TX_MODE: lambda value: self._keep_modelled(Register.TX_MODE, value, 0x00),
            Register.RX_MODE: lambda value: self._keep_modelled(Register.RX_MODE, value, 0x00),
            Register.T_MODE: lambda value: self._keep_modelled(Register.T_MODE, value, 0x8F),
        }
        self._reset()

    def transfer(self, sent: Sequence[int]) -> list[int]:
        """One chip select (data sheet section 8.1.2): as many bytes back as were sent.

        A write puts all its bytes into one register. A read answers each address with the byte after it.
        """
        self.transfers += 1
        self._now = self._clock()
        self._agenda.catch_up(self._now)
        fault = self._field.fault
        self._lose_power()
        self._radio.switch_antenna(fault)
        if fault is ReaderFault.BUS_ERROR:
            raise OSError(errno.EIO, "Input/output error")
        if fault is ReaderFault.ABSENT:
            return [0x00] * len(sent)
        if fault is ReaderFault.ABSENT_FF:
            return [0xFF] * len(sent)
        if sent[0] & _READ:
            return [0, *(self._read(address >> 1 & 0x3F) for address in sent[:-1])]
        for value in sent[1:]:
            self._write(sent[0] >> 1 & 0x3F, value)
        self._radio.switch_antenna(fault)
        return [0] * len(sent)

    def _lose_power(self) -> None:
        if (cuts := self._field.power_cuts) != self._power_cuts:
            self._power_cuts = cuts
            self._reset()

    def _reset(self) -> None:
        self._radio.cancel()
        self._timer.stop()
        self._core.reset()
        self._awake_at = self._now + _WAKE_S

    def _read(self, register: int) -> int:
        read = self._reads.get(register)
        return read() if read else self._core.registers[register]

    def _write(self, register: int, value: int) -> None:
        if register in READ_ONLY:
            return
        write = self._writes.get(register)
        if write:
            write(value)
        else:
            self._core.registers[register] = value

    def _keep(self, register: Register, value: int, writable: int) -> None:
        self._core.registers[register] = self._core.registers[register] & ~writable | value & writable

    def _keep_modelled(self, register: Register, value: int, modelled: int) -> None:
        if value & ~modelled:
            raise NotImplementedError(f"The emulated chip knows only the bits 0x{modelled:02X} of {register.name}")
        self._core.registers[register] = value

    def _read_command(self) -> int:
        asleep = _POWER_DOWN if self._now < self._awake_at else 0
        return self._core.registers[Register.COMMAND] | asleep

    def _write_status2(self, value: int) -> None:
        """Software can only clear MFCrypto1On."""
        allowed = ~_CRYPTO1_ON | self._core.registers[Register.STATUS2]
        self._core.registers[Register.STATUS2] = value & allowed

    def _write_fifo(self, value: int) -> None:
        self._core.push(value)
        if self._command() is Command.CALC_CRC:
            self._calculate_crc()

    def _write_fifo_level(self, value: int) -> None:
        if value & _FLUSH:
            self._core.flush()

    def _write_control(self, value: int) -> None:
        if value & _STOP_TIMER:
            self._timer.stop()
        elif value & _START_TIMER:
            self._timer.start(self._now)

    def _write_bit_framing(self, value: int) -> None:
        self._core.registers[Register.BIT_FRAMING] = value
        self._start_send()

    def _command(self) -> Command:
        return Command(self._core.registers[Register.COMMAND] & 0x0F)

    def _write_command(self, value: int) -> None:
        """Any command ends the one before it and clears ErrorReg (data sheet section 10.2)."""
        number = value & 0x0F
        if number not in _COMMANDS or value & _POWER_DOWN:
            raise NotImplementedError(f"The emulated chip knows no CommandReg 0x{value:02X}")
        if number == Command.NO_CHANGE:
            return
        self._radio.cancel()
        self._core.registers[Register.COMMAND] = value
        self._core.registers[Register.ERROR] = 0
        self._begin(Command(number))

    def _begin(self, command: Command) -> None:
        if command is Command.SOFT_RESET:
            self._reset()
        elif command is Command.CALC_CRC:
            preset = _PRESETS[self._core.registers[Register.MODE] & 0x03].to_bytes(2, "little")
            self._core.registers[Register.CRC_RESULT_L], self._core.registers[Register.CRC_RESULT_H] = preset
            self._calculate_crc()
        elif command is Command.MF_AUTHENT:
            self._authenticate()
        else:
            self._start_send()

    def _start_send(self) -> None:
        """StartSend works in Transceive only; left set, it sends again as soon as the command is given (assumed)."""
        starts = self._core.registers[Register.BIT_FRAMING] & _START_SEND
        if starts and self._command() is Command.TRANSCEIVE:
            self._radio.send(self._now)

    def _calculate_crc(self) -> None:
        """Stays on until another command comes, and eats whatever still goes into the FIFO."""
        registers = self._core.registers
        so_far = registers[Register.CRC_RESULT_H] << 8 | registers[Register.CRC_RESULT_L]
        crc = crc_a(bytes(self._core.fifo), so_far)
        self._core.fifo.clear()
        registers[Register.CRC_RESULT_L], registers[Register.CRC_RESULT_H] = crc
        registers[Register.DIV_IRQ] |= _CRC_IRQ

    def _authenticate(self) -> None:
        """Sends 60 or 61 and the block; a card without Crypto1 takes it as an unexpected frame and is silent."""
        request = bytes(self._core.fifo[:2])
        del self._core.fifo[:_AUTHENTICATION_BYTES]
        self._radio.transmit(to_bits(with_crc(request)), self._now)
