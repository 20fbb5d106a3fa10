"""Episode after episode, on one station after the other."""

import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from support.campaign.episode import Episode
from support.campaign.findings import Finding, Kind
from support.campaign.plan import EPISODES_A_STATION, make_plan, station_options
from support.campaign.report import Tally, failure, progress
from support.campaign.scene import Scene

Say = Callable[[str], None]


class Campaign:
    """Plays `episodes` of a seed until `over()` or until something is found; `tally` says what came of it."""

    def __init__(self, seed: int, folder: Path, say: Say, *, story: bool = False, keep_going: bool = False) -> None:
        self.tally = Tally(seed)
        self._seed = seed
        self._folder = folder
        self._say = say
        self._story = story
        self._keep_going = keep_going
        self._began = time.monotonic()
        self._stations = 0

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began

    def run(self, episodes: Iterable[int], over: Callable[[], bool] = lambda: False) -> None:
        """Play them in order. A station lives until its options change, or a slot of it is out of order for good."""
        with ExitStack() as life:
            station, scene = -1, None
            for number in episodes:
                if over() or (self.tally.findings and not self._keep_going):
                    break
                if scene is None or number // EPISODES_A_STATION != station:
                    self._close(life)
                    station, scene = number // EPISODES_A_STATION, self._open(life, number)
                if scene is not None and self._play(scene, number):
                    self._close(life)
                    scene = None
            self._close(life)

    def _open(self, life: ExitStack, number: int) -> Scene | None:
        """A new station; None if it did not start."""
        self._stations += 1
        scene = Scene(self._folder / f"station-{self._stations}", **station_options(self._seed, number))
        try:
            return life.enter_context(scene)
        except AssertionError as error:
            self._find(f"a station did not start: {error}")
            return None

    def _play(self, scene: Scene, number: int) -> bool:
        """Play one; True if the station cannot be used again."""
        episode = Episode(scene, make_plan(self._seed, number))
        episode.play()
        self.tally.add(episode)
        self._say(progress(episode, self.seconds))
        for line in failure(episode) if episode.findings else episode.scene.story if self._story else ():
            self._say(line)
        return bool(episode.findings) or episode.spent

    def _close(self, life: ExitStack) -> None:
        """The station's own last checks: a clean stop, no card in clear, no key for two acts."""
        try:
            life.close()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            self._find(f"a station did not end well: {error}")

    def _find(self, text: str) -> None:
        self._say(text)
        self.tally.findings.append(Finding(Kind.UNWELL, text.partition("\n")[0]))
