"""What an emulated chip will do when. Nothing runs by itself: whoever looks at the chip lets it catch up first."""

from collections.abc import Callable

Deed = Callable[[float], None]


class Agenda:
    """At most one deed of each name, each with the moment it is due (seconds on the chip's clock)."""

    def __init__(self) -> None:
        self._plans: dict[str, tuple[float, Deed]] = {}

    def plan(self, name: str, at: float, deed: Deed) -> None:
        """Have `deed` done at `at`, in place of an earlier one of this name. It is called with that moment."""
        self._plans[name] = (at, deed)

    def cancel(self, *names: str) -> None:
        """Forget these deeds, if there are any."""
        for name in names:
            self._plans.pop(name, None)

    def catch_up(self, now: float) -> None:
        """Do everything that is due by now, in its order."""
        while self._plans and (due := sorted((at, name) for name, (at, _) in self._plans.items() if at <= now)):
            at, name = due[0]
            _, deed = self._plans.pop(name)
            deed(at)
