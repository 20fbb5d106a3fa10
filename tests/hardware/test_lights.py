"""Frames on the strip, in a time of the test's own."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hardware.lights import LONG_S, Lights, palette_of, segments_of
from hardware.looks import DARK, Colour, Look, Rhythm
from hardware.parts import LightsFailure, Rgb
from hardware.wiring import Wiring

BLACK, BLUE, RED, WHITE = (0, 0, 0), (0, 0, 255), (255, 0, 0), (255, 255, 255)


class Strip:
    """Keeps every frame with its time, and fails as told."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.frames: list[tuple[float, list[Rgb]]] = []
        self.tried: list[float] = []
        self.dead = False

    def show(self, frame: Sequence[Rgb]) -> None:
        self.tried.append(self._clock())
        if self.dead:
            raise LightsFailure("dead")
        self.frames.append((self._clock(), list(frame)))

    def close(self) -> None:
        pass


class Bench:
    """Lights of the default wiring, and what was told of their health."""

    def __init__(self, wiring: Wiring, clock: Any) -> None:
        self.clock = clock
        self.started = clock.now
        self.strip = Strip(clock)
        self.told: list[str] = []
        self.lights = Lights(self.strip, segments_of(wiring), palette_of({}), 1.0, clock, self.told.append)

    def run(self, seconds: float) -> int:
        until, steps = self.clock.now + seconds, 0
        while self.clock.now < until:
            steps += 1
            self.clock.advance(min(max(self.lights.step(), 1e-4), until - self.clock.now + 1e-9))
        return steps

    def pixel(self, number: int) -> list[tuple[float, Rgb]]:
        """When a pixel changed to what."""
        story: list[tuple[float, Rgb]] = []
        for at, frame in self.strip.frames:
            if not story or story[-1][1] != frame[number]:
                story.append((at - self.started, frame[number]))
        return story


@pytest.fixture
def bench(wiring: Wiring, clock: Any) -> Bench:
    return Bench(wiring, clock)


def test_segments_and_palette_of_the_default_wiring(wiring: Wiring) -> None:
    assert segments_of(wiring) == {"main": (0, 7), "1": (8, 15), "2": (16, 23)}
    assert palette_of({"blue": "#00CCff"}) == {Colour.BLUE: (0, 204, 255), Colour.WHITE: WHITE, Colour.RED: RED}


def test_of_rgb_lights_each_is_one_pixel(wiring: Wiring) -> None:
    lights = replace(wiring.lights, kind="rgb")
    assert segments_of(replace(wiring, lights=lights)) == {"main": (0, 0), "1": (1, 1), "2": (2, 2)}


@pytest.mark.parametrize("colours", [{"green": "#00ff00"}, {"blue": "blue"}, {"blue": "#00f"}, {"blue": "#00000g"}])
def test_a_palette_that_is_none_is_refused(colours: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="colour"):
        palette_of(colours)


def test_each_light_has_its_pixels(bench: Bench) -> None:
    bench.lights.show({"main": Look((Colour.WHITE,)), "1": Look((Colour.BLUE,)), "2": Look((Colour.RED,))})
    bench.lights.step()
    assert bench.strip.frames[-1][1] == [WHITE] * 8 + [BLUE] * 8 + [RED] * 8


def test_the_first_step_goes_dark_and_a_light_that_is_not_named_too(bench: Bench) -> None:
    bench.lights.step()
    assert bench.strip.frames[-1][1] == [BLACK] * 24
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(0.1)
    bench.lights.show({"main": Look((Colour.RED,))})
    bench.run(0.1)
    assert bench.strip.frames[-1][1] == [RED] * 8 + [BLACK] * 16


def test_brightness_and_the_own_palette(wiring: Wiring, clock: Any) -> None:
    strip = Strip(clock)
    lights = Lights(strip, segments_of(wiring), palette_of({"red": "#ff8000"}), 0.5, clock)
    lights.show({"main": Look((Colour.RED,))})
    lights.step()
    assert strip.frames[-1][1][0] == (128, 64, 0)


def test_a_strip_at_rest_is_not_written(bench: Bench) -> None:
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(300)
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(300)
    assert len(bench.strip.frames) == 1
    assert bench.lights.step() == LONG_S


