"""Vehicles that come and go, and the release contact: the whole station on the emulated metal."""

from collections.abc import Callable

from support.bench import BLUE, CARD, OTHER, RED, Bench

from agent.control import ask_once

Benches = Callable[..., Bench]


def test_a_start_locks_when_its_vehicle_is_there(benches: Benches) -> None:
    bench = benches(contacts=True)
    bench.tap()
    bench.wait(lambda: bench.pixels(8) == BLUE)
    bench.wait_line("slot 1 is waiting for its vehicle")
    assert bench.bolt(1) == "unlocked"
    assert bench.slot(1)["status"] == "starting"
    bench.world.set_vehicle(1, True)
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    assert bench.bolt(1) == "locked"
    bench.settled()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]


def test_a_driver_who_is_killed_off_while_waiting_is_served_after_the_restart(benches: Benches) -> None:
    bench = benches(contacts=True)
    bench.tap()
    bench.wait_line("slot 1 is waiting for its vehicle")
    bench.kill()
    bench.world.set_vehicle(1, True)
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    bench.settled()
    assert list(dict.fromkeys(bench.names())) == ["ask", "acquire", "leds", "lock", "start"]


def test_a_slot_whose_vehicle_does_not_come_is_given_back(benches: Benches) -> None:
    bench = benches(contacts=True)
    bench.stop()
    bench.hurry(agent__workflow__start__PARKING_S=0.3)
    bench.start()
    bench.tap()
    bench.wait_refused(1)
    assert bench.refusals() == [(CARD, "undone")]
    bench.wait(lambda: bench.slot(1)["status"] == "free")
    bench.settled()
    assert bench.names() == ["ask", "acquire", "leds", "end", "leds"]


def test_a_vehicle_that_leaves_an_open_slot_ends_its_session(benches: Benches) -> None:
    bench = benches(contacts=True)
    bench.world.set_vehicle(1, True)
    bench.stop()
    bench.hurry(agent__workflow__vehicles__DESERTED_S=0.3)
    bench.start()
    session = bench.start_session()
    unlock = ask_once(bench.folder / "run", "unlock", 20, args={"slotNumber": 1, "force": True})
    assert unlock["ok"], unlock
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.world.set_vehicle(1, False)
    bench.wait(lambda: bench.once("session-ended"))
    (ended,) = bench.once("session-ended")
    assert (ended["id"], ended["endedBy"]) == (session, "station")
    bench.settled()
    assert bench.slot(1)["status"] == "free"
    assert bench.names()[-4:] == ["end", "pay", "unlock", "leds"]


def test_the_release_contact_opens_every_lock(benches: Benches) -> None:
    bench = benches(contacts=True)
    for slot in (1, 2):
        bench.world.set_vehicle(slot, True)
    bench.start_session()
    bench.start_session(OTHER)
    bench.world.set_fault("release-closed", True)
    bench.wait(lambda: (bench.bolt(1), bench.bolt(2)) == ("unlocked", "unlocked"))
    bench.wait(lambda: bench.faults() == ["Released"])
    bench.wait(lambda: bench.pixels(0) == RED)
    assert not bench.state()["available"]

    bench.kill()
    bench.start()
    assert (bench.bolt(1), bench.bolt(2)) == ("unlocked", "unlocked")
    assert bench.faults() == ["Released"]
    assert len(bench.once("faulted")) == 1

    bench.world.set_fault("release-closed", False)
    bench.wait_line("the release contact is open again")
    cleared = ask_once(bench.folder / "run", "clear-fault", 20, args={"code": "Released"})
    assert cleared["ok"], cleared
    bench.wait(lambda: bench.once("back-in-service"))
    bench.tap(CARD)
    bench.wait(lambda: len(bench.once("session-ended")) == 1)
    bench.settled()
    assert bench.slot(1)["status"] == "free"
    assert bench.slot(2)["status"] == "charging"
