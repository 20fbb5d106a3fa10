"""When each alert fires, and when it does not quite: series as `promtool test rules` has them, one sample a minute."""

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]
"""Values by series: `1x30` is 1 for 30 minutes after the first, `0+2x30` grows by 2 a minute."""


@dataclass(frozen=True, slots=True)
class AlertCase:
    """`fires` has the alert firing at the minute `at`, and `quiet` does not.

    `begins`: the first minute of what makes it fire; the rule's `for` counts from there.
    """

    alert: str
    fires: Series
    quiet: Series
    at: int = 30
    begins: int = 0


def fault(code: str, *, scope: str = "station", slot: str = "", severity: str = "out-of-order") -> str:
    return (
        f'station_fault{{instance="a",code="{code}",scope="{scope}",slot="{slot}",severity="{severity}",'
        'origin="station"}'
    )


def raised(alert: str, code: str, *, slot: str = "", severity: str = "out-of-order") -> AlertCase:
    """An alert that follows one fault, and no other."""
    series = fault(code, scope="slot" if slot else "station", slot=slot, severity=severity)
    other = fault("OverTemperature", severity="warning")
    return AlertCase(alert, {series: "0x5 1x24"}, {series: "0x30", other: "1x30"}, begins=6)


def slot_is(alert: str, status: str) -> AlertCase:
    """An alert that follows what a slot does."""
    series = f'station_slot_status{{instance="a",slot="1",status="{status}"}}'
    return AlertCase(alert, {series: "1x30"}, {series: "0x30"})


def spread(metric: str, labels: str, bounds: Mapping[str, str]) -> Series:
    """A histogram: what each bucket counts, the last of which is all."""
    rows = {f'{metric}_bucket{{instance="a"{labels},le="{bound}"}}': values for bound, values in bounds.items()}
    return {**rows, f'{metric}_count{{instance="a"{labels}}}': bounds["+Inf"]}


ASK = ',call="ask"'
FAILURES, ATTEMPTS, MOVES = (
    f'station_lock_{what}_total{{instance="a",slot="1"}}' for what in ("failures", "attempts", "moves")
)
TURNED_AWAY = 'station_taps_total{instance="a",outcome="refused",reason="lock-failed"}'
NO_SLOTS = 'station_taps_total{instance="a",outcome="refused",reason="no-slots"}'
STARTED = 'station_taps_total{instance="a",outcome="started",reason=""}'
LIGHT, CALL = "station_tap_to_light_seconds", "station_supplier_call_duration_seconds"

