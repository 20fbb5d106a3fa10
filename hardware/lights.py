"""Colours and rhythms become frames on the strip."""

import logging
import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence

from hardware.clock import boottime
from hardware.looks import DARK, Colour, Look
from hardware.parts import LightsFailure, Rgb, Strip
from hardware.rhythms import FRAME_S, HASTE_S, FlashGuard, Shine, shine
from hardware.wiring import Wiring

MAIN = "main"
LONG_S = 60.0
"""Seconds until the next step while nothing is to change; a new look wakes earlier."""
RETRY_FIRST_S = 0.5
RETRY_AT_MOST_S = 10.0
DEFAULT_COLOURS = {Colour.BLUE: "#0000ff", Colour.WHITE: "#ffffff", Colour.RED: "#ff0000"}
BLACK: Rgb = (0, 0, 0)
_RGB = re.compile(r"#[0-9a-fA-F]{6}")

Shown = Callable[[Mapping[str, Look], float], None]
"""Told what is on the strip now, and since when (seconds, CLOCK_BOOTTIME), in the stepping thread: it must not wait."""

Wrote = Callable[[Sequence[Rgb]], None]
"""Told the frame that is on the strip now, in the stepping thread: it must not wait."""

logger = logging.getLogger(__name__)


def palette_of(colours: Mapping[str, str]) -> dict[Colour, Rgb]:
    """`[lights] colours` ("#rrggbb" by name) over the defaults. Raises ValueError."""
    unknown = sorted(set(colours) - {colour.value for colour in Colour})
    if unknown:
        raise ValueError(f"no colour {unknown[0]!r}: there are {', '.join(Colour)}")
    return {colour: _rgb(colours.get(colour.value, default)) for colour, default in DEFAULT_COLOURS.items()}


def _rgb(text: str) -> Rgb:
    if not _RGB.fullmatch(text):
        raise ValueError(f"{text!r} is no colour: write it like #0000ff")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def names_of(wiring: Wiring) -> tuple[str, ...]:
    """Every light: "main", and each slot by its number."""
    return (MAIN, *(str(slot.number) for slot in wiring.slots))


def segments_of(wiring: Wiring) -> dict[str, tuple[int, int]]:
    """First and last pixel of each light: "main", and each slot by its number. Of kind "rgb" a light is a pixel."""
    if wiring.lights.kind == "rgb":
        return {name: (number, number) for number, name in enumerate(names_of(wiring))}
    return {MAIN: wiring.lights.main, **{str(slot.number): slot.lights for slot in wiring.slots}}


