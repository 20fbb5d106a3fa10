# ruff: noqa: N802 - the package names its methods like this
from spidev import SpiDev

class MFRC522:
    PCD_IDLE: int
    PCD_TRANSCEIVE: int
    CommandReg: int
    CommIrqReg: int
    ErrorReg: int
    FIFODataReg: int
    FIFOLevelReg: int
    ControlReg: int
    BitFramingReg: int
    CollReg: int
    ModeReg: int
    TxControlReg: int
    TxAutoReg: int
    TModeReg: int
    TPrescalerReg: int
    TReloadRegH: int
    TReloadRegL: int
    VersionReg: int
    spi: SpiDev
    def MFRC522_Reset(self) -> None: ...
    def Write_MFRC522(self, addr: int, val: int) -> None: ...
    def Read_MFRC522(self, addr: int) -> int: ...
