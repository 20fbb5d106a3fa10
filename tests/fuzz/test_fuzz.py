"""Some hundred hostile inputs at every door (scripts/fuzz plays as many as you like), and the fuzzing itself."""

import logging
import random
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.fuzz.__main__ import main
from support.fuzz.doors import DOORS
from support.fuzz.mutate import as_json, bytes_of, mutated
from support.fuzz.run import GROWTH_BLOCKS, GROWTH_BYTES, LIFE, Fuzzing, Held, leaked

INPUTS = 300
SEED = 8


@pytest.mark.parametrize("name", DOORS)
def test_some_hundred_hostile_inputs(name: str) -> None:
    result = Fuzzing(name, DOORS[name], SEED).play(range(INPUTS))
    assert result.finding == ""
    assert result.inputs == INPUTS


class Planted:
    """A target in which something is wrong."""

    def __init__(self, fault: Callable[[int], None]) -> None:
        self.drawn: list[float] = []
        self._fault = fault

    def feed(self, dice: random.Random) -> None:
        self._fault(len(self.drawn))
        self.drawn.append(dice.random())


def fuzzed(fault: Callable[[int], None], inputs: int = 10) -> str:
    return Fuzzing("planted", lambda _folder, _life: Planted(fault), SEED).play(range(inputs)).finding


def test_what_escapes_is_found_and_told_with_what_plays_it_again() -> None:
    def escapes(count: int) -> None:
        if count == 7:
            raise KeyError("x")

    finding = fuzzed(escapes)
    assert "KeyError: 'x'" in finding
    assert finding.endswith(f"scripts/fuzz --seed {SEED} --input 7 planted")


def test_a_traceback_that_something_caught_and_logged_is_found() -> None:
    def logs(count: int) -> None:
        try:
            {}[count]
        except KeyError:
            logging.getLogger("agent").exception("swallowed")

    assert "swallowed" in fuzzed(logs)


def test_a_file_and_a_thread_left_behind_are_found() -> None:
    with ExitStack() as life:
        assert "files were left open" in fuzzed(lambda _: life.enter_context(socket.socket()) and None)
        end = threading.Event()

        def starts(count: int) -> None:
            if count == 0:
                thread = threading.Thread(target=end.wait, name="left-behind")
                thread.start()
                life.callback(thread.join)
                life.callback(end.set)

        assert "left-behind" in fuzzed(starts)


def test_memory_that_grows_is_found() -> None:
    before = Held(resident=2**20, files=3, threads=("MainThread",))
    assert "grew" in leaked(before, Held(2**20 + GROWTH_BYTES + 1, 3, before.threads))
    assert leaked(before, Held(2**20 + GROWTH_BYTES, 3, before.threads)) == ""
    few, many = Held(0, 3, before.threads, 10), Held(0, 3, before.threads, 10 + GROWTH_BLOCKS + 1)
    assert "left behind" in leaked(few, many)
    assert leaked(few, many, warm=False) == "", "what is done for the first time may fill caches"


def test_an_input_is_the_same_however_it_is_come_by() -> None:
    whole, one = Planted(lambda _: None), Planted(lambda _: None)
    Fuzzing("planted", lambda _folder, _life: whole, SEED).play(range(LIFE + 5))
    Fuzzing("planted", lambda _folder, _life: one, SEED).play(range(LIFE, LIFE + 5))
    assert whole.drawn[LIFE:] == one.drawn


def test_inputs_are_of_many_kinds_and_most_are_not_what_they_were() -> None:
    good = {"id": "c-1", "args": {"slotNumber": 1}}
    drawn = [as_json(good, random.Random(number)) for number in range(500)]
    assert len(set(drawn)) > 300
    assert sum(each == b'{"id": "c-1", "args": {"slotNumber": 1}}' for each in drawn) < 150
    assert len({mutated(b"abcdef", bytes_of, random.Random(number)) for number in range(500)}) > 200


def test_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--inputs", "20", "--seed", "3", "lights"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("fuzz: seed 3\nlights: 20 inputs in ")
    assert main(["--seed", "3", "--input", "1", "spi"]) == 0
    assert "spi: 2 inputs" in capsys.readouterr().out

    def broken(folder: Path, life: ExitStack) -> Planted:
        del folder, life
        return Planted(lambda _: 1 / 0 and None)

    monkeypatch.setitem(DOORS, "lights", broken)  # type: ignore[misc]
    assert main(["--inputs", "2", "--seed", "3", "--story", "lights"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
