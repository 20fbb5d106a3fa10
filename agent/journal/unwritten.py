"""What the disk did not take, in memory that outlives the process: a file in the runtime directory (tmpfs).

It is allocated when the agent starts, so that writing to it later needs no space: a full disk may well be full there
too. Two halves take turns, each with its number and checksum, so that a kill in the middle leaves the one before.
"""

import logging
import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.journal.statements import Statement

log = logging.getLogger(__name__)

HALF = 512 * 1024
HEADER = struct.Struct("<4sIQI")  # mark, checksum of what follows, number, length
MARK = b"EVSU"


@dataclass(frozen=True, slots=True)
class Record:
    """Statements that still have to be executed, in order, unless the journal says that `id` was."""

    id: str
    statements: Sequence[Statement]


class Unwritten:
    """One such file; `record` is what it holds."""

    def __init__(self, path: Path) -> None:
        """Open or make it; without it, a restart forgets what the disk did not take, which is logged."""
        self._path = path
        self._map = self._opened()
        self._number, self.record = self._latest()

    def _opened(self) -> mmap.mmap | None:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.fstat(handle).st_size < 2 * HALF:
                    os.posix_fallocate(handle, 0, 2 * HALF)
                return mmap.mmap(handle, 2 * HALF)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            log.warning("%s cannot be used (%s): while the disk is full, a restart forgets", self._path, error)
            return None

    def _latest(self) -> tuple[int, Record | None]:
        halves = [self._half(half) for half in (0, 1)]
        number, payload = max(halves, key=lambda each: each[0])
        if not payload:
            return number, None
        try:
            name, statements = msgspec.msgpack.decode(payload, type=tuple[str, list[tuple[str, list[Any]]]])
        except msgspec.MsgspecError as error:
            log.error("%s cannot be read: %s", self._path, error)  # noqa: TRY400  the cause is in the sentence
            return number, None
        return number, Record(name, [(statement, tuple(values)) for statement, values in statements])

    def _half(self, half: int) -> tuple[int, bytes]:
        """The number and content of a half; 0 and nothing if it is not whole."""
        if self._map is None:
            return 0, b""
        start = half * HALF
        mark, checksum, number, length = HEADER.unpack_from(self._map, start)
        end = start + HEADER.size + length
        if mark != MARK or end > start + HALF or zlib.crc32(self._map[start + 8 : end]) != checksum:
            return 0, b""
        return number, self._map[start + HEADER.size : end]

    def save(self, record: Record) -> None:
        """Keep this record instead of the one before; one that is too large is not kept, which is logged."""
        payload = msgspec.msgpack.encode((record.id, record.statements))
        if HEADER.size + len(payload) > HALF:
            log.error("more than %d KiB wait for the disk: a restart forgets the newest of it", HALF // 1024)
            return
        self._write(payload)
        self.record = record

    def clear(self) -> None:
        """The disk has it all, so no card stays here: what was kept is overwritten, in both halves."""
        if self.record is not None:
            self._write(b"")
            self._wipe()
            self.record = None

    def _wipe(self) -> None:
        """Only the half that says that nothing is kept stays, and of that its header alone."""
        if self._map is None:
            return
        start = (self._number % 2) * HALF
        self._map[start + HEADER.size : start + HALF] = bytes(HALF - HEADER.size)
        other = HALF - start
        self._map[other : other + HALF] = bytes(HALF)

    def _write(self, payload: bytes) -> None:
        self._number += 1
        if self._map is None:
            return
        start = (self._number % 2) * HALF
        body = struct.pack("<QI", self._number, len(payload)) + payload
        self._map[start + 8 : start + 8 + len(body)] = body
        self._map[start : start + 8] = struct.pack("<4sI", MARK, zlib.crc32(body))

    def close(self) -> None:
        """Let go of the file; it stays. Idempotent."""
        if self._map is not None:
            self._map.close()
            self._map = None
