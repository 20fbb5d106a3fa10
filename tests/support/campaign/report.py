"""What a campaign tells: one line an episode, one line in the end, and the whole story of what went wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from support.campaign.episode import Episode
from support.campaign.findings import Finding, Kind

LAST_LINES = 80


@dataclass(slots=True)
class Tally:
    """Everything counted so far."""

    seed: int
    episodes: int = 0
    taps: int = 0
    sessions: int = 0
    survived: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, episode: Episode) -> None:
        """One episode is over."""
        self.episodes += 1
        self.taps += episode.counts["taps"]
        self.sessions += episode.counts["sessions"]
        self.survived.update(episode.survived)
        self.findings += episode.findings

    def summary(self, seconds: float) -> str:
        """The last line."""
        found = Counter(finding.kind for finding in self.findings)
        faults = ", ".join(f"{name} {count}" for name, count in self.survived.most_common())
        return (
            f"campaign: seed {self.seed}, {seconds / 60:.1f} min, {self.episodes} episodes, {self.taps} taps, "
            f"{self.sessions} sessions, {self.survived.total()} faults survived{f' ({faults})' if faults else ''}, "
            + ", ".join(f"{kind} {found[kind]}" for kind in Kind)
        )


def progress(episode: Episode, seconds: float) -> str:
    """One line for an episode."""
    faults = ", ".join(f"{name} x{count}" for name, count in Counter(episode.survived).items())
    counts = ", ".join(f"{count} {name}" for name, count in episode.counts.items())
    verdict = "well" if not episode.findings else f"{len(episode.findings)} FOUND"
    return f"{seconds / 60:5.1f} min  episode {episode.plan.number}: {counts}; {faults or 'no trouble'}: {verdict}"


def failure(episode: Episode) -> Iterable[str]:
    """Everything known of an episode that went wrong."""
    yield f"--- the story of episode {episode.plan.number} of seed {episode.plan.seed} (seconds since it began)"
    yield from episode.scene.story
    yield "--- the agent's last lines"
    yield from episode.scene.bench.log[-LAST_LINES:]
    yield "--- the station in its own words"
    yield str(episode.scene.state())
    yield "--- found"
    yield from map(str, episode.findings)
    yield f"replay with: scripts/campaign --seed {episode.plan.seed} --episode {episode.plan.number}"