CASES = (
    AlertCase(
        "StationNotScraped", {'up{job="station",instance="a"}': "0x30"}, {'up{job="other",instance="a"}': "0x30"}
    ),
    AlertCase(
        "StationRestarting",
        {'station_uptime_seconds{instance="a"}': "900 0 60 0 60 0 60+60x22"},
        {'station_uptime_seconds{instance="a"}': "900 0 60 0 60 120 180 240+60x22"},
    ),
    AlertCase(
        "StationThreadStuck",
        {'station_thread_busy_seconds{instance="a",thread="main"}': "0x25 61x5"},
        {
            'station_thread_busy_seconds{instance="a",thread="supplier-1"}': "60x30",
            'station_thread_heartbeat_age_seconds{instance="a",thread="metrics"}': "0+60x30",
        },
        begins=26,
    ),
    AlertCase(
        "StationThreadStuck",
        {'station_thread_heartbeat_age_seconds{instance="a",thread="reader"}': "0x25 61x5"},
        {'station_thread_heartbeat_age_seconds{instance="a",thread="reader"}': "60x30"},
        begins=26,
    ),
    AlertCase(
        "StationThreadReplaced",
        {'station_thread_replaced_total{instance="a",thread="lights"}': "0x25 1x5"},
        {'station_thread_replaced_total{instance="a",thread="lights"}': "1x30"},
        begins=26,
    ),
    AlertCase(
        "StationOutOfService",
        {'station_available{instance="a"}': "1x20 0x10"},
        {'station_available{instance="a"}': "1x26 0x4"},
        begins=21,
    ),
    raised("StationSlotOutOfOrder", "UnlockFailed", slot="2"),
    slot_is("StationVehicleHeld", "held"),
    slot_is("StationSlotUnknown", "unknown"),
    raised("StationReaderFailure", "ReaderFailure"),
    AlertCase(
        "StationReaderUnsteady",
        {
            'station_reader_repairs_total{instance="a"}': "0+0.05x60",
            'station_reader_resets_total{instance="a"}': "0+0.05x60",
        },
        {
            'station_reader_repairs_total{instance="a"}': "0+0.04x60",
            'station_reader_resets_total{instance="a"}': "0+0.04x60",
        },
        at=60,
    ),
    raised("StationReleased", "Released"),
    AlertCase(
        "StationLockUnsteady",
        {FAILURES: "0x10 3x20"},
        {FAILURES: "0x10 2x20", ATTEMPTS: "0+1x30", MOVES: "0+1x30"},
    ),
    AlertCase(
        "StationLockUnsteady",
        {ATTEMPTS: "0x20 12x10", MOVES: "0x20 7x10"},
        {ATTEMPTS: "0x20 9x10", MOVES: "0x20 4x10"},
    ),
    AlertCase(
        "StationLockUnsteady",
        {ATTEMPTS: "0+1.6x30", MOVES: "0+1x30"},
        {ATTEMPTS: "0+1.4x30", MOVES: "0+1x30"},
    ),
    raised("StationLightsFailure", "LightsFailure", severity="warning"),
    AlertCase(
        "StationLightSlow",
        spread(LIGHT, "", {"0.1": "0+1x60", "0.15": "0+2x60", "+Inf": "0+2x60"}),
        spread(LIGHT, "", {"0.05": "0+1x60", "0.1": "0+2x60", "+Inf": "0+2x60"}),
        at=60,
    ),
    AlertCase(
        "StationLightSlow",
        spread(LIGHT, "", {"0.1": "0x60", "0.25": "0x50 6x9", "+Inf": "0x50 6x9"}),
        spread(LIGHT, "", {"0.1": "0x60", "0.25": "0x50 4x9", "+Inf": "0x50 4x9"}),
        at=60,
    ),
    AlertCase(
        "StationSupplierUnreachable",
        {'station_supplier_reachable{instance="a"}': "1x20 0x10"},
        {'station_supplier_reachable{instance="a"}': "1x26 0x4"},
        begins=21,
    ),
    raised("StationRejected", "StationRejected"),
    AlertCase(
        "StationSupplierSlow",
        spread(CALL, ASK, {"2.0": "0+1x60", "2.5": "0+2x60", "+Inf": "0+2x60"}),
        spread(CALL, ASK, {"1.0": "0+1x60", "2.0": "0+2x60", "+Inf": "0+2x60"}),
        at=60,
    ),
    AlertCase(
        "StationSupplierSlow",
        spread(CALL, ASK, {"2.0": "0x60", "3.0": "0x50 6x9", "+Inf": "0x50 6x9"}),
        spread(CALL, ASK, {"2.0": "0x60", "3.0": "0x50 4x9", "+Inf": "0x50 4x9"}),
        at=60,
    ),
    AlertCase(
        "StationDriversTurnedAway",
        {TURNED_AWAY: "0+0.6x60", STARTED: "0+0.4x60"},
        {TURNED_AWAY: "0+0.4x60", STARTED: "0+0.6x60", NO_SLOTS: "0+5x60"},
        at=60,
    ),
    AlertCase(
        "StationDriversTurnedAway",
        {TURNED_AWAY: "0x50 2.5x9"},
        {TURNED_AWAY: "0x50 1.8x9"},
        at=60,
    ),
    AlertCase(
        "StationBrokerUnreachable",
        {'station_broker_reachable{instance="a"}': "1x20 0x10"},
        {'station_broker_reachable{instance="a"}': "1x26 0x4"},
        begins=21,
    ),
    AlertCase(
        "StationOwedTooOld",
        {'station_owed_oldest_age_seconds{instance="a",lane="sessions"}': "3300+60x30"},
        {'station_owed_oldest_age_seconds{instance="a",lane="sessions"}': "3600x30"},
        begins=6,
    ),
    AlertCase(
        "StationOwesTooMuch",
        {
            'station_owed{instance="a",lane="sessions"}': "900x30",
            'station_owed{instance="a",lane="station"}': "200x30",
        },
        {
            'station_owed{instance="a",lane="sessions"}': "700x30",
            'station_owed{instance="a",lane="station"}': "200x30",
            'station_owed{instance="a",lane="broker"}': "9000x30",
        },
    ),
    AlertCase(
        "StationOwesTooMuch",
        {'station_owed{instance="a",lane="broker"}': "100001x30"},
        {'station_owed{instance="a",lane="broker"}': "100000x30"},
    ),
    AlertCase(
        "StationSetAside",
        {'station_set_aside{instance="a",kind="acts"}': "1x30"},
        {'station_set_aside{instance="a",kind="acts"}': "0x30"},
    ),
    raised("StationStorageFailure", "StorageFailure"),
    AlertCase(
        "StationStorageFailure",
        {'station_journal_commits_total{instance="a",outcome="refused"}': "0x25 0.9x5"},
        {
            'station_journal_commits_total{instance="a",outcome="refused"}': "2x30",
            'station_journal_commits_total{instance="a",outcome="done"}': "0+9x30",
        },
    ),
    raised("StationJournalLost", "JournalLost", severity="warning"),
    AlertCase(
        "StationDiskLow",
        {'station_disk_free_bytes{instance="a"}': "200000000x30"},
        {'station_disk_free_bytes{instance="a"}': "220000000x30"},
    ),
    AlertCase(
        "StationClockUnset",
        {'station_clock_set{instance="a"}': "0x30"},
        {'station_clock_set{instance="a"}': "1x25 0x5"},
    ),
    AlertCase(
        "StationHot",
        {'station_processor_temperature_celsius{instance="a"}': "81x30"},
        {'station_processor_temperature_celsius{instance="a"}': "80x30"},
    ),
    AlertCase(
        "StationInboxFault",
        {'station_fault{instance="a",code="X",scope="slot",slot="1",severity="out-of-order",origin="inbox"}': "1x30"},
        {fault("UnlockFailed", scope="slot", slot="1"): "1x30"},
    ),
    AlertCase(
        "StationMemoryGrows",
        {'process_resident_memory_bytes{job="station",instance="a"}': "160000000x60"},
        {'process_resident_memory_bytes{job="station",instance="a"}': "150000000x60"},
        at=60,
    ),
)
