"""The wiring of the bench, and the station.toml that says the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hardware.wiring import LockWiring, MotorWiring, SlotWiring, SolenoidWiring, Wiring

PINS = {1: (17, 27), 2: (22, 23)}
UNLOCK_PINS = {1: 5, 2: 6}
PWM_PINS = {1: 12, 2: 13}
PERMITS = {1: 24, 2: 26}
PRESENCE = {1: 16, 2: 20}
RELEASE = 21
CONFIG = """
[station]
id = "{station}"
state_dir = "{state}"
[hardware]
kind = "simulated"
{hardware}
[reader]
poll_interval_ms = {poll_interval_ms}
[lights]
{lights}
[supplier]
url = "{url}"
driver_wait_s = {driver_wait_s}
request_timeout_s = {request_timeout_s}
[policy]
retap_guard_s = {retap_guard_s}
unpaid_release = "{unpaid_release}"
offline_start = "{offline_start}"
[mqtt]
port = {port}
protocol = {protocol}
remote_cards = {remote_cards}
[events]
triggers = {triggers}
[workflow]
where = "{where}"
[metrics]
listen = "{metrics}"
[web]
{web}
"""
SLOT = """
[[slots]]
number = {number}
lights = [{first}, {last}]
{contacts}
[slots.lock]
{lock}
"""


def toml(**values: Any) -> str:
    """Keys and values of a table, those that are None left out."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None)


def lock_of(kind: str, number: int, move_timeout_ms: int = 400) -> LockWiring:
    """The lock of a slot: "solenoid", "softened" (held with hardware PWM) or "motor", quick ones."""
    pin, sensor = PINS[number]
    both: Any = {"sensor_pin": sensor, "move_timeout_ms": move_timeout_ms, "attempts": 2}
    if kind == "motor":
        return MotorWiring(lock_pin=pin, unlock_pin=UNLOCK_PINS[number], pulse_ms=100, **both)
    if kind == "softened":
        return SolenoidWiring(pin=PWM_PINS[number], hold_duty=0.4, pull_in_ms=60, **both)
    return SolenoidWiring(pin=pin, **both)


def wiring(
    slots: Sequence[int] = (1, 2), *, contacts: bool = False, lock: str = "solenoid", permits: bool = False
) -> Wiring:
    """The wiring of the bench, as far as the world has to know it."""
    return Wiring(
        kind="simulated",
        release_pin=RELEASE if contacts else None,
        slots=tuple(
            SlotWiring(
                number=number,
                lights=(8 * number, 8 * number + 7),
                lock=lock_of(lock, number),
                presence_pin=PRESENCE[number] if contacts else None,
                power_permit_pin=PERMITS[number] if permits else None,
            )
            for number in slots
        ),
    )


def station_toml(wired: Wiring, lock: str, *, move_timeout_ms: int, **values: object) -> str:
    """A station.toml for that wiring, with locks of that kind; `values` fill in the rest of `CONFIG`."""
    slots = [
        SLOT.format(
            number=slot.number,
            first=slot.lights[0],
            last=slot.lights[1],
            contacts=toml(presence_pin=slot.presence_pin, power_permit_pin=slot.power_permit_pin),
            lock=toml(**asdict(lock_of(lock, slot.number, move_timeout_ms))),
        )
        for slot in wired.slots
    ]
    return CONFIG.format(hardware=toml(release_pin=wired.release_pin), **values) + "".join(slots)