class Lights:
    """Owns the strip: one thread calls `step`, waiting on `wake` for as long as each step says.

    `show` and `wait_shown` may be called by anyone. A strip at rest is not written to. What moves is drawn `FRAME_S`
    apart; a look that is new does not wait for that, four times a second, which makes at most 30 frames a second.
    """

    def __init__(
        self,
        strip: Strip,
        segments: Mapping[str, tuple[int, int]],
        palette: Mapping[Colour, Rgb],
        brightness: float,
        clock: Callable[[], float] = boottime,
        failed: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Draw on `strip`.

        The stepping thread calls `failed` with the first frame, and whenever that changes: with why the lights fail, or
        with nothing when they are well.
        """
        self.wake = threading.Event()
        self._strip = strip
        self._segments = dict(segments)
        self._palette = {colour: _scaled(rgb, brightness) for colour, rgb in palette.items()}
        self._clock = clock
        self._failed = failed
        self._guards = {name: FlashGuard() for name in segments}
        self._size = max((last + 1 for _, last in segments.values()), default=0)
        self._on_strip: list[Rgb] | None = None
        self._spoilt = 0
        self._next_write = -math.inf
        self._next_haste = -math.inf
        self._backoff_s = 0.0
        self._failing: bool | None = None
        self._looks: dict[str, Look] = {}
        self._changes = 0
        self._changes_shown = -1
        self._changed = threading.Condition()
        self._watchers: list[Shown] = []
        self._frame_watchers: list[Wrote] = []

    def watch(self, watcher: Shown) -> None:
        """Let `watcher` know of each change once it is on the strip. Before the first step."""
        self._watchers.append(watcher)

    def watch_frames(self, watcher: Wrote) -> None:
        """Let `watcher` see each frame that the strip took. Before the first step."""
        self._frame_watchers.append(watcher)

    def show(self, looks: Mapping[str, Look]) -> None:
        """From now on show these, and every light that is not named dark. Raises KeyError for an unknown light."""
        unknown = set(looks) - set(self._segments)
        if unknown:
            raise KeyError(f"no light {min(unknown)!r}")
        with self._changed:
            self._looks = dict(looks)
            self._changes += 1
        self.wake.set()

    def wait_shown(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until the latest `show` is on the strip; False at once if the strip fails."""
        with self._changed:
            wanted = self._changes
            self._changed.wait_for(lambda: self._changes_shown >= wanted or self._backoff_s > 0, timeout)
            return self._changes_shown >= wanted

    def step(self) -> float:
        """Render what is due; seconds until the next step is wanted, unless `wake` is set before."""
        self.wake.clear()
        now = self._clock()
        with self._changed:
            looks, change = self._looks, self._changes
        due = self._next_write if change == self._changes_shown else min(self._next_write, self._next_haste)
        if now < due:
            return due - now
        shines = {name: self._shine(name, looks.get(name, DARK), now) for name in self._segments}
        frame = self._frame(shines)
        if frame != self._on_strip and not self._write(frame, now):
            return self._backoff_s
        self._is_shown(looks, change)
        until = min((one.until for one in shines.values()), default=math.inf)
        return min(LONG_S, max(until, self._next_write) - now)

    def _is_shown(self, looks: Mapping[str, Look], change: int) -> None:
        is_new = change != self._changes_shown
        with self._changed:
            self._changes_shown = change
            self._changed.notify_all()
        if is_new:
            for watcher in self._watchers:
                watcher(looks, self._clock())

    def give_up(self) -> None:
        """A frame hangs in the strip, and its thread is abandoned: whatever comes of it does not count. Any thread.

        Another thread may step then, although the strip still has the old frame: when that goes through after all, all
        pixels are written anew.
        """
        with self._changed:
            self._spoil()
        self._tell("a frame hangs in the strip, look after its supply and wiring")

    def _spoil(self) -> None:
        """Nobody knows any more what is on the strip."""
        self._spoilt += 1
        self._on_strip = None
        self.wake.set()

    def _shine(self, name: str, look: Look, now: float) -> Shine:
        return self._guards[name].pass_on(shine(look, now), now)

    def _frame(self, shines: Mapping[str, Shine]) -> list[Rgb]:
        frame = [BLACK] * self._size
        for name, (first, last) in self._segments.items():
            one = shines[name]
            if one.colour is not None:
                frame[first : last + 1] = [_scaled(self._palette[one.colour], one.level)] * (last + 1 - first)
        return frame

    def _write(self, frame: list[Rgb], now: float) -> bool:
        spoilt, failure = self._spoilt, None
        try:
            self._strip.show(frame)
        except LightsFailure as error:
            failure = error
        with self._changed:
            if spoilt != self._spoilt:
                self._spoil()
                return False
            self._on_strip = None if failure else frame
        if failure:
            self._fail(failure, now)
            return False
        if now < self._next_write:
            self._next_haste = now + HASTE_S
        self._next_write = now + FRAME_S
        if self._backoff_s:
            logger.info("the lights are back")
            self._set_backoff(0.0)
        self._tell("")
        for watcher in self._frame_watchers:
            watcher(frame)
        return True

    def _fail(self, error: LightsFailure, now: float) -> None:
        first = not self._backoff_s
        self._set_backoff(RETRY_FIRST_S if first else min(2 * self._backoff_s, RETRY_AT_MOST_S))
        self._next_write = self._next_haste = now + self._backoff_s
        if first:
            logger.warning("the lights fail, trying again at least every %d s: %s", RETRY_AT_MOST_S, error)
        self._tell(str(error))

    def _tell(self, reason: str) -> None:
        if bool(reason) is not self._failing:
            self._failing = bool(reason)
            self._failed(reason)

    def _set_backoff(self, seconds: float) -> None:
        with self._changed:
            self._backoff_s = seconds
            self._changed.notify_all()


def _scaled(rgb: Rgb, level: float) -> Rgb:
    red, green, blue = rgb
    return round(red * level), round(green * level), round(blue * level)
