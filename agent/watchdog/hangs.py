"""How long each thread has been in one step, counted so that a process that stood still accuses nobody."""

from agent.heartbeats import Hearts


class Hangs:
    """Counts in looks: the time between two of them counts unless the second came more than `most_s` seconds later.

    So a process that was stopped, or a machine that had no time for it, does not find all its threads hanging.
    """

    def __init__(self, hearts: Hearts, most_s: float) -> None:
        self._hearts = hearts
        self._most_s = most_s
        self._seen: dict[str, tuple[float, bool]] = {}
        self._hung: dict[str, float] = {}
        self._looked: float | None = None

    def look(self, now: float) -> dict[str, float]:
        """By thread, the seconds since a step began that is still under way without a beat; 0 for all others."""
        passed = 0.0 if self._looked is None else now - self._looked
        if passed > self._most_s:
            passed = 0.0
        self._looked = now
        seen = self._hearts.last()
        self._hung = {
            name: self._hung.get(name, 0.0) + passed if last[1] and self._seen.get(name) == last else 0.0
            for name, last in seen.items()
        }
        self._seen = seen
        return self._hung
