"""Everything that goes wrong for a while: by name, how it is drawn, how it begins and how it is mended."""

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from support.campaign.proxy import Proxy, Weather
from support.campaign.scene import Scene

Settings = Mapping[str, Any]
Draw = Callable[[random.Random], Settings]

CALLS = ("ask", "acquire", "leds", "lock", "start", "end", "pay", "unlock", "support")
WAITED_FOR = ("acquire", "start", "end", "pay")
REFUSALS = {"start-refused": (400, 401, 404, 409, 410, 422, 429), "end-refused": (401, 404, 409, 410, 422, 425)}
PAY_REFUSALS = (401, 402, 402, 404, 408, 409, 410, 422)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble. Of one `group` there is never more than one in an episode."""

    group: str
    begin: Callable[[Scene, Settings], None]
    end: Callable[[Scene], None]
    settings: Draw = lambda _: {}


def some_calls(rng: random.Random) -> Settings:
    """Which calls a trouble of the supplier meets: all, one that a driver waits for, or some."""
    met = rng.choice([(), (rng.choice(WAITED_FOR),), rng.sample(CALLS, rng.randint(1, 3))])
    return {"calls": sorted(met)} if met else {}


def of_supplier(name: str, settings: Draw) -> Kind:
    """A fault of the simulated supplier."""
    return Kind(name, lambda scene, drawn: scene.bench.supplier.inject(name, drawn), mends_supplier(name), settings)


def mends_supplier(name: str) -> Callable[[Scene], None]:
    """The supplier is well again."""
    return lambda scene: scene.bench.supplier.clear(name)


def of_world(name: str, group: str = "") -> Kind:
    """A fault of the emulated chips."""
    return Kind(
        group or name,
        lambda scene, _: scene.bench.world.set_fault(name, True),
        lambda scene: scene.bench.world.set_fault(name, False),
    )


def of_network(which: Callable[[Scene], Proxy], group: str, weather: Weather, settings: Draw = lambda _: {}) -> Kind:
    """The network to the supplier or to the broker."""
    return Kind(
        group,
        lambda scene, drawn: which(scene).behave(weather, **drawn),
        lambda scene: which(scene).behave(Weather.FINE),
        settings,
    )


def slow(rng: random.Random) -> Settings:
    return {"seconds": round(rng.uniform(0.2, 4), 2), **some_calls(rng)}


def errors(rng: random.Random) -> Settings:
    again = {"retry_after_s": 1} if rng.random() < 0.2 else {}
    return {"status": rng.choice([500, 502, 503, 504]), **again, **some_calls(rng)}


def malformed(rng: random.Random) -> Settings:
    """A slot that is not here is said to GET only: a supplier that lies about what it acquired is nobody's to mend."""
    variant = rng.choice(["not-json", "too-long", "redirect", "wrong-card", "text-no-slots", "foreign-slot"])
    return {"variant": variant, **({"calls": ["ask"]} if variant == "foreign-slot" else some_calls(rng))}


def trickle(rng: random.Random) -> Settings:
    return {"interval_s": round(rng.uniform(0.001, 0.05), 3), **some_calls(rng)}


def refusal(statuses: tuple[int, ...]) -> Draw:
    return lambda rng: {"status": rng.choice(statuses)}


def cut_after(rng: random.Random) -> Settings:
    return {"cut_after": rng.randint(0, 200)}


def supplier_down(scene: Scene, _: Settings) -> None:
    scene.to_supplier.behave(Weather.DOWN)
    scene.bench.supplier.inject("supplier-down")


def supplier_up(scene: Scene) -> None:
    scene.bench.supplier.clear("supplier-down")
    scene.to_supplier.behave(Weather.FINE)


def broker_killed(scene: Scene, _: Settings) -> None:
    """What a broker confirmed a moment ago may not be on its disk yet: it is left that moment."""
    scene.quiet_inbox()
    scene.bench.mosquitto.kill()


def broker_started(scene: Scene) -> None:
    scene.bench.mosquitto.start()


def disk_full(scene: Scene, _: Settings) -> None:
    with ExitStack() as room:
        room.enter_context(scene.bench.disk_full())
        scene.disk = room.pop_all()


def disk_free(scene: Scene) -> None:
    scene.disk.close()


KINDS: Mapping[str, Kind] = {
    "supplier-down": Kind("supplier-net", supplier_down, supplier_up),
    "supplier-slow": of_supplier("supplier-slow", slow),
    "supplier-errors": of_supplier("supplier-errors", errors),
    "supplier-lost-answers": of_supplier("supplier-lost-answers", some_calls),
    "malformed": of_supplier("malformed", malformed),
    "trickle": of_supplier("trickle", trickle),
    "start-refused": of_supplier("start-refused", refusal(REFUSALS["start-refused"])),
    "end-refused": of_supplier("end-refused", refusal(REFUSALS["end-refused"])),
    "pay-refused": of_supplier("pay-refused", refusal(PAY_REFUSALS)),
    "lock-jammed-1": of_world("lock-jammed-1"),
    "lock-jammed-2": of_world("lock-jammed-2"),
    "lights-dead": of_world("lights-dead"),
    "reader-absent": of_world("reader-absent", "reader"),
    "reader-noise": of_world("reader-noise", "reader"),
    "disk-full": Kind("disk", disk_full, disk_free),
    "frozen": Kind("agent", lambda scene, _: scene.freeze(), lambda scene: scene.thaw()),
    "broker-killed": Kind("broker", broker_killed, broker_started),
    "broker-hung": Kind(
        "broker", lambda scene, _: scene.bench.mosquitto.hang(), lambda scene: scene.bench.mosquitto.go_on()
    ),
    "broker-cut-off": of_network(lambda scene: scene.to_broker, "broker-net", Weather.DROP),
    "broker-unheard": of_network(lambda scene: scene.to_broker, "broker-net", Weather.STALL),
    "broker-cut-short": of_network(lambda scene: scene.to_broker, "broker-net", Weather.CUT, cut_after),
    "supplier-cut-off": of_network(lambda scene: scene.to_supplier, "supplier-net", Weather.DROP),
    "supplier-unheard": of_network(lambda scene: scene.to_supplier, "supplier-net", Weather.STALL),
    "supplier-cut-short": of_network(lambda scene: scene.to_supplier, "supplier-net", Weather.CUT, cut_after),
    "inbox-fault": Kind(
        "inbox",
        lambda scene, drawn: scene.raise_in_inbox(**drawn),
        lambda scene: scene.clear_in_inbox(),
        lambda rng: {"slot": rng.choice([0, 1, 2]), "times": rng.choice([1, 1, 2, 3])},
    ),
    "inbox-nonsense": Kind("inbox", lambda scene, _: scene.nonsense_in_inbox(), lambda _: None),
}
