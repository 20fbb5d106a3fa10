"""The bytes of a journal, read without writing anything.

SQLite itself reads a journal in WAL mode only where it can write a `-shm` file beside it, and a full or read-only disk
does not let it. So the committed frames of the log are put over the file's pages here (SQLite file format, section 4,
"The Write-Ahead Log": https://www.sqlite.org/fileformat2.html#walformat).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

WAL_HEADER = struct.Struct(">8I")
FRAME_HEADER = struct.Struct(">6I")
MAGIC = 0x377F0682
"""The last bit says whether checksums are counted over big-endian words."""
ROLLBACK = b"\x01\x01"
"""The file format's write and read versions for a file without a log; in memory there is none."""


def committed(path: Path) -> bytes:
    """The file's bytes with the log's committed frames over them. Raises OSError."""
    content = bytearray(path.read_bytes())
    log = path.with_name(f"{path.name}-wal")
    for page_size, number, page in frames(log.read_bytes() if log.exists() else b""):
        start = (number - 1) * page_size
        content.extend(bytes(max(0, start + page_size - len(content))))
        content[start : start + page_size] = page
    content[18:20] = ROLLBACK
    return bytes(content)


def frames(log: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Page size, page number and content of every frame up to the last commit whose checksums are right."""
    if len(log) < WAL_HEADER.size:
        return
    magic, _, page_size, _, salt1, salt2, sum1, sum2 = WAL_HEADER.unpack_from(log)
    words = ">" if magic & 1 else "<"
    sums = checksum(log[:24], (0, 0), words)
    if magic & ~1 != MAGIC or sums != (sum1, sum2):
        return
    waiting: list[tuple[int, int, bytes]] = []
    size = FRAME_HEADER.size + page_size
    for start in range(WAL_HEADER.size, len(log) - size + 1, size):
        number, commit, *salts, sum1, sum2 = FRAME_HEADER.unpack_from(log, start)
        page = log[start + FRAME_HEADER.size : start + size]
        sums = checksum(page, checksum(log[start : start + 8], sums, words), words)
        if salts != [salt1, salt2] or sums != (sum1, sum2):
            return
        waiting.append((page_size, number, page))
        if commit:
            yield from waiting
            waiting.clear()


def checksum(content: bytes, before: tuple[int, int], words: str) -> tuple[int, int]:
    """SQLite's running checksum over pairs of 32-bit words."""
    first, second = before
    numbers = struct.unpack(f"{words}{len(content) // 4}I", content)
    for even, odd in zip(numbers[::2], numbers[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
