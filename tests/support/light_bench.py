"""Milliseconds from a card entering the field to the first white frame on the emulated strip: scripts/bench-light."""

import random
import sys
import tempfile
import threading
from pathlib import Path

from support.bench import CARD, MAIN, WHITE, Bench
from support.mqtt import Mosquitto

from agent.clock import boottime

TAPS = 20
POLL_S = 0.05


def measured(bench: Bench, taps: int) -> list[float]:
    """Seconds for each tap."""
    pause = threading.Event()
    took = []
    for _ in range(taps):
        # No light flashes more than three times a second; and anywhere between two polls of the reader.
        pause.wait(1.0 + random.uniform(0, POLL_S))
        known = len(bench.frames)
        placed = boottime()
        bench.tap(CARD)
        white = [at for at, pixels in bench.frames[known:] if pixels[MAIN] == WHITE]
        took.append(white[0] - placed)
        bench.wait(lambda: bench.state()["mainLight"] == "off")
    return took


def main(taps: int = TAPS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        mosquitto = Mosquitto(Path(folder)).start()
        try:
            bench = Bench(Path(folder) / "bench", mosquitto, poll_interval_ms=round(POLL_S * 1000), driver_wait_s=0.1)
            with bench:
                bench.supplier.inject("supplier-slow", {"seconds": 5})
                took = sorted(1000 * seconds for seconds in measured(bench, taps))
                bench.supplier.clear("supplier-slow")
        finally:
            mosquitto.kill()
    p50, p99 = took[len(took) // 2], took[min(len(took) - 1, round(0.99 * len(took)))]
    print(f"card seen after p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {took[-1]:.1f} ms ({taps} taps)")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
