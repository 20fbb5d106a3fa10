"""Parts that may come late: a station without its reader or lights still lets vehicles go."""

import logging
from collections.abc import Callable, Sequence

from hardware.parts import LightsFailure, PartMissing, Reader, ReaderFailure, Rgb, Sighting, Strip

logger = logging.getLogger(__name__)


class LateReader:
    """A reader that is opened now, or by a later `revive`."""

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        self._open = open_reader
        self._reader: Reader | None = None
        self._missing = "it was never opened"
        self._closed = False
        try:
            self._reader = open_reader()
        except PartMissing as error:
            self._missing = str(error)
            logger.warning("no card reader, it is tried again: %s", error)

    def poll(self) -> Sighting:
        """See parts.Reader."""
        if self._reader is None:
            raise ReaderFailure(self._missing)
        return self._reader.poll()

    def revive(self) -> None:
        """See parts.Reader."""
        if self._closed:
            raise ReaderFailure(self._missing)
        if self._reader is not None:
            self._reader.revive()
            return
        try:
            self._reader = self._open()
        except PartMissing as error:
            self._missing = str(error)
            raise ReaderFailure(self._missing) from error

    @property
    def repairs(self) -> int:
        """See parts.Reader."""
        return 0 if self._reader is None else self._reader.repairs

    def version(self) -> int | None:
        """See parts.Reader."""
        return None if self._reader is None else self._reader.version()

    def close(self) -> None:
        """See parts.Reader."""
        self._closed, self._missing = True, "the reader is closed"
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class LateStrip:
    """A strip that is opened now, or by a later frame."""

    def __init__(self, open_strip: Callable[[], Strip]) -> None:
        self._open = open_strip
        self._strip: Strip | None = None
        self._closed = False
        try:
            self._strip = open_strip()
        except PartMissing as error:
            logger.warning("no lights, they are tried again: %s", error)

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip."""
        if self._closed:
            raise LightsFailure("the strip is closed")
        if self._strip is None:
            try:
                self._strip = self._open()
            except PartMissing as error:
                raise LightsFailure(str(error)) from error
        self._strip.show(frame)

    def close(self) -> None:
        """See parts.Strip."""
        self._closed = True
        if self._strip is not None:
            self._strip.close()
            self._strip = None
