"""Cards, bolts, vehicles, strip and faults, and that they outlive everything."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.emulated.world import CARDS_AT_MOST, World, WorldRefused
from hardware.wiring import MotorWiring, SlotWiring, SolenoidWiring, Wiring

CARD = "04A1B2C3D4E5F6"


def bolts(world: World) -> list[str]:
    return [slot["bolt"] for slot in world.snapshot()["slots"]]


def test_a_line_moves_its_bolt_and_the_bolt_its_sensor(wiring: Wiring, clock: Any) -> None:
    world = World(wiring, clock=clock)
    assert world.view().closed == ()
    world.set_line(17, 1)
    assert bolts(world) == ["between", "unlocked"]
    assert world.view().closed == ()
    assert world.step() == pytest.approx(0.12)
    clock.advance(0.12)
    world.step()
    assert bolts(world) == ["locked", "unlocked"]
    assert world.view().closed == (27,)
    world.set_line(17, None)
    assert world.view().closed == ()
    clock.advance(0.12)
    world.step()
    assert bolts(world) == ["unlocked", "unlocked"]


def test_a_sensor_that_is_high_when_locked_is_closed_otherwise(clock: Any) -> None:
    lock = SolenoidWiring(pin=17, sensor_pin=27, sensor_locked="high")
    world = World(Wiring(slots=(SlotWiring(number=1, lights=(0, 1), lock=lock),)), clock=clock)
    assert world.view().closed == (27,)
    world.set_line(17, 1)
    assert world.view().closed == (27,)
    clock.advance(1)
    world.step()
    assert world.view().closed == ()


def test_a_lock_without_a_sensor_closes_nothing(clock: Any) -> None:
    slot = SlotWiring(number=1, lights=(0, 1), lock=SolenoidWiring(pin=17))
    world = World(Wiring(slots=(slot,)), clock=clock)
    world.set_line(17, 1)
    clock.advance(1)
    world.step()
    assert bolts(world) == ["locked"]
    assert world.view().closed == ()


def test_a_jam_stops_the_bolt_until_it_is_cleared(wiring: Wiring, clock: Any) -> None:
    world = World(wiring, clock=clock)
    world.set_fault("lock-jammed-1", True)
    world.set_line(17, 1)
    clock.advance(9)
    world.step()
    assert bolts(world)[0] == "unlocked"
    world.set_fault("lock-jammed-1", False)
    clock.advance(0.12)
    world.step()
    assert bolts(world)[0] == "locked"


def test_a_lever_opens_a_bolt_against_its_lock(wiring: Wiring, clock: Any) -> None:
    world = World(wiring, clock=clock)
    world.set_line(17, 1)
    for forced, place in ((False, "locked"), (True, "unlocked"), (False, "locked")):
        world.set_fault("lock-forced-1", forced)
        world.step()
        clock.advance(0.12)
        world.step()
        assert bolts(world)[0] == place


def test_a_vehicle_closes_the_presence_contact(wiring: Wiring) -> None:
    slots = (replace(wiring.slots[0], presence_pin=16), wiring.slots[1])
    world = World(replace(wiring, slots=slots))
    world.set_vehicle(1, True)
    world.set_vehicle(2, True)
    assert world.view().closed == (16,)
    assert [slot["vehicle"] for slot in world.snapshot()["slots"]] == [True, True]


def test_cards_come_and_go_and_are_only_told_when_they_do(wiring: Wiring) -> None:
    world = World(wiring)
    told: list[dict[str, Any]] = []
    unsubscribe = world.subscribe(told.append)
    world.place(CARD)
    world.place(CARD)
    world.remove("04000000")
    world.remove(CARD)
    world.set_fault("reader-noise", False)
    world.set_line(17, None)
    world.set_vehicle(1, False)
    assert [snapshot["cards"] for snapshot in told] == [[CARD], []]
    unsubscribe()
    world.place(CARD)
    assert len(told) == 2


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda world: world.place("04a1"), "4, 7 or 10 bytes"),
        (lambda world: world.set_fault("supplier-down", True), "lock-jammed-2"),
        (lambda world: world.set_vehicle(3, True), "there are 1, 2"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(wiring: Wiring, act: Callable[[World], None], text: str) -> None:
    with pytest.raises(WorldRefused, match=text):
        act(World(wiring))


def test_the_field_is_bounded(wiring: Wiring) -> None:
    world = World(wiring)
    for number in range(CARDS_AT_MOST):
        world.place(f"040000{number:02X}")
    with pytest.raises(WorldRefused, match="remove one"):
        world.place("04FFFFFF")
    assert len(world.view().cards) == CARDS_AT_MOST


def test_everything_is_read_back(wiring: Wiring, tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "world.json"
    world = World(wiring, file, clock=clock)
    world.place(CARD)
    world.set_vehicle(1, True)
    world.set_line(17, 1)
    clock.advance(0.12)
    world.step()
    world.set_fault("lights-dead", True)
    world.show([(1, 2, 3)] * 24, clock())
    before = world.snapshot()
    again = World(wiring, file, clock=clock)
    assert again.snapshot() == before
    assert again.view() == world.view()
    assert [path.name for path in tmp_path.iterdir()] == ["world.json"]


def test_a_bolt_that_was_on_its_way_arrives_in_the_next_life(wiring: Wiring, tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "world.json"
    World(wiring, file, clock=clock).set_line(17, 1)
    again = World(wiring, file, clock=clock)
    assert bolts(again)[0] == "between"
    clock.advance(0.12)
    again.step()
    assert bolts(again)[0] == "locked"


def test_a_slot_that_is_wired_no_more_is_forgotten(wiring: Wiring, tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    World(wiring, file).set_vehicle(2, True)
    again = World(replace(wiring, slots=wiring.slots[:1]), file)
    assert [slot["number"] for slot in again.snapshot()["slots"]] == [1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cards": ["x"]}', "\xff"])
def test_a_file_that_is_no_world_is_refused_and_kept(wiring: Wiring, tmp_path: Path, text: str) -> None:
    file = tmp_path / "world.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(WorldRefused, match="--fresh"):
        World(wiring, file)
    assert file.read_text(encoding="latin-1") == text


def test_a_world_that_cannot_be_written_goes_on(
    wiring: Wiring, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(wiring, tmp_path / "gone" / "world.json")
    world.place(CARD)
    assert world.view().cards == (CARD,)
    assert "make room" in caplog.text


def test_a_snapshot_is_ready_for_json(wiring: Wiring) -> None:
    world = World(wiring)
    assert json.loads(json.dumps(world.snapshot())) == world.snapshot()


MOTOR = Wiring(
    slots=(SlotWiring(number=1, lights=(0, 1), lock=MotorWiring(lock_pin=17, unlock_pin=22, sensor_pin=27)),)
)


def test_a_motors_bolt_moves_under_power_and_stays_without(clock: Any) -> None:
    world = World(MOTOR, clock=clock)
    for pin, place, closed in ((17, "locked", (27,)), (22, "unlocked", ())):
        world.set_line(pin, 1)
        assert bolts(world) == ["between"]
        clock.advance(0.12)
        world.step()
        assert (bolts(world), world.view().closed) == ([place], closed)
        world.set_line(pin, None)
        clock.advance(99)
        world.step()
        assert bolts(world) == [place]


def test_a_motor_that_stalls_moves_nothing_and_has_to_be_driven_again(clock: Any) -> None:
    world = World(MOTOR, clock=clock)
    world.set_fault("lock-jammed-1", True)
    world.set_line(17, 1)
    clock.advance(1)
    world.step()
    world.set_line(17, 0)
    world.set_fault("lock-jammed-1", False)
    clock.advance(1)
    world.step()
    assert bolts(world) == ["unlocked"]


def test_a_motor_keeps_its_place_through_a_power_cut(tmp_path: Path, clock: Any) -> None:
    world = World(MOTOR, tmp_path / "world.json", clock=clock)
    world.set_line(17, 1)
    clock.advance(0.12)
    world.step()
    world.set_line(17, None)
    again = World(MOTOR, tmp_path / "world.json", clock=clock)
    clock.advance(9)
    again.step()
    assert bolts(again) == ["locked"]


def test_power_on_both_lines_burns_the_motor_for_good(tmp_path: Path, clock: Any) -> None:
    world = World(MOTOR, tmp_path / "world.json", clock=clock)
    world.set_line(17, 1)
    assert not world.snapshot()["slots"][0]["burnt"]
    world.set_line(22, 1)
    world.set_line(22, 0)
    clock.advance(1)
    again = World(MOTOR, tmp_path / "world.json", clock=clock)
    again.step()
    assert again.snapshot()["slots"][0] == {"number": 1, "bolt": "between", "burnt": True, "vehicle": False}


def test_a_world_that_knew_no_motors_is_read(wiring: Wiring, tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    World(wiring, file).set_vehicle(2, True)
    kept = json.loads(file.read_text())
    for slot in kept["slots"]:
        del slot["burnt"]
    file.write_text(json.dumps(kept))
    again = World(wiring, file)
    assert [(slot["vehicle"], slot["burnt"]) for slot in again.snapshot()["slots"]] == [(False, False), (True, False)]


def test_the_chips_see_which_outputs_are_high(wiring: Wiring) -> None:
    world = World(wiring)
    world.set_line(22, 1)
    world.set_line(17, 0)
    assert world.view().high == (22,)
