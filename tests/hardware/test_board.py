"""From wiring to parts: simulated ones in a real world."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.board import open_board
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.lights import Lights, palette_of, segments_of
from hardware.lock_keeper import LockKeeper
from hardware.looks import Colour, Look
from hardware.parts import LightsFailure, NoCard, OneCard, PartMissing, Position, ReaderFailure, Strip
from hardware.wiring import LightsWiring, MotorWiring, ReaderWiring, SlotWiring, SolenoidWiring, Wiring

CARD = "04A1B2C3D4E5F6"
LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED


def bolts(world: World) -> list[str]:
    return [slot["bolt"] for slot in world.snapshot()["slots"]]


def test_a_card_that_rests_in_the_field_is_there_at_the_first_poll(world: World, board: Any, eventually: Any) -> None:
    world.place(CARD)
    station = board()
    assert station.reader.poll() == OneCard(CARD)
    world.remove(CARD)
    eventually(lambda: station.reader.poll() == NoCard())


def test_locks_and_lights_reach_the_world(world: World, board: Any, eventually: Any) -> None:
    station = board()
    station.locks[1].drive(LOCKED)
    eventually(lambda: station.locks[1].seen() is LOCKED)
    assert station.locks[2].seen() is UNLOCKED
    assert bolts(world) == ["locked", "unlocked"]
    station.strip.show([(1, 2, 3)])
    eventually(lambda: world.snapshot()["strip"]["pixels"][:2] == [[1, 2, 3], [0, 0, 0]])


def test_closing_goes_dark_and_moves_no_bolt(world: World, board: Any, eventually: Any, lost: threading.Event) -> None:
    station = board(positions={1: LOCKED})
    station.strip.show([(1, 2, 3)] * 24)
    eventually(lambda: bolts(world) == ["locked", "unlocked"])
    station.close()
    station.close()
    eventually(lambda: world.snapshot()["strip"]["pixels"] == [[0, 0, 0]] * 24)
    assert world.snapshot()["lines"]["17"] == 1
    assert bolts(world) == ["locked", "unlocked"]
    assert not lost.is_set()


def test_a_board_is_opened_again_and_again(world: World, board: Any, eventually: Any) -> None:
    for _ in range(3):
        station = board(positions={1: LOCKED, 2: UNLOCKED})
        eventually(lambda station=station: station.locks[1].seen() is LOCKED)
        station.close()
    assert bolts(world)[0] == "locked"


def test_an_absent_reader_fails_and_comes_back(world: World, board: Any, eventually: Any) -> None:
    world.set_fault("reader-absent", True)
    station = board()
    with pytest.raises(ReaderFailure):
        station.reader.poll()
    with pytest.raises(ReaderFailure):
        station.reader.revive()
    world.set_fault("reader-absent", False)
    world.place(CARD)

    def revived() -> bool:
        try:
            station.reader.revive()
        except ReaderFailure:
            return False
        return station.reader.poll() == OneCard(CARD)

    eventually(revived)


def test_dead_lights_fail_and_come_back(world: World, wiring: Wiring, board: Any, eventually: Any, clock: Any) -> None:
    world.set_fault("lights-dead", True)
    told: list[str] = []
    lights = Lights(board().strip, segments_of(wiring), palette_of({}), 1.0, clock, told.append)
    lights.show({"1": Look((Colour.BLUE,))})
    lights.step()
    assert len(told) == 1
    assert "-10" in told[0]
    world.set_fault("lights-dead", False)

    def back() -> bool:
        clock.advance(10)
        lights.step()
        return told[1:] == [""]

    eventually(back)
    eventually(lambda: world.snapshot()["strip"]["pixels"][8] == [0, 0, 255])


def test_a_jammed_lock_is_tried_and_told(world: World, board: Any, wiring: Wiring) -> None:
    world.set_fault("lock-jammed-1", True)
    lock = replace(wiring.slots[0].lock, move_timeout_ms=60)
    station = board(replace(wiring, slots=(replace(wiring.slots[0], lock=lock), wiring.slots[1])))
    settled: list[tuple[int, int, Position | None]] = []
    levels: list[int] = []
    unsubscribe = world.subscribe(lambda snapshot: levels.append(snapshot["lines"].get("17", 0)))
    keeper = LockKeeper(station.locks, {1: 2, 2: 2}, lambda *told: settled.append(told), lambda *_: None)
    keeper.order(1, LOCKED, 5)
    while not settled:
        keeper.wake.wait(keeper.step())
    unsubscribe()
    assert settled == [(1, 5, UNLOCKED)]
    assert [one for one, two in zip(levels, [0, *levels], strict=False) if one != two] == [1, 0, 1]
    world.set_fault("lock-jammed-1", False)
    settled.clear()
    keeper.order(1, LOCKED, 6)
    while not settled:
        keeper.wake.wait(keeper.step())
    assert settled == [(1, 6, LOCKED)]


KEEPER = """
import sys
from pathlib import Path
from hardware.board import open_board
from hardware.parts import Position
from hardware.wiring import SlotWiring, SolenoidWiring, Wiring
slot = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17, sensor_pin=27))
board = open_board(Wiring(kind="simulated", slots=(slot,)), {}, world=Path(sys.argv[1]), lost=sys.exit)
board.locks[1].drive(Position.LOCKED)
print("driven", flush=True)
sys.stdin.read()
"""


def killed_while_it_holds(door: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(door)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "driven\n"
        process.kill()


def test_a_killed_agent_leaves_its_bolt_and_its_successor_claims_it_without_an_edge(
    world: World, door: Path, board: Any, eventually: Any
) -> None:
    killed_while_it_holds(door)
    eventually(lambda: bolts(world)[0] == "locked")
    story: list[tuple[int | None, str]] = []
    unsubscribe = world.subscribe(
        lambda snapshot: story.append((snapshot["lines"].get("17"), snapshot["slots"][0]["bolt"]))
    )
    station = board(positions={1: LOCKED, 2: UNLOCKED})
    assert station.locks[1].seen() is LOCKED
    station.strip.show([(1, 2, 3)])
    station.close()
    eventually(lambda: len(story) >= 2)
    unsubscribe()
    assert set(story) == {(1, "locked")}


def test_after_a_kill_of_everything_cards_bolts_and_lines_are_there(
    world: World, wiring: Wiring, tmp_path: Path, eventually: Any, lost: threading.Event
) -> None:
    with WorldServer(world, tmp_path / "first"):
        world.place(CARD)
        killed_while_it_holds(tmp_path / "first")
        eventually(lambda: bolts(world)[0] == "locked")
    again = World(wiring, tmp_path / "world.json", travel_s=0.02)
    assert bolts(again) == ["locked", "unlocked"]
    with WorldServer(again, tmp_path / "second"):
        station = open_board(wiring, {1: LOCKED}, world=tmp_path / "second", lost=lost.set)
        assert station.reader.poll() == OneCard(CARD)
        assert station.locks[1].seen() is LOCKED
        station.close()
    assert bolts(again) == ["locked", "unlocked"]


def test_an_agent_whose_world_ends_is_told(world: World, wiring: Wiring, tmp_path: Path, lost: threading.Event) -> None:
    server = WorldServer(world, tmp_path / "short")
    station = open_board(wiring, {}, world=tmp_path / "short", lost=lost.set)
    server.close()
    assert lost.wait(10)
    with pytest.raises(LightsFailure):
        station.strip.show([(1, 2, 3)])
    station.close()


SLOT = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"slots": (SLOT, replace(SLOT, number=2))}, "GPIO17 is in use by 'lg'"),
        ({"slots": (replace(SLOT, lock=MotorWiring(lock_pin=17, unlock_pin=17)),)}, "GPIO17 is in use by 'lg'"),
    ],
)
def test_what_cannot_be_opened_opens_nothing(board: Any, wiring: Wiring, change: dict[str, Any], text: str) -> None:
    with pytest.raises(PartMissing, match=text):
        board(replace(wiring, **change), positions={1: UNLOCKED, 2: UNLOCKED})
    board().close()


def test_a_simulated_station_without_a_world_says_how_to_start_one(wiring: Wiring, tmp_path: Path) -> None:
    for world in (None, tmp_path / "nowhere"):
        with pytest.raises(PartMissing, match="station-agent simulate"):
            open_board(wiring, {}, world=world, lost=lambda: None)


def test_a_station_without_lights(board: Any, wiring: Wiring) -> None:
    board(replace(wiring, lights=LightsWiring(kind="none"))).strip.show([(1, 2, 3)])


def test_a_simulated_pio_strip_is_the_worlds(world: World, board: Any, wiring: Wiring, eventually: Any) -> None:
    station = board(replace(wiring, lights=LightsWiring(kind="pio")))
    station.strip.show([(1, 2, 3)])
    eventually(lambda: world.snapshot()["strip"]["pixels"] == [[1, 2, 3], *[[0, 0, 0]] * 23])
    world.set_fault("lights-dead", True)
    eventually(lambda: fails(station.strip))
    world.set_fault("lights-dead", False)
    eventually(lambda: not fails(station.strip))


def fails(strip: Strip) -> bool:
    try:
        strip.show([(4, 5, 6)])
    except LightsFailure:
        return True
    return False


RGB = {"main": (5, 6, 13), "1": (16, 19, 20), "2": (4, 24, 26)}


def test_simulated_rgb_lights_are_lines_of_the_world(world: World, board: Any, wiring: Wiring, eventually: Any) -> None:
    used = replace(wiring, lights=LightsWiring(kind="rgb", rgb_pins=RGB))
    lights = Lights(board(used).strip, segments_of(used), palette_of({}), 1.0)
    lights.show({"main": Look((Colour.WHITE,)), "2": Look((Colour.BLUE,))})
    lights.step()
    expected = {"5": 1, "6": 1, "13": 1, "16": 0, "19": 0, "20": 0, "4": 0, "24": 0, "26": 1}
    eventually(lambda: expected.items() <= world.snapshot()["lines"].items())


def test_rgb_lights_whose_lines_are_taken_cost_the_lights_only(board: Any, wiring: Wiring) -> None:
    station = board(replace(wiring, lights=LightsWiring(kind="rgb", rgb_pins=RGB | {"2": (4, 24, 17)})))
    with pytest.raises(LightsFailure, match="GPIO4, GPIO24, GPIO17 cannot be claimed"):
        station.strip.show([(1, 2, 3)])
    station.locks[1].drive(LOCKED)


def test_a_reset_pin_that_is_taken_costs_the_reader_only(board: Any, wiring: Wiring) -> None:
    station = board(replace(wiring, reader=ReaderWiring(reset_pin=17)))
    with pytest.raises(ReaderFailure, match="GPIO17"):
        station.reader.poll()
    station.locks[1].drive(LOCKED)
