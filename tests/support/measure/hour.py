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
    """What a station wrote while it stood there for `seconds`, and its memory before and after that, MB."""

    seconds: int
    written: int
    before_mb: float
    after_mb: float


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
        bench.stop()  # the first start after an installation compiles every module, and keeps the memory that takes
        bench.start()
        connected(bench)
        bench.settled()
        wait(5.0)
        over = time.monotonic() + seconds
        before, before_mb = seen(bench.pid).written, resident_mb(bench.pid)

        def rest() -> Rest:
            wait(over - time.monotonic())
            return Rest(seconds, seen(bench.pid).written - before, before_mb, resident_mb(bench.pid))

        yield rest


def tell(part: Part, rest: Rest) -> None:
    """Say it in a part of the page."""
    shown = f"{rest.written} in {rest.seconds} s"
    part.at_most("bytes written in an idle hour", rest.written * HOUR_S / rest.seconds, 0, "bytes", shown=shown)
    part.says("resident memory before and after it", f"{rest.before_mb:.3g} and {rest.after_mb:.3g} MB")
