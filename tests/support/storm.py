"""What happens when the broker of many stations comes back: scripts/storm.

Every station is what it is in the field as far as the broker goes: a journal on disk, a mailbox, and a line with its
own random pauses. The broker is a real mosquitto that is killed in the middle of their events and started again.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Self

import msgspec
from support.mqtt import Heard, Listener, Mosquitto, eventually

PER_PROCESS = 75
TESTS = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0
CONFIG = """max_inflight_messages 0
max_queued_messages 1000000
log_type all
"""
"""A publish leaves the broker at once for whoever listens: killed, it has not kept it to itself."""


class Fleet:
    """One process of stations."""

    def __init__(self, port: int, first: int, count: int, folder: Path) -> None:
        self.count = count
        self.kept = 0
        self.owed = 0
        self.back: dict[str, list[float]] = {}
        self.answered: dict[str, float] = {}
        command = [sys.executable, "-m", "support.storm_fleet", "--port", str(port), "--first", str(first)]
        self._process = subprocess.Popen(
            [*command, "--count", str(count), "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        )
        self._reader = threading.Thread(target=self._read, name="storm-reader")
        self._reader.start()

    def put(self, events: int) -> None:
        """Every station writes some events down."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"put {events}\n")
        self._process.stdin.flush()

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.poll() is None

    def connected(self, since: float) -> list[float]:
        """When its stations first came back after that moment."""
        first = (next((moment for moment in moments if moment > since), None) for moments in list(self.back.values()))
        return [moment for moment in first if moment is not None]

    def close(self) -> None:
        """Stop its stations."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match line.split():
                case ["back", station, moment]:
                    self.back.setdefault(station, []).append(float(moment))
                case ["answered", station, number, moment]:
                    self.answered[f"{station}:{number}"] = float(moment)
                case ["owed", count]:
                    self.owed = int(count)
                case ["kept"]:
                    self.kept += 1


@dataclass(frozen=True, slots=True)
class Found:
    """What a storm came to. Times are seconds after the broker's return.

    `forgotten`: events that the broker had answered for before it was killed, and that nobody heard. mosquitto answers
    before it has written anything down; no station can know of that. `lost`: all others that nobody heard.
    """

    stations: int
    written: int
    heard: int
    lost: tuple[str, ...]
    forgotten: tuple[str, ...]
    disordered: tuple[str, ...]
    back: tuple[float, ...]
    connects: tuple[int, ...]
    delivered_after_s: float

    def lines(self) -> Iterable[str]:
        """For people."""
        yield f"{self.stations} stations, {self.written} events written down, {len(self.lost)} lost by them"
        yield f"{len(self.forgotten)} that the broker had answered for and forgot when it was killed"
        repeats = self.heard + len(self.lost) + len(self.forgotten) - self.written
        yield f"{self.heard} messages heard ({repeats} repeats), {len(self.disordered)} stations out of order"
        yield f"back after {median(self.back):.1f} s (median), all after {max(self.back):.1f} s"
        peak = max(Counter(int(moment) for moment in self.back).values())
        yield f"stations back in the busiest second {peak}; connections in the broker's busiest {max(self.connects)}"
        yield f"everything owed was delivered {self.delivered_after_s:.1f} s after the return"


class Storm:
    """A broker with stations in several processes; a context manager."""

    def __init__(self, folder: Path, stations: int) -> None:
        self._folder = folder
        self._stations = stations
        self._mosquitto = Mosquitto(folder, extra=CONFIG)
        self._fleets: list[Fleet] = []
        self._written = 0

    def __enter__(self) -> Self:
        with ExitStack() as life:
            self._mosquitto.start()
            life.callback(self._mosquitto.kill)
            self._listener = life.enter_context(
                Listener(self._mosquitto.port, "stations/+/events/#", kept_as="back-office")
            )
            for first in range(0, self._stations, PER_PROCESS):
                count = min(PER_PROCESS, self._stations - first)
                self._fleets.append(Fleet(self._mosquitto.port, first, count, self._folder))
                life.callback(self._fleets[-1].close)
            self._wait(lambda: len(self._back(0.0)) == self._stations, "not all stations connect")
            self._life = life.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._life.close()

    def blow(self, down_s: float, events: int) -> Found:
        """Kill the broker amid `events` of each station, bring it back after `down_s` with as many more waiting."""
        self._put(events, settled=False)
        self._mosquitto.kill()
        gone = time.monotonic()
        self._put(events)
        threading.Event().wait(max(0.0, gone + down_s - time.monotonic()))
        self._mosquitto.start()
        returned, wall = time.monotonic(), int(time.time())
        self._wait(lambda: len(self._back(gone)) == self._stations, "not all stations come back")
        self._wait(lambda: sum(fleet.owed for fleet in self._fleets) == 0, "not everything is delivered")
        delivered = time.monotonic()
        self._put(events)
        self._wait(lambda: len(set(self._ids())) >= self._written, "something is lost", failing=False)
        ids = self._ids()
        missing = self._expected() - set(ids)
        answered = {event: at for fleet in self._fleets for event, at in fleet.answered.items()}
        forgotten = {event for event in missing if answered[event] < returned}
        return Found(
            stations=self._stations,
            written=self._written,
            heard=len(ids),
            lost=tuple(sorted(missing - forgotten)),
            forgotten=tuple(sorted(forgotten)),
            disordered=tuple(disordered(ids)),
            back=tuple(moment - returned for moment in self._back(gone)),
            connects=tuple(self._connects(wall)),
            delivered_after_s=delivered - returned,
        )

    def _put(self, events: int, *, settled: bool = True) -> None:
        kept = [fleet.kept for fleet in self._fleets]
        for fleet in self._fleets:
            fleet.put(events)
        self._written += events * self._stations
        if settled:
            self._wait(
                lambda: all(fleet.kept > was for fleet, was in zip(self._fleets, kept, strict=True)), "no commit"
            )
        else:
            self._wait(lambda: len(self._listener.heard) > self._stations, "nothing arrives")

    def _wait(self, condition: Callable[[], bool], otherwise: str, *, failing: bool = True) -> None:
        patience_s = PATIENCE_S if failing else PATIENCE_S / 12
        came = eventually(lambda: condition() or not all(fleet.running for fleet in self._fleets), patience_s)
        assert all(fleet.running for fleet in self._fleets), "a process of stations has ended"
        assert came or not failing, otherwise

    def _back(self, since: float) -> list[float]:
        return [moment for fleet in self._fleets for moment in fleet.connected(since)]

    def _ids(self) -> list[str]:
        return [event_id(heard) for heard in self._listener.heard]

    def _expected(self) -> set[str]:
        each = self._written // self._stations
        return {f"ST-{station}:{number}" for station in range(self._stations) for number in range(1, each + 1)}

    def _connects(self, since: int) -> list[int]:
        """Connections that the broker took in each second since then, as its log has them."""
        log = (self._folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")
        seconds = Counter(int(line[:10]) for line in log.splitlines() if "New connection from" in line)
        return [count for second, count in seconds.items() if second >= since]


def event_id(heard: Heard) -> str:
    """Of the CloudEvent."""
    return str(msgspec.json.decode(heard.payload)["id"])


def disordered(ids: Sequence[str]) -> list[str]:
    """Stations whose events did not come in their order, looking at each when it came first."""
    first: dict[str, list[int]] = {}
    for each in dict.fromkeys(ids):
        station, _, number = each.partition(":")
        first.setdefault(station, []).append(int(number))
    return [station for station, numbers in first.items() if any(a > b for a, b in pairwise(numbers))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one storm and print its figures; gives the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/storm", description="Kills a broker under many stations.")
    parser.add_argument("--stations", type=int, default=300)
    parser.add_argument("--down-s", type=float, default=10.0, help="how long the broker is away")
    parser.add_argument("--events", type=int, default=10, help="of each station: before, during and after that")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Storm(Path(folder), options.stations) as storm:
        found = storm.blow(options.down_s, options.events)
    print("\n".join(found.lines()))  # noqa: T201
    return 1 if found.lost or found.disordered else 0


if __name__ == "__main__":
    sys.exit(main())
