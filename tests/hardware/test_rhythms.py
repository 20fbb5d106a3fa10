"""What a look shows when, and the flashes that are left out."""

import itertools

import pytest

from hardware.looks import DARK, Colour, Look, Rhythm
from hardware.rhythms import FlashGuard, Shine, shine

RED, WHITE, BLUE = Colour.RED, Colour.WHITE, Colour.BLUE


def story(look: Look, times: list[float]) -> list[Colour | None]:
    return [shine(look, time).colour for time in times]


def test_dark_and_steady_stay() -> None:
    assert shine(DARK, 5.0) == Shine()
    assert shine(Look((BLUE,)), 5.0) == Shine(BLUE)


def test_flicker_is_two_and_a_half_hertz() -> None:
    look = Look((RED,), Rhythm.FLICKER, since=10.0)
    assert story(look, [10.0, 10.1, 10.21, 10.39, 10.41, 13.01]) == [RED, RED, None, None, RED, None]
    assert shine(look, 10.1).until == pytest.approx(10.2)
    begins = [
        n
        for n in range(3000)
        if shine(look, 10 + n / 1000 + 0.0005).colour is RED
        and (n == 0 or shine(look, 10 + n / 1000 - 0.0005).colour is None)
    ]
    assert len(begins) == 8


def test_two_blinks_and_no_more() -> None:
    look = Look((RED,), Rhythm.TWO_BLINKS, since=10.0)
    assert story(look, [10.0, 10.19, 10.21, 10.41, 10.59, 10.61, 10.81, 99.0]) == [
        RED,
        RED,
        None,
        RED,
        RED,
        None,
        None,
        None,
    ]
    assert shine(look, 10.7) == Shine()


def test_several_colours_take_turns() -> None:
    look = Look((RED, WHITE), Rhythm.TWO_BLINKS, since=10.0)
    assert story(look, [10.1, 10.3, 10.5]) == [RED, None, WHITE]
    flicker = Look((RED, WHITE), Rhythm.FLICKER, since=10.0)
    assert story(flicker, [10.1, 10.5, 10.9]) == [RED, WHITE, RED]


def test_breathing_is_a_slow_wave_that_never_goes_dark() -> None:
    look = Look((WHITE,), Rhythm.BREATHING, since=10.0)
    levels = [shine(look, 10 + n / 30).level for n in range(61)]
    assert levels[0] == levels[60] == pytest.approx(1.0)
    assert min(levels) == levels[30] == pytest.approx(0.1)
    assert max(abs(one - two) for one, two in itertools.pairwise(levels)) < 0.05


def test_a_look_from_the_future_has_just_begun() -> None:
    assert shine(Look((RED,), Rhythm.FLICKER, since=10.0), 9.9).colour is RED


def begun(looks: list[tuple[float, Look]], until: float) -> list[float]:
    """When flashes begin, to the millisecond, if each look is shown from its time on."""
    guard = FlashGuard()
    beginnings: list[float] = []
    before: Colour | None = None
    for millis in range(int(until * 1000)):
        now = millis / 1000 + 0.0005
        look = [look for since, look in looks if since <= now][-1]
        colour = guard.pass_on(shine(look, now), now).colour
        if colour is not None and colour is not before:
            beginnings.append(millis / 1000)
        before = colour
    return beginnings


def taps(gap: float, number: int) -> list[tuple[float, Look]]:
    story: list[tuple[float, Look]] = []
    for at in (gap * n for n in range(number)):
        story += [(at, Look((WHITE,), since=at)), (at + gap / 2, Look((RED,), Rhythm.TWO_BLINKS, since=at + gap / 2))]
    return story


@pytest.mark.parametrize("gap", [0.1, 0.25, 0.3, 0.5, 0.8, 1.3])
def test_never_four_flashes_in_one_second(gap: float) -> None:
    beginnings = begun(taps(gap, 12), 6)
    assert len(beginnings) > 3
    assert all(fourth - first >= 1 for first, fourth in zip(beginnings, beginnings[3:], strict=False))


def test_a_blink_too_many_is_left_out_whole() -> None:
    white = [(at, Look((WHITE,), since=at)) for at in (0.0, 0.2, 0.4)]
    dark = [(at, DARK) for at in (0.1, 0.3, 0.5)]
    looks = sorted([*white, *dark, (0.9, Look((RED,), Rhythm.FLICKER, since=0.9))], key=lambda one: one[0])
    assert begun(looks, 2) == [0.0, 0.2, 0.4, 1.3, 1.7]


def test_a_colour_that_stays_comes_as_soon_as_it_may() -> None:
    looks = [(0.0, Look((WHITE,))), (0.1, Look((RED,))), (0.2, Look((WHITE,))), (0.3, Look((RED,)))]
    assert begun(looks, 2) == [0.0, 0.1, 0.2, 1.0]


def test_a_blink_in_the_colour_that_is_shown_is_no_flash() -> None:
    looks = [(0.0, Look((RED,))), (0.1, Look((RED,), Rhythm.FLICKER, since=0.1))]
    assert begun(looks, 0.9) == [0.0, 0.5]
