"""What a look for cards costs us and the packages called mfrc522, on one emulated chip: scripts/bench reader."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import ModuleType

from support.emulated_reader import ReaderBench, Ticking
from support.mfrc522_packages import unmodified

from agent.clock import At
from agent.watch import ReaderWatch
from hardware.clock import boottime
from hardware.emulated.cards import Field
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.parts import OneCard
from hardware.reader import open_reader
from hardware.wiring import ReaderWiring

POLL_S = 0.05
POLLS = 40
"""Those a mean is taken over; in as much time the chip's health is checked once."""
FIRST = 4
"""Looks at an empty field before a card comes to a reader that was just opened."""
CARDS = ("DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203")
RESTING = CARDS[1]

Poll = Callable[[], str | None]
"""Looks once; gives the id of a card in hex."""
Nap = Callable[[float], None]


class Candidate:
    """One driver: how it is opened on a bus."""

    def __init__(self, name: str, folder: Path | None = None, *, is_ours: bool = False) -> None:
        self.name = name
        self._folder = folder
        self._is_ours = is_ours

    @contextmanager
    def opened(self, spidev: ModuleType, clock: Callable[[], float], nap: Nap) -> Iterator[Poll]:
        """Polls on this bus."""
        if self._is_ours:
            reader = open_reader(ReaderWiring(), spidev, None, nap, clock)
            yield lambda: sighting.uid if isinstance(sighting := reader.poll(), OneCard) else None
            return
        with unmodified(spidev, self._folder, nap) as package:
            reader = getattr(package, "BasicMFRC522", package.SimpleMFRC522)()
            yield lambda: f"{number:X}" if (number := reader.read_id_no_block()) else None

    @contextmanager
    def idling(self, spidev: ModuleType) -> Iterator[Callable[[], float]]:
        """Polls as a station does, in real time; each step gives the seconds until the next."""
        if self._is_ours:
            reader = open_reader(ReaderWiring(), spidev, None)
            yield ReaderWatch(reader, lambda *_, **__: None, lambda at: At("", at, at), poll_s=POLL_S).step
            return
        with self.opened(spidev, boottime, time.sleep) as poll:

            def step() -> float:
                began = boottime()
                poll()
                return max(0.0, began + POLL_S - boottime())

            yield step


@dataclass(frozen=True, slots=True)
class Mean:
    """Transfers a poll, and the share of polls that named a card."""

    transfers: float
    named: float


class Counter:
    """One driver on a chip whose time passes only here."""

    def __init__(self, candidate: Candidate) -> None:
        self._bench = ReaderBench()
        self._life = ExitStack()
        clock: Ticking = self._bench.clock
        self._poll = self._life.enter_context(candidate.opened(self._bench.spidev, clock, clock.nap))
        self.mean(POLLS)

    def close(self) -> None:
        """Give the package back."""
        self._life.close()

    def mean(self, polls: int = POLLS) -> Mean:
        """So many polls of what is in the field."""
        before = self._bench.chip.transfers
        named = sum(self._look() is not None for _ in range(polls))
        return Mean((self._bench.chip.transfers - before) / polls, named / polls)

    def look_s(self, polls: int = POLLS) -> float:
        """Seconds that a look takes, as they pass here."""
        before = self._bench.clock.now
        self.mean(polls)
        return (self._bench.clock.now - before) / polls - POLL_S

    def resting(self, uid: str) -> Mean:
        """Polls of a card at rest."""
        self._bench.field.place(uid)
        self._look()
        try:
            return self.mean()
        finally:
            self._leave(uid)

    def tap(self, uid: str) -> tuple[int, str]:
        """Transfers from the card's arrival until it is named, and its name."""
        self._bench.field.place(uid)
        before, named = self._bench.chip.transfers, None
        while named is None:
            named = self._look()
        took = self._bench.chip.transfers - before
        self._leave(uid)
        return took, named

    def _leave(self, uid: str) -> None:
        self._bench.field.remove(uid)
        self.mean(POLLS)

    def _look(self) -> str | None:
        self._bench.clock.nap(POLL_S)
        return self._poll()


class Recorder:
    """A chip on a bus with its field, and everything that was sent to it when."""

    def __init__(self, replayed: "Recorder | None" = None) -> None:
        self.sent: list[list[int]] = []
        self.moments: list[float] = []
        self.field = Field()
        self._again = iter(replayed.moments) if replayed else None
        self._chip = Mfrc522Chip(self.field, self._clock)
        self.spidev = spidev_module(self)

    def transfer(self, sent: list[int]) -> list[int]:
        """See emulated.spidev.Chip."""
        self.sent.append(sent)
        return self._chip.transfer(sent)

    def _clock(self) -> float:
        now = boottime()
        self.moments.append(now)
        return next(self._again) if self._again else now


def idle_share(candidate: Candidate, seconds: float) -> float:
    """Share of one core that polling an empty field takes, the emulated bus and chip taken off."""
    recorder = Recorder()
    pause = threading.Event()
    with candidate.idling(recorder.spidev) as step:
        began, used = boottime(), time.process_time()
        while boottime() < began + seconds:
            pause.wait(step())
        used, took = time.process_time() - used, boottime() - began
    return max(0.0, used - _chip_alone(recorder)) / took


def look_ms(candidate: Candidate, looks: int, uid: str = "") -> float:
    """Milliseconds of processor time of a look at an empty field, or at a resting card, without the emulated chip's."""
    recorder = Recorder()
    with candidate.opened(recorder.spidev, boottime, time.sleep) as poll:
        if uid:
            recorder.field.place(uid)
        before, used = len(recorder.sent), time.process_time()
        for _ in range(looks):
            poll()
        used = time.process_time() - used
    return 1000 * max(0.0, used - _chip_alone(recorder, before, uid)) / looks


def tap_ms(candidate: Candidate, taps: int, uid: str) -> float:
    """Median milliseconds of processor time from a card's arrival until it is named, without the emulated chip's."""
    spent_s = [_tap_s(candidate, uid) for _ in range(taps)]
    return 1000 * max(0.0, median(spent_s))


def _tap_s(candidate: Candidate, uid: str) -> float:
    recorder = Recorder()
    with candidate.opened(recorder.spidev, boottime, time.sleep) as poll:
        for _ in range(FIRST):
            poll()
        recorder.field.place(uid)
        before, used = len(recorder.sent), time.process_time()
        while poll() is None:
            continue
        used = time.process_time() - used
    return used - _chip_alone(recorder, before, uid)


def _chip_alone(recorder: Recorder, since: int = 0, uid: str = "") -> float:
    """Seconds of processor time that the same transfers take without a driver, from `since` on, when this card came."""
    again = Recorder(recorder)
    spi = again.spidev.SpiDev()
    spi.open(0, 0)
    for sent in recorder.sent[:since]:
        spi.xfer2(sent)
    if uid:
        again.field.place(uid)
    used = time.process_time()
    for sent in recorder.sent[since:]:
        spi.xfer2(sent)
    return time.process_time() - used
