"""A station without lights."""

from collections.abc import Sequence

from hardware.parts import Rgb


class NoStrip:
    """Takes every frame and shows none."""

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip; there is no pixel that a frame could miss."""

    def close(self) -> None:
        """See parts.Strip."""
