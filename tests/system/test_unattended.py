"""What an unattended box meets, on real systemd, with a session under way: it stays, and no bolt moves for it."""

import pytest
from support.installed import STATE, Station

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True),
]

CARD = "04A1B2C3D4E5F6"
OTHER = "04A1B211223344"
YEAR_S = 365 * 24 * 3600


def test_a_session_outlives_a_reboot(station: Station) -> None:
    session = station.start_session(CARD, 1)
    other = station.start_session(OTHER, 2)
    boot = station.state()["bootId"]
    station.machine.reboot()
    station.ready()
    assert station.state()["bootId"] != boot
    station.settled()
    assert [slot["session"] for slot in station.state()["slots"]] == [session, other]
    assert station.bolts() == ["locked", "locked"]
    station.end_session(CARD, 1)
    station.end_session(OTHER, 2)
    station.settled()
    assert [paid["session"] for paid in station.books()["payments"]] == [session["id"], other["id"]]


def test_an_agent_that_hangs_is_replaced_and_the_session_stays(station: Station) -> None:
    session = station.start_session(CARD, 1)
    moves = station.beside.ask("bolts")
    hung = station.agent()
    station.machine.run("kill", "-STOP", hung)
    station.wait(lambda: station.agent() not in ("0", hung), 120)
    station.ready()
    station.settled()
    assert "watchdog" in station.machine.run("journalctl", "--unit=station-agent", "--no-pager").lower()
    assert station.slot(1)["session"] == session
    assert station.beside.ask("bolts") == moves, "it was held all the time"
    station.end_session(CARD, 1)
    station.settled()
    assert [paid["session"] for paid in station.books()["payments"]] == [session["id"]]


def test_without_broker_and_supplier_a_vehicle_goes_and_what_is_owed_leaves_later(station: Station) -> None:
    session = station.start_session(CARD, 1)
    station.beside.ask("fault", "broker-down")
    station.beside.ask("fault", "supplier-down")
    station.wait(lambda: not station.state()["broker"]["reachable"])
    station.tap(OTHER, lambda: station.state()["mainLight"].startswith("red"))
    station.end_session(CARD, 1)
    assert station.state()["owed"]["supplier"]
    assert station.state()["owed"]["broker"]

    station.machine.run("systemctl", "restart", "station-agent")
    station.wait(lambda: station.statuses() == ["free", "free"])
    assert station.state()["owed"]["supplier"], "it is written down"
    station.beside.ask("mend", "supplier-down")
    station.beside.ask("mend", "broker-down")
    station.settled()
    (ended,) = station.events("session-ended")
    assert (ended["data"]["id"], ended["data"]["payment"]) == (session["id"], "owed")
    assert [event["data"]["id"] for event in station.events("session-settled")] == [session["id"]]
    assert [event["data"]["reason"] for event in station.events("refused")] == ["supplier-unreachable"]
    assert [paid["session"] for paid in station.books()["payments"]] == [session["id"]]
    assert station.books()["repeats"]["sessions"] == 0


def test_a_disk_that_is_full_starts_nothing_and_keeps_no_vehicle_in(small_disk: Station) -> None:
    station = small_disk
    session = station.start_session(CARD, 1)
    station.machine.run("sh", "-c", f"cat /dev/zero >{STATE}/filler 2>/dev/null; true")
    station.tap(OTHER, lambda: "StorageFailure" in station.faults())
    station.wait(lambda: station.state()["mainLight"] == "red")
    assert station.bolts() == ["locked", "unlocked"]
    station.end_session(CARD, 1)
    assert len(station.books()["sessions"]) == 1, "nothing was acquired"

    station.machine.run("rm", f"{STATE}/filler")
    station.wait(lambda: "StorageFailure" not in station.faults())
    station.settled()
    assert [event["data"]["reason"] for event in station.events("refused")] == ["storage"]
    assert [paid["session"] for paid in station.books()["payments"]] == [session["id"]]
    station.start_session(OTHER, 1)


def test_a_clock_that_jumps_moves_nothing_and_is_told(moved_clock: Station) -> None:
    station = moved_clock
    session = station.start_session(CARD, 1)
    moves, agent = station.beside.ask("bolts"), station.agent()
    for jump, is_set in ((5 * YEAR_S, True), (-40 * YEAR_S, False)):
        move_clock(station, jump)
        station.wait(lambda is_set=is_set: station.state()["clockSet"] is is_set)
        assert station.slot(1)["session"]["id"] == session["id"]
    station.wait(lambda: station.faults() == ["ClockUnset"])
    assert station.beside.ask("bolts") == moves

    other = station.start_session(OTHER, 2)
    station.end_session(CARD, 1)
    station.settled()
    assert [event.get("clocksynced") for event in station.events("session-ended")] == [False]
    move_clock(station, 0)
    station.wait(lambda: not station.faults())
    station.end_session(OTHER, 2)
    station.settled()
    assert [event.get("clocksynced", True) for event in station.events("session-ended")] == [False, True]
    assert [paid["session"] for paid in station.books()["payments"]] == [session["id"], other["id"]]
    assert station.agent() == agent, "no watchdog has bitten"


def move_clock(station: Station, seconds: int) -> None:
    """The agent's wall clock is off by this from now on."""
    new = station.machine.root / "srv" / "clock.new"
    new.write_text(str(seconds))
    new.rename(new.with_name("clock"))
