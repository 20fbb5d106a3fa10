"""The words of ISO/IEC 14443-3 type A: frames, bits and their checks. Shared by the driver and the emulated cards."""

from functools import reduce
from itertools import chain
from operator import xor

Bits = tuple[int, ...]
"""Data bits in the order they are sent, least significant bit of each byte first, without parity."""

REQA: Bits = (0, 1, 1, 0, 0, 1, 0)
"""0x26 in 7 bits: wakes cards in IDLE (clause 6.4)."""
WUPA: Bits = (0, 1, 0, 0, 1, 0, 1)
"""0x52 in 7 bits: wakes cards in IDLE and in HALT (clause 6.4)."""
CASCADE = (0x93, 0x95, 0x97)
"""SEL of the three cascade levels (clause 6.5.3)."""
CASCADE_TAG = 0x88
"""First byte of a level's four that says: the UID goes on in the next level."""
WHOLE = 0x70
"""NVB of a SELECT: all 40 bits of the level are known."""
UNFINISHED = 0x04
"""Bit of a SAK that says: the UID goes on in the next level."""
HALT = b"\x50\x00"
"""HLTA without its CRC; silence is its confirmation (clause 6.4.3)."""

_POLYNOMIAL = 0x8408  # x^16 + x^12 + x^5 + 1, reflected
_PRESET = 0x6363
_BITS = [tuple(byte >> bit & 1 for bit in range(8)) for byte in range(256)]
_BYTES = {bits: byte for byte, bits in enumerate(_BITS)}


def to_bits(data: bytes) -> Bits:
    """Bits of whole bytes as they go on the air."""
    return tuple(chain.from_iterable(_BITS[byte] for byte in data))


def to_bytes(bits: Bits) -> bytes:
    """Bytes of bits as they come from the air; a last incomplete byte is filled up with zeros."""
    whole = bits + (0,) * (-len(bits) % 8)
    return bytes(_BYTES[whole[at : at + 8]] for at in range(0, len(whole), 8))


def check_byte(part: bytes) -> int:
    """BCC: what the four bytes of a cascade level add up to, bit by bit (clause 6.5.3)."""
    return reduce(xor, part)


def crc_a(data: bytes, preset: int = _PRESET) -> bytes:
    """CRC_A of `data`, low byte first as it is sent (annex B)."""
    crc = preset
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def with_crc(data: bytes) -> bytes:
    """`data` and its CRC_A: a standard frame."""
    return data + crc_a(data)
