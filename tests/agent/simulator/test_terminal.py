"""What can be typed into a running simulation."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bench import CARD, OTHER
from support.bench_config import wiring
from support.mqtt import eventually

from agent.simulator import terminal as terminal_module
from agent.simulator.hands import Hands
from agent.simulator.terminal import Terminal
from hardware.emulated.world import World


class Desk:
    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.quit = threading.Event()
        self.world = World(wiring())
        self.hands = Hands(self.world, {}, self.said.append, folder)
        self.terminal = Terminal(self.hands, self.said.append, self.quit.set)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.terminal.stop()
    desk.hands.close()


def test_commands(desk: Desk) -> None:
    fields: list[list[str]] = []
    desk.world.subscribe(lambda snapshot: fields.append(snapshot["cards"]))
    desk.terminal.do(f" HOLD  {CARD} \n")
    desk.terminal.do(f"tap {OTHER}")
    desk.terminal.do(f"remove {CARD}")
    assert fields[:2] == [[CARD], [OTHER, CARD]]
    assert CARD not in desk.world.view().cards
    desk.terminal.do("fault lights-dead")
    desk.terminal.do("help")
    desk.terminal.do("fault lights-dead")
    desk.terminal.do("")
    assert desk.said[0] == "fault lights-dead is on"
    assert "lights-dead (on)" in desk.said[1]
    assert desk.said[2:] == ["fault lights-dead is off"]
    assert not desk.quit.is_set()
    desk.terminal.do("quit")
    assert desk.quit.is_set()


def test_vehicles_come_and_go(desk: Desk) -> None:
    desk.terminal.do("park 1")
    assert [slot["vehicle"] for slot in desk.world.snapshot()["slots"]] == [True, False]
    desk.terminal.do("leave 1")
    assert [slot["vehicle"] for slot in desk.world.snapshot()["slots"]] == [False, False]
    assert desk.said == ["slot 1: a vehicle is there", "slot 1: a vehicle has gone"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("tap", "This is no card's UID"),
        ("hold 04", "This is no card's UID"),
        ("park", "no slot 0; there are 1, 2"),
        ("leave 9", "no slot 9; there are 1, 2"),
        ("park 1e9", "no slot 0; there are 1, 2"),
        ("fault", "There is no fault ''; there are reader-absent"),
        ("fault lok-jammed-1", "did you mean lock-jammed-1?"),
        ("dance", "'dance' is no command; type help"),
    ],
)
def test_what_cannot_be_done_is_told(line: str, answer: str, desk: Desk) -> None:
    desk.terminal.do(line)
    assert len(desk.said) == 1
    assert answer in desk.said[0]


def test_a_card_that_lies_there_and_one_too_many_are_told(desk: Desk) -> None:
    for number in range(10):
        desk.terminal.do(f"hold 04A1B2C3D4E5{number:02X}")
    desk.terminal.do(f"hold {CARD}")
    desk.terminal.do("tap 04A1B2C3D4E500")
    assert [line.partition(":")[0] for line in desk.said] == [
        "10 cards are in the field",
        "This card lies on the reader",
    ]


def test_lines_are_read_as_they_come_until_the_keyboard_ends(desk: Desk) -> None:
    keyboard, typist = os.pipe()
    desk.terminal.start(keyboard)
    os.write(typist, b"fault li")
    os.write(typist, b"ghts-dead\nfault lights-dead\nhe\xfflp\nqu")
    assert eventually(lambda: len(desk.said) == 3)
    assert "no command" in desk.said[2]
    os.close(typist)
    assert eventually(lambda: not any(thread.name == "terminal" for thread in threading.enumerate()))
    assert not desk.quit.is_set()
    os.close(keyboard)


def test_a_line_without_end_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_module, "LONGEST", 4)
    keyboard, typist = os.pipe()
    desk.terminal.start(keyboard)
    os.write(typist, b"helpless")
    os.write(typist, b"\n")
    assert eventually(lambda: len(desk.said) == 1)
    os.close(typist)
    desk.terminal.stop()
    os.close(keyboard)
    desk.terminal = Terminal(desk.hands, desk.said.append, desk.quit.set)


def test_stopping_ends_a_terminal_at_which_nobody_types(desk: Desk) -> None:
    keyboard, typist = os.pipe()
    desk.terminal.start(keyboard)
    desk.terminal.stop()
    assert not any(thread.name == "terminal" for thread in threading.enumerate())
    os.close(keyboard)
    os.close(typist)
    desk.terminal = Terminal(desk.hands, desk.said.append, desk.quit.set)


def test_without_a_keyboard_nothing_is_typed(desk: Desk) -> None:
    desk.terminal.start(-1)
    assert eventually(lambda: not any(thread.name == "terminal" for thread in threading.enumerate()))
