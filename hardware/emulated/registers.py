"""Names, addresses and reset values of the MFRC522's registers (data sheet MFRC522 rev. 3.9, section 9)."""

from enum import IntEnum


class Register(IntEnum):
    """Addresses of the registers that do something here; all others only keep what is written."""

    COMMAND = 0x01
    COM_I_EN = 0x02
    COM_IRQ = 0x04
    DIV_IRQ = 0x05
    ERROR = 0x06
    STATUS1 = 0x07
    STATUS2 = 0x08
    FIFO_DATA = 0x09
    FIFO_LEVEL = 0x0A
    WATER_LEVEL = 0x0B
    CONTROL = 0x0C
    BIT_FRAMING = 0x0D
    COLL = 0x0E
    MODE = 0x11
    TX_MODE = 0x12
    RX_MODE = 0x13
    TX_CONTROL = 0x14
    TX_ASK = 0x15
    CRC_RESULT_H = 0x21
    CRC_RESULT_L = 0x22
    T_MODE = 0x2A
    T_PRESCALER = 0x2B
    T_RELOAD_H = 0x2C
    T_RELOAD_L = 0x2D
    T_COUNTER_H = 0x2E
    T_COUNTER_L = 0x2F
    VERSION = 0x37


class Command(IntEnum):
    """CommandReg bits 3-0 (data sheet section 10.3), those that are modelled."""

    IDLE = 0x0
    CALC_CRC = 0x3
    NO_CHANGE = 0x7
    TRANSCEIVE = 0xC
    MF_AUTHENT = 0xE
    SOFT_RESET = 0xF


class ComIrq(IntEnum):
    """Bits of ComIrqReg."""

    SET1 = 0x80
    TX = 0x40
    RX = 0x20
    IDLE = 0x10
    HI_ALERT = 0x08
    LO_ALERT = 0x04
    ERR = 0x02
    TIMER = 0x01


class Error(IntEnum):
    """Bits of ErrorReg that the emulated chip raises."""

    BUFFER_OVERFLOW = 0x10
    COLLISION = 0x08
    PARITY = 0x02


RESET_VALUES = {
    Register.COMMAND: 0x20,
    Register.COM_I_EN: 0x80,
    Register.COM_IRQ: 0x14,
    Register.WATER_LEVEL: 0x08,
    Register.COLL: 0xA0,
    Register.MODE: 0x3F,
    Register.TX_CONTROL: 0x80,
    Register.CRC_RESULT_H: 0xFF,
    Register.CRC_RESULT_L: 0xFF,
    0x17: 0x84,  # RxSelReg
    0x18: 0x84,  # RxThresholdReg
    0x19: 0x4D,  # DemodReg
    0x1C: 0x62,  # MfTxReg
    0x1F: 0xEB,  # SerialSpeedReg
    0x24: 0x26,  # ModWidthReg
    0x26: 0x48,  # RFCfgReg
    0x27: 0x88,  # GsNReg
    0x28: 0x20,  # CWGsPReg
    0x29: 0x20,  # ModGsPReg
}
"""What stands in a register after a reset; 0 where nothing is said."""

READ_ONLY = frozenset(
    {
        Register.ERROR,
        Register.STATUS1,
        Register.CRC_RESULT_H,
        Register.CRC_RESULT_L,
        Register.T_COUNTER_H,
        Register.T_COUNTER_L,
        Register.VERSION,
    }
)
