"""One RGB LED for each light, each on three GPIOs: a pixel of the frame is a light."""

import logging
from collections.abc import Sequence
from typing import Protocol

from hardware.parts import HardwareError, LightsFailure, Rgb

BLACK: Rgb = (0, 0, 0)

logger = logging.getLogger(__name__)


class RgbLine(Protocol):
    """Three GPIOs that dim one LED."""

    def shine(self, colour: Rgb) -> None:
        """Show this colour. Raises HardwareError."""
        ...

    def close(self) -> None:
        """Let go of them. Idempotent."""
        ...


class RgbStrip:
    """The lights in the order of their lines. A line whose colour stays is not driven anew."""

    def __init__(self, lines: Sequence[RgbLine]) -> None:
        """Take lines that are dark."""
        self._lines = list(lines)
        self._shown: list[Rgb | None] = [BLACK] * len(lines)

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip; lights beyond the frame stay dark."""
        if len(frame) > len(self._lines):
            raise LightsFailure("the strip is closed: open it again")
        wanted = [*frame, *[BLACK] * (len(self._lines) - len(frame))]
        for number, (line, colour) in enumerate(zip(self._lines, wanted, strict=True)):
            if colour == self._shown[number]:
                continue
            self._shown[number] = None
            try:
                line.shine(colour)
            except HardwareError as error:
                raise LightsFailure(f"an RGB light cannot be driven ({error}): look after its wiring") from error
            self._shown[number] = colour

    def close(self) -> None:
        """See parts.Strip."""
        try:
            self.show([])
        except LightsFailure as error:
            logger.warning("the lights could not be put out: %s", error)
        for line in self._lines:
            line.close()
        self._lines = []
        self._shown = []
