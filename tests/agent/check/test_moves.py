"""Trying the parts: what each wrong wire looks like, and what is left alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.clinic import RIGHT, Clinic, of, wired
from support.emulated_reader import ReaderBench
from support.owing import CARD, at, tap

from agent.check.finding import Finding
from agent.check.move_lights import try_lights
from agent.check.move_lock import Walk, judged, try_locks
from agent.check.move_reader import try_reader
from agent.config.places import JOURNAL
from agent.journal import Journal, Writing
from agent.state import Phase, Session, Slot, Station
from hardware.emulated.cards import ReaderFault
from hardware.parts import LightsFailure, Position, Rgb
from hardware.wiring import LightsWiring, MotorWiring, SolenoidWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
NO_SENSOR = {"sensor_pin = 27\n": ""}


class Somebody:
    """Answers questions in order, and remembers them; a missing answer is no."""

    def __init__(self, *answers: bool) -> None:
        self.questions: list[str] = []
        self.told: list[str] = []
        self._answers = list(answers)

    def agrees(self, question: str) -> bool:
        self.questions.append(question)
        return bool(self._answers) and self._answers.pop(0)

    def is_told(self, sentence: str) -> None:
        self.told.append(sentence)


def moved(clinic: Clinic, answers: str) -> dict[str, tuple[str, str]]:
    """The last finding about each slot."""
    result = clinic.check("--local", "--move", answers=answers)
    lines = [line.partition("  ") for line in result.stdout.splitlines()]
    return {line[2].strip()[:6]: (line[0], line[2].strip()[6:].strip()) for line in lines if "slot" in line[2][:12]}


def test_locks_that_are_well_are_open_afterwards(clinic: Clinic) -> None:
    found = moved(clinic, "y\ny\n")
    assert found["slot 1"] == found["slot 2"] == ("ok", "locked and opened again, and its sensor saw it")
    assert [level for pin, level in clinic.lines.driven if pin == 17] == [0, 1, 0]


def test_swapped_lock_wires_are_told_from_swapped_sensor_wires(clinic: Clinic) -> None:
    clinic.wire(wired(SolenoidWiring(pin=22, sensor_pin=27), SolenoidWiring(pin=17, sensor_pin=23)))
    level, said = moved(clinic, "y\nn\n")["slot 1"]
    assert level == "failed"
    assert said == (
        "the bolt of slot 2 moved in its place -> the locks' wires are swapped: "
        "change GPIO17 (pin 11) and GPIO22 (pin 15) round"
    )


@pytest.mark.parametrize(
    ("answer", "level", "said"), [("y", "ok", "moved, as you saw"), ("n", "failed", "did not move")]
)
def test_without_a_sensor_somebody_has_to_look(clinic: Clinic, answer: str, level: str, said: str) -> None:
    clinic.write_config(NO_SENSOR)
    clinic.wire(wired(SolenoidWiring(pin=17), RIGHT.slots[1].lock))
    found = moved(clinic, f"y\n{answer}\n")["slot 1"]
    assert found[0] == level
    assert found[1].startswith(said)


def test_a_bolt_that_is_stuck(clinic: Clinic) -> None:
    clinic.world.set_fault("lock-jammed-1", True)
    assert moved(clinic, "y\nn\n")["slot 1"] == (
        "failed",
        (
            "its bolt does not move there and back; its sensor shows unlocked, unlocked, unlocked -> "
            "look at the bolt, the lock's supply, its driver, and the wire of GPIO17 (pin 11)"
        ),
    )


def test_a_sensor_that_sees_nothing(clinic: Clinic) -> None:
    clinic.wire(wired(SolenoidWiring(pin=17, sensor_pin=5), RIGHT.slots[1].lock))
    assert moved(clinic, "y\ny\n")["slot 1"] == (
        "failed",
        (
            "its bolt moves, but its sensor shows unlocked, unlocked, unlocked -> "
            "look at the sensor and the wire of GPIO27 (pin 13)"
        ),
    )


def test_polarity_is_told_for_either_setting(clinic: Clinic) -> None:
    clinic.write_config({"sensor_pin = 27\n": 'sensor_pin = 27\nsensor_locked = "high"\n'})
    found = moved(clinic, "y\n")["slot 1"]
    assert found == ("failed", 'its sensor shows the opposite of where the bolt is -> set sensor_locked = "low"')


def test_the_lines_of_a_motor_are_named() -> None:
    motor = MotorWiring(lock_pin=5, unlock_pin=6, sensor_pin=13)
    slot = replace(RIGHT.slots[0], lock=motor)
    walk = Walk(before={1: UNLOCKED}, locked={1: None}, after={1: UNLOCKED})
    found = judged(slot, (slot,), walk, Somebody(False))
    assert found.said.endswith("its sensor shows unlocked, nothing, unlocked")
    assert found.mend.endswith("the wire of GPIO5 (pin 29) and GPIO6 (pin 31)")


class MotorBolt:
    """A motor lock that was wired the wrong way round, without the motor."""

    permit = None
    kick_s = 0.0

    def __init__(self) -> None:
        self.place = UNLOCKED
        self.driven: list[Position] = []

    def drive(self, position: Position) -> None:
        self.driven.append(position)
        self.place = UNLOCKED if position is LOCKED else LOCKED

    def stays(self, _position: Position) -> bool:
        return True

    def settle_s(self, _position: Position) -> float:
        return 0.0

    def ready_s(self, _position: Position) -> float:
        return 0.0

    def tend(self) -> float | None:
        return None

    def halt(self) -> None:
        pass

    def seen(self) -> Position | None:
        return self.place

    def close(self) -> None:
        pass


def test_a_motor_that_runs_backwards_is_told_and_its_bolt_left_open() -> None:
    motor = MotorWiring(lock_pin=5, unlock_pin=6, sensor_pin=13)
    slot, bolt = replace(RIGHT.slots[0], lock=motor), MotorBolt()
    (found,) = try_locks((slot,), {1: bolt}, Station(slots={1: Slot(number=1)}), Somebody(True))
    assert (found.level, found.said) == ("failed", "its motor locks when it should open")
    assert found.mend == "change the motor's two wires round, or GPIO5 (pin 29) and GPIO6 (pin 31) in the config"
    assert bolt.driven == [LOCKED, UNLOCKED, LOCKED]
    assert bolt.place is UNLOCKED


def journaled(clinic: Clinic, phase: Phase, *, locked: bool = True) -> None:
    """The journal of a station with a session in slot 1."""
    session = Session(id="S-1", card=CARD, slot=1, tapped=at(), locked=locked)
    slots = {1: Slot(number=1, phase=phase, session="S-1"), 2: Slot(number=2)}
    journal = Journal(clinic.state / JOURNAL)
    before = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
    journal.stage(Writing(fact=tap(), before=before, after=Station(slots=slots, sessions={"S-1": session})))
    journal.close()


@pytest.mark.parametrize("options", [(), ("--move",)])
@pytest.mark.parametrize("phase", [Phase.CHARGING, Phase.HELD, Phase.STARTING])
def test_a_bolt_that_holds_a_vehicle_does_not_move(clinic: Clinic, phase: Phase, options: Sequence[str]) -> None:
    journaled(clinic, phase)
    clinic.world.set_line(17, 1)
    while clinic.world.view().closed != (27,):
        clinic.world.step()
    levels: list[Any] = []
    clinic.world.subscribe(lambda snapshot: levels.append((snapshot["lines"].get("17"), snapshot["slots"][0]["bolt"])))
    shown = clinic.check("--local", *options, answers="y\nn\n").stdout
    assert f"slot 1    {phase}, its sensor shows locked" in shown
    assert set(levels) <= {(1, "locked")}
    assert (f"skipped  slot 1    it is {phase}, so its lock is not moved" in shown) == bool(options)
    assert CARD not in shown


def test_an_unknown_slot_is_not_moved(clinic: Clinic) -> None:
    clinic.state.mkdir()
    (clinic.state / JOURNAL).write_bytes(b"x" * 8192)
    result = clinic.check("--local", "--move", answers="n\n")
    assert result.exit_code == 1
    assert "failed   journal   The journal" in result.stdout
    assert "warning  slot 1    nobody knows whose vehicle is in it; sensor: unlocked" in result.stdout
    assert result.stdout.count("it is unknown, so its lock is not moved") == 2
    assert {level for pin, level in clinic.lines.driven if pin in (17, 22)} == {0}


class Lamps:
    """A strip that remembers what it showed."""

    def __init__(self, dead: bool = False) -> None:
        self.frames: list[tuple[Rgb, ...]] = []
        self.dead = dead

    def show(self, frame: Sequence[Rgb]) -> None:
        if self.dead:
            raise LightsFailure("no supply")
        self.frames.append(tuple(frame))

    def close(self) -> None:
        pass


def lit(frame: Sequence[Rgb]) -> list[int]:
    return [pixel for pixel, colour in enumerate(frame) if colour != (0, 0, 0)]


STATION = replace(RIGHT, slots=(RIGHT.slots[0], replace(RIGHT.slots[1], lights=(16, 23))), lights=LightsWiring())


def test_each_light_is_shown_alone_and_all_are_dark_afterwards() -> None:
    strip, person = Lamps(), Somebody(True, True, False, True, False)
    found = list(try_lights(STATION, strip, person))
    assert [lit(frame) for frame in strip.frames] == [list(range(8)), list(range(16, 24)), []]
    assert [(each.level, each.said) for each in found] == [
        ("ok", "the main light is red, as you saw"),
        ("skipped", "the light of slot 1 not tried"),
        ("warning", "the light of slot 2 is not red alone"),
    ]
    assert person.questions[1] == "lights: is the main light red, and every other dark?"


def test_lights_that_take_no_frames_are_not_asked_about_again() -> None:
    person = Somebody(True, True, True)
    (found,) = try_lights(STATION, Lamps(dead=True), person)
    assert (found.level, found.said) == ("warning", "they take no frames: no supply")
    assert len(person.questions) == 1
    assert list(try_lights(replace(STATION, lights=LightsWiring(kind="none")), Lamps(), Somebody())) == []


def cards(bench: ReaderBench, person: Somebody, meanwhile: Callable[[], None] = lambda: None) -> Finding:
    def nap(seconds: float) -> None:
        bench.clock.nap(seconds)
        meanwhile()

    (found,) = try_reader(bench.reader, person, bench.clock, nap)
    return found


def test_a_card_is_read_and_masked() -> None:
    bench, person = ReaderBench(), Somebody(True)
    found = cards(bench, person, lambda: bench.field.place(CARD))
    assert (found.level, found.said) == ("ok", "read card ..E5F6, 7 bytes")
    assert person.told == ["reader: hold a card to it now"]


def test_no_card_and_no_reader_are_told() -> None:
    bench = ReaderBench()
    began = bench.clock.now
    found = cards(bench, Somebody(True))
    assert (found.level, found.said) == ("failed", "saw no single card within 30 s")
    assert bench.clock.now - began >= 30
    bench.field.fault = ReaderFault.ABSENT_FF
    assert "VersionReg reads 0xFF" in cards(bench, Somebody(True)).said
    assert cards(bench, Somebody(False)).level == "skipped"


def test_a_sensor_that_cannot_be_read_is_told(clinic: Clinic) -> None:
    clinic.lines.deaf = True
    level, said = of(clinic.findings("--local"), "slot 1")[0]
    assert level == "failed"
    assert "the lock's sensor cannot be read" in said
    assert moved(clinic, "y\nn\n")["slot 1"][1].startswith(
        "its bolt does not move there and back; its sensor shows nothing, nothing, nothing"
    )
