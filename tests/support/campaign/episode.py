"""One episode: trouble as planned, everything mended, rest, the books, and then everybody leaves."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from support.campaign.checks import STANDING, check
from support.campaign.findings import Finding, Kind
from support.campaign.plan import DRIVERS, Plan, Step
from support.campaign.scene import Scene
from support.campaign.troubles import KINDS
from support.campaign.view import View, look

REST_S = 60.0
"""How long a station may take to come to rest: retries wait for up to 6 s each (a tenth of what they do in service)."""
CALM = 5
"""How often in a row nothing may be wrong."""
AWAY_S = 0.7
"""A card that has been away for so long is a tap again."""
DRIVER_S = 15.0
"""How long a driver may have to wait when everything works."""
CARDS = frozenset(DRIVERS.values())


class Episode:
    """Plays one plan on a scene. `findings` is what went wrong; `counts` what happened."""

    def __init__(self, scene: Scene, plan: Plan) -> None:
        self.scene = scene
        self.plan = plan
        self.counts = {"taps": 0, "sessions": 0}
        self.survived: list[str] = []
        self._on: dict[str, Callable[[Scene], None]] = {}
        self._kills = scene.kills
        self._cards_gone = 0.0

    @property
    def findings(self) -> list[Finding]:
        """What is wrong."""
        return self.scene.findings

    def play(self) -> None:
        """The whole episode; stops where something is wrong."""
        self.scene.began()
        sessions = self._sessions()
        for part in (self.perform, self.mend, self.rest, self.leave, self.prove, self.rest):
            part()
            if self.findings:
                self.mend()
                break
        self.counts["sessions"] = self._sessions() - sessions
        self.survived += ["kill"] * (self.scene.kills - self._kills)

    @property
    def spent(self) -> bool:
        """Whether a slot of this station stays out of order: its lock failed three drivers in a row."""
        state = self.scene.state() or {"faults": []}
        return any(fault["code"] == "LockFailed" for fault in state["faults"])

    def _sessions(self) -> int:
        return len({call.session for call in self.scene.calls if call.name == "start" and call.status < 300})

    # What is planned.

    def perform(self) -> None:
        """Everything at its moment."""
        began = time.monotonic()
        for step in self.plan.steps:
            self.scene.until(began + step.at)
            self.scene.note(f"=== {step}")
            DOERS[step.do](self, step)

    def place(self, step: Step) -> None:
        self.counts["taps"] += 1
        self.scene.bench.world.place(DRIVERS[step.what])

    def remove(self, step: Step) -> None:
        self.scene.bench.world.remove(DRIVERS[step.what])

    def standing(self, step: Step) -> None:
        self.scene.set_standing(DRIVERS[step.what], step.settings["standing"])

    def begin(self, step: Step) -> None:
        kind = KINDS[step.what]
        kind.begin(self.scene, step.settings)
        self._on[step.what] = kind.end
        self.survived.append(step.what)

    def end(self, step: Step) -> None:
        ends = self._on.pop(step.what, None)
        if ends:
            ends(self.scene)

    def kill(self, step: Step) -> None:
        self.scene.kill(**step.settings)

    def stop(self, step: Step) -> None:
        self.survived.append("stop")
        self.scene.stop(**step.settings)

    def trap(self, step: Step) -> None:
        self.scene.trap(step.what, **step.settings)

    # What follows.

    def mend(self) -> None:
        """Everything is well again."""
        self.scene.note("=== everything is mended")
        self.scene.disarm()
        while self._on:
            self._on.popitem()[1](self.scene)
        for card in CARDS:
            self.scene.bench.world.remove(card)
            self.scene.set_standing(card, "registered")
        self._cards_gone = time.monotonic()
        self.scene.close_refused()

    def rest(self) -> None:
        """Wait until nothing is wrong any more; what still is then is found."""
        calm, wrong, until = 0, [Finding(Kind.UNWELL, "not looked at yet")], time.monotonic() + REST_S
        while calm < CALM and not self.findings and time.monotonic() < until:
            wrong = check(self.look())
            calm = 0 if wrong else calm + 1
            self.scene.until(time.monotonic() + 0.02)
        for finding in wrong:
            self.scene.find(finding.kind, finding.text)

    def look(self) -> View:
        """Everything that can be seen now."""
        return look(self.scene, CARDS)

    def leave(self) -> None:
        """Whoever stands in a slot gets out with his card."""
        for slot in self.look().taken:
            number, masked = slot["number"], slot["session"]["card"]
            card = next(card for card in CARDS if card.endswith(masked.lstrip(".")))
            self.scene.note(f"=== the driver in slot {number} leaves")
            if not self.taps(card, partial(self._is_free, number)):
                self.scene.find(Kind.TRAPPED, f"the driver in slot {number} tapped and could not leave")

    def prove(self) -> None:
        """A driver comes and goes, and all is as on the first day."""
        view = self.look()
        statuses = [slot["status"] for slot in view.state["slots"]] if view.state else []
        if "free" not in statuses or any(status in STANDING for status in statuses):
            return
        card = DRIVERS[self.plan.prover]
        self.scene.note(f"=== {self.plan.prover} proves that the station works")
        if not self.taps(card, lambda: self._charges(card)):
            self.scene.find(Kind.UNWELL, f"{self.plan.prover} tapped and got no slot, though everything works")
        elif not self.taps(card, lambda: not self._charges(card)):
            self.scene.find(Kind.TRAPPED, f"{self.plan.prover} tapped and could not leave")

    def taps(self, card: str, done: Callable[[], bool]) -> bool:
        """Whether a tap does what it should."""
        bench = self.scene.bench
        # The guard time runs from a driver's result or from his card's removal, whichever is later.
        self.scene.until(max(self._cards_gone + AWAY_S, time.monotonic() + 0.1) + bench._options["retap_guard_s"])
        known = len(bench.log)
        self.counts["taps"] += 1
        bench.world.place(card)
        seen = self.scene.wait(lambda: any(f"..{card[-4:]} tapped" in line for line in bench.log[known:]), DRIVER_S)
        bench.world.remove(card)
        self._cards_gone = time.monotonic()
        return seen and self.scene.wait(done, DRIVER_S)

    def _is_free(self, slot: int) -> bool:
        view = self.look()
        return view.bolts[slot] == "unlocked" and slot not in view.standing.values()

    def _charges(self, card: str) -> bool:
        view = self.look()
        return any(
            slot["status"] == "charging"
            and slot["session"]["card"] == f"..{card[-4:]}"
            and view.bolts[slot["number"]] == "locked"
            for slot in (view.state["slots"] if view.state else ())
        )


DOERS: Mapping[str, Callable[[Episode, Step], None]] = {
    "place": Episode.place,
    "remove": Episode.remove,
    "standing": Episode.standing,
    "begin": Episode.begin,
    "end": Episode.end,
    "kill": Episode.kill,
    "stop": Episode.stop,
    "trap": Episode.trap,
}