def test_flicker_frames_fall_on_their_edges(bench: Bench) -> None:
    bench.lights.show({"1": Look((Colour.WHITE,), Rhythm.FLICKER, since=bench.clock.now)})
    steps = bench.run(1.99)
    times, pixels = zip(*bench.pixel(8), strict=True)
    assert times == pytest.approx([0.2 * n for n in range(10)], abs=0.001)
    assert pixels == (WHITE, BLACK) * 5
    assert len(bench.strip.frames) == 10
    assert steps < 40


def test_breathing_makes_at_most_thirty_frames_a_second(bench: Bench) -> None:
    bench.lights.show({"main": Look((Colour.WHITE,), Rhythm.BREATHING, since=bench.clock.now)})
    bench.run(4)
    times = [at for at, _ in bench.strip.frames]
    assert 100 <= len(times) <= 121
    assert min(two - one for one, two in itertools.pairwise(times)) >= 1 / 30 - 1e-6


def test_a_new_look_does_not_wait_for_its_turn_among_the_frames_of_one_that_moves(bench: Bench) -> None:
    breathing = Look((Colour.WHITE,), Rhythm.BREATHING, since=bench.clock.now)
    bench.lights.show({"1": breathing})
    for _ in range(5):
        bench.run(0.31)
        assert bench.clock.now > bench.strip.frames[-1][0], "between two frames"
        bench.lights.show({"1": breathing, "main": Look((Colour.WHITE,))})
        bench.lights.step()
        assert bench.strip.frames[-1][0] == bench.clock.now
        bench.lights.show({"1": breathing})


def test_a_new_look_waits_with_lights_that_fail(bench: Bench) -> None:
    bench.strip.dead = True
    bench.run(5)
    tried = len(bench.strip.tried)
    bench.lights.show({"main": Look((Colour.WHITE,))})
    bench.lights.step()
    assert len(bench.strip.tried) == tried


def test_changes_come_at_most_thirty_times_a_second(bench: Bench) -> None:
    dim = bench.clock.now - 1
    for _ in range(50):
        bench.lights.show({"main": Look((Colour.BLUE,))})
        bench.run(0.01)
        bench.lights.show({"main": Look((Colour.BLUE,), Rhythm.BREATHING, since=dim)})
        bench.run(0.01)
    assert 15 <= len(bench.strip.frames) <= 31


def test_a_colour_that_had_to_wait_comes_unasked(bench: Bench) -> None:
    for colour in (Colour.WHITE, Colour.RED, Colour.WHITE, Colour.RED):
        bench.lights.show({"main": Look((colour,))})
        bench.run(0.1)
    bench.run(0.7)
    assert bench.pixel(0)[-2:] == [(pytest.approx(0.3, abs=0.01), BLACK), (pytest.approx(1.0, abs=0.01), RED)]


def test_the_guard_is_in_the_way(bench: Bench) -> None:
    for _ in range(6):
        bench.lights.show({"main": Look((Colour.WHITE,))})
        bench.run(0.1)
        bench.lights.show({"main": DARK})
        bench.run(0.1)
    assert [at for at, pixel in bench.pixel(0) if pixel == WHITE] == pytest.approx([0, 0.2, 0.4, 1.0], abs=0.01)


def test_a_dead_strip_is_told_once_tried_with_patience_and_shown_what_holds_then(bench: Bench) -> None:
    bench.strip.dead = True
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(60)
    assert bench.told == ["dead"]
    pauses = [two - one for one, two in zip(bench.strip.tried, bench.strip.tried[1:], strict=False)]
    assert pauses[:6] == pytest.approx([0.5, 1, 2, 4, 8, 10], abs=0.01)
    assert max(pauses) <= 10.01
    bench.lights.show({"2": Look((Colour.RED,))})
    bench.strip.dead = False
    bench.run(10.1)
    assert bench.told == ["dead", ""]
    assert bench.strip.frames[-1][1] == [BLACK] * 16 + [RED] * 8
    assert len(bench.strip.frames) == 1


