"""What does not change while the page is served."""

from typing import Any

from agent.clock import Clock
from agent.config.settings import Config
from agent.version import VERSION


def about(config: Config, *, simulated: bool) -> dict[str, Any]:
    """What `/api/page` says. `simulated`: the page may touch the station, for there is nothing real about it."""
    return {
        "stationId": config.station.id,
        "version": VERSION,
        "bootId": Clock().now().boot,
        "simulated": simulated,
        "retapGuardS": config.policy.retap_guard_s,
        "slots": [slot.number for slot in config.wiring.slots],
        "reader": {"pollIntervalMs": config.wiring.reader.poll_interval_ms},
    }
