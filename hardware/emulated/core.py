"""What all units of the emulated MFRC522 share: the registers, the FIFO and the interrupt bits."""

from hardware.emulated.registers import RESET_VALUES, ComIrq, Error, Register

_FIFO_SIZE = 64
_SET = 0x80


class Core:
    """Registers as plain bytes; what a register does beyond keeping its value is the chip's affair."""

    def __init__(self, version: int) -> None:
        self.registers = bytearray(64)
        self.fifo = bytearray()
        self._version = version

    def reset(self) -> None:
        """Put every register to its reset value and empty the FIFO (data sheet section 9)."""
        self.fifo.clear()
        self.registers[:] = bytes(64)
        for register, value in RESET_VALUES.items():
            self.registers[register] = value
        self.registers[Register.VERSION] = self._version

    def mark(self, register: Register, value: int) -> None:
        """Set1 and Set2: bit 7 says whether the other bits that are 1 are set or cleared."""
        marked = value & 0x7F
        before = self.registers[register]
        self.registers[register] = before | marked if value & _SET else before & ~marked

    def interrupt(self, irqs: int) -> None:
        """Set bits of ComIrqReg; they stay until they are cleared."""
        self.registers[Register.COM_IRQ] |= irqs

    def fail(self, error: Error) -> None:
        """Set a bit of ErrorReg, and ErrIRq."""
        self.registers[Register.ERROR] |= error
        self.interrupt(ComIrq.ERR)

    def push(self, value: int) -> None:
        """One byte into the FIFO; a full one drops it and says BufferOvfl."""
        if len(self.fifo) >= _FIFO_SIZE:
            self.fail(Error.BUFFER_OVERFLOW)
            return
        self.fifo.append(value)
        self._raise_alerts()

    def pull(self) -> int:
        """One byte out of the FIFO, 0 from an empty one."""
        value = self.fifo.pop(0) if self.fifo else 0
        self._raise_alerts()
        return value

    def flush(self) -> None:
        """Empty the FIFO; this clears BufferOvfl, too."""
        self.fifo.clear()
        self.registers[Register.ERROR] &= ~Error.BUFFER_OVERFLOW

    def alerts(self) -> int:
        """HiAlert (bit 1) and LoAlert (bit 0) as in Status1Reg."""
        mark = self.registers[Register.WATER_LEVEL] & 0x3F
        return (_FIFO_SIZE - len(self.fifo) <= mark) << 1 | (len(self.fifo) <= mark)

    def _raise_alerts(self) -> None:
        """The alerts stand in ComIrqReg two bits further up."""
        self.interrupt(self.alerts() << 2)
