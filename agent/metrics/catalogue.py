"""Every metric of the station: its name, what it is and its labels, as docs/metrics.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agent.metrics.spread import Spread

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `labels` are the names of its labels, in the order in which values come."""

    name: str
    kind: Kind
    help: str
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a metric shows now, by the values of its labels."""

    metric: Metric
    values: Mapping[Labels, float | Spread]


FAULT_LABELS = ("code", "scope", "slot", "severity", "origin")

BUILD = Metric("station_build_info", "gauge", "Always 1; what runs here.", ("id", "version", "python"))
UPTIME = Metric("station_uptime_seconds", "gauge", "Seconds since the agent started, on a clock that never jumps.")

AVAILABLE = Metric("station_available", "gauge", "1 if the station may start sessions, 0 if it is out of service.")
SLOT = Metric("station_slot_status", "gauge", "1 for what the slot is doing now, 0 for all else.", ("slot", "status"))
SESSIONS = Metric("station_sessions", "gauge", "Sessions whose vehicle stands in a slot.")
WAITING = Metric("station_drivers_waiting", "gauge", "Drivers who tapped and have no result yet.")
TAPS = Metric("station_taps_total", "counter", "Taps by what became of them.", ("outcome", "reason"))
STARTED = Metric("station_sessions_started_total", "counter", "Sessions whose start was delivered to the supplier.")
ENDED = Metric(
    "station_sessions_ended_total", "counter", "Sessions whose vehicle was released.", ("ended_by", "payment")
)
SETTLED = Metric(
    "station_sessions_settled_total", "counter", "Owed or refused payments that were decided later.", ("payment",)
)
DURATION = Metric("station_session_duration_seconds", "histogram", "From the tap that started it to the open bolt.")
TO_LIGHT = Metric("station_tap_to_light_seconds", "histogram", "From a tap to its white light on the strip.")
TO_LOCK = Metric("station_tap_to_lock_seconds", "histogram", "From a tap to the confirmed lock of its session.")
TO_UNLOCK = Metric("station_tap_to_unlock_seconds", "histogram", "From a tap to the open bolt that it ends with.")

FAULT = Metric("station_fault", "gauge", "1 while the fault is raised.", FAULT_LABELS)
FAULTS_RAISED = Metric("station_faults_raised_total", "counter", "How often faults were raised.", FAULT_LABELS)

CALLS = Metric("station_supplier_calls_total", "counter", "Exchanges with the supplier.", ("call", "outcome"))
CALL_S = Metric("station_supplier_call_duration_seconds", "histogram", "How long the exchanges took.", ("call",))
OWED = Metric("station_owed", "gauge", "Acts and messages that are owed.", ("lane",))
OWED_AGE = Metric("station_owed_oldest_age_seconds", "gauge", "How long the oldest of them is owed.", ("lane",))
ASIDE = Metric("station_set_aside", "gauge", "What was refused and waits for an operator.", ("kind",))
SUPPLIER = Metric("station_supplier_reachable", "gauge", "1 if the last exchange with the supplier reached it.")
BROKER = Metric("station_broker_reachable", "gauge", "1 if the broker is connected.")

POLLS = Metric("station_reader_polls_total", "counter", "Polls of the card reader.")
READER_FAILURES = Metric("station_reader_failures_total", "counter", "Polls that the card reader did not answer.")
RESETS = Metric("station_reader_resets_total", "counter", "Resets of a card reader that did not answer.")
REPAIRS = Metric(
    "station_reader_repairs_total", "counter", "Times that a reader without its settings was set up again."
)

MOVES = Metric("station_lock_moves_total", "counter", "Moves of the bolt that are over.", ("slot",))
ATTEMPTS = Metric("station_lock_attempts_total", "counter", "Attempts at those moves.", ("slot",))
LOCK_FAILURES = Metric("station_lock_failures_total", "counter", "Moves that every attempt failed.", ("slot",))
BY_ITSELF = Metric("station_lock_moved_by_itself_total", "counter", "Times the bolt moved by itself.", ("slot",))

COMMITS = Metric(
    "station_journal_commits_total", "counter", "Commits of the journal by what the disk did.", ("outcome",)
)
JOURNAL = Metric("station_journal_bytes", "gauge", "Size of the journal's files.", ("file",))
WRITTEN = Metric("station_disk_written_bytes_total", "counter", "Bytes that the agent has had a disk write.")
FREE = Metric("station_disk_free_bytes", "gauge", "What the journal's file system has left for the agent.")

CLOCK = Metric("station_clock_set", "gauge", "1 if the clock can be believed.")
TEMPERATURE = Metric(
    "station_processor_temperature_celsius", "gauge", "Of the Pi's processor; other machines have none."
)
HEARTBEAT = Metric(
    "station_thread_heartbeat_age_seconds", "gauge", "Since the thread last began or ended a step.", ("thread",)
)
BUSY = Metric("station_thread_busy_seconds", "gauge", "How long the thread is in its step; 0 at rest.", ("thread",))
REPLACED = Metric(
    "station_thread_replaced_total", "counter", "Times that it hung and a fresh thread took its place.", ("thread",)
)