def test_a_strip_that_works_says_so_once(bench: Bench) -> None:
    bench.run(1)
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(1)
    assert bench.told == [""], "what was told of it before a restart may be over"


def test_a_strip_that_failed_is_written_anew(bench: Bench) -> None:
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(1)
    bench.strip.dead = True
    bench.lights.show({})
    bench.run(1)
    bench.strip.dead = False
    bench.lights.show({"1": Look((Colour.BLUE,))})
    bench.run(1)
    assert [frame[8] for _, frame in bench.strip.frames] == [BLUE, BLUE]


def test_waiting_ends_when_the_latest_look_is_on_the_strip(bench: Bench) -> None:
    bench.lights.step()
    assert bench.lights.wait_shown(0)
    bench.lights.show({"main": Look((Colour.WHITE,))})
    assert bench.lights.wake.is_set()
    assert not bench.lights.wait_shown(0)
    seen: list[tuple[bool, Rgb]] = []
    waiter = threading.Thread(target=lambda: seen.append((bench.lights.wait_shown(10), bench.strip.frames[-1][1][0])))
    waiter.start()
    bench.run(0.1)
    waiter.join()
    assert seen == [(True, WHITE)]
    assert not bench.lights.wake.is_set()


def test_nobody_waits_for_a_dead_strip(bench: Bench) -> None:
    bench.strip.dead = True
    bench.lights.show({"main": Look((Colour.WHITE,))})
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(bench.lights.wait_shown(60)))
    waiter.start()
    bench.lights.step()
    waiter.join(10)
    assert answers == [False]
    assert not bench.lights.wait_shown(60)


def test_watchers_are_told_of_each_change_once_it_is_on_the_strip(bench: Bench) -> None:
    told: list[tuple[dict[str, Look], float]] = []
    bench.lights.watch(lambda looks, at: told.append((dict(looks), at)))
    bench.run(1.0)
    assert told == [({}, bench.started)], "the first frame is dark"
    told.clear()
    blue = {"1": Look((Colour.BLUE,))}
    bench.strip.dead = True
    bench.lights.show(blue)
    bench.run(1.0)
    assert told == [], "it is not on the strip"
    bench.strip.dead = False
    bench.run(12.0)
    assert told == [(blue, bench.strip.frames[-1][0])]
    bench.lights.show(dict(blue))
    bench.run(1.0)
    assert [looks for looks, _ in told] == [blue, blue], "said again it is shown again, without a new frame"


def test_an_unknown_light_is_the_callers_mistake(bench: Bench) -> None:
    with pytest.raises(KeyError, match="3"):
        bench.lights.show({"3": DARK})


def test_no_lights_no_frames(clock: Any) -> None:
    lights = Lights(Strip(clock), {}, palette_of({}), 1.0, clock)
    assert lights.step() == LONG_S


class Sticky(Strip):
    """Its first frame hangs until it is let go."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.begun, self.let_go = threading.Event(), threading.Event()

    def show(self, frame: Sequence[Rgb]) -> None:
        if not self.begun.is_set():
            self.begun.set()
            assert self.let_go.wait(10.0)
        super().show(frame)


def test_a_frame_that_hangs_is_told_and_once_it_goes_through_all_is_written_anew(wiring: Wiring, clock: Any) -> None:
    strip, told = Sticky(clock), []
    lights = Lights(strip, segments_of(wiring), palette_of({}), 1.0, clock, told.append)
    lights.show({"main": Look((Colour.RED,))})
    old = threading.Thread(target=lights.step)
    old.start()
    assert strip.begun.wait(5.0)
    lights.give_up()
    assert told == ["a frame hangs in the strip, look after its supply and wiring"]
    lights.show({"main": Look((Colour.BLUE,))})
    lights.step()
    assert (told[1:], [frame[0] for _, frame in strip.frames]) == ([""], [BLUE])
    lights.wake.clear()
    strip.let_go.set()
    old.join(5.0)
    assert strip.frames[-1][1][0] == RED, "the old frame came through late"
    assert lights.wake.is_set()
    clock.advance(1.0)
    lights.step()
    assert strip.frames[-1][1][0] == BLUE
    assert told[2:] == []
