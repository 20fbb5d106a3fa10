"""An hour in which nobody comes: a station that only stands there, beside everything else that is measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.measure.figures import Part, Scale
from support.measure.process import resident_mb, seen
from support.measure.rig import PlainSupplier, broker, connected, scratch, station, wait

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Rest:
    """What a station wrote while it stood there for `seconds`, and its memory after that."""

    seconds: int
    written: int
    resident_mb: float


@contextmanager
def resting(scale: Scale) -> Iterator[Callable[[], Rest]]:
    """A station at rest from now on; what this gives waits until its hour is over."""
    seconds = scale.of(HOUR_S, 5)
    with (
        broker() as mosquitto,
        scratch() as folder,
        PlainSupplier() as supplier,
        station(folder / "resting", mosquitto, supplier) as bench,
    ):
        connected(bench)
        bench.settled()
        wait(5.0)
        over = time.monotonic() + seconds
        before = seen(bench.pid).written

        def rest() -> Rest:
            wait(over - time.monotonic())
            return Rest(seconds, seen(bench.pid).written - before, resident_mb(bench.pid))

        yield rest


def tell(part: Part, rest: Rest) -> None:
    """Say it in a part of the page."""
    shown = f"{rest.written} in {rest.seconds} s"
    part.at_most("bytes written in an idle hour", rest.written * HOUR_S / rest.seconds, 0, "bytes", shown=shown)
    part.says("resident memory after it", f"{rest.resident_mb:.3g} MB")
