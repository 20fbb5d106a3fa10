"""Thousands of things that are no message, at the door of the process that runs as root."""

import random
from pathlib import Path

import pytest
from support.lights import DONE, HELLO, LIT, RED, Caller, Shelf, served

from hardware.strips import frames

TIMES = 6_000


def garbage(dice: random.Random) -> bytes:
    """Anything but a hello that names a strip."""
    said = bytearray(
        dice.choice(
            [
                dice.randbytes(dice.randrange(200)),
                HELLO,
                LIT,
                HELLO + LIT,
                frames.frame([RED] * dice.randrange(1000)),
                b"SL\x01" + dice.randbytes(dice.randrange(3, 40)),
            ]
        )
    )
    if bytes(said[: len(HELLO)]) == HELLO:
        # any other header or length is wrong; so are all these pins
        place, value = dice.choice([(0, 0), (1, 0), (2, 9), (3, dice.randrange(2, 256)), (5, 2), (6, 200)])
        said[place] = value
    return bytes(said)


def test_garbage_changes_nothing_for_the_agent_that_has_the_strip(
    agent: Caller, shelf: Shelf, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR")
    agent.ask(LIT)
    dice = random.Random(8)
    for _ in range(TIMES):
        Caller(path).say_and_leave(garbage(dice))
    assert shelf.shown == [[RED] * 3]
    assert shelf.lit
    assert shelf.opened == [(18, 3)]
    assert agent.ask(LIT) == DONE


def test_garbage_after_a_hello_lights_nothing(shelf: Shelf, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")
    dice = random.Random(9)
    with served(shelf, path):
        for _ in range(TIMES):
            said = bytearray(LIT)
            place = dice.randrange(6)
            said[place] ^= dice.randrange(1, 256)
            caller = Caller(path)
            assert caller.ask(HELLO) == DONE
            caller.say_and_leave(bytes(said) + dice.randbytes(dice.randrange(40)))
        caller = Caller(path)
        assert caller.ask(HELLO) == DONE
        caller.line.close()
    assert shelf.shown == []
    assert len(shelf.opened) == TIMES + 1
