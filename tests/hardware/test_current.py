"""How much current the lights draw."""

import pytest

from hardware.current import brightness_for, lights_ma, pixel_ma
from hardware.lights import palette_of

DEFAULT = palette_of({})
MUTED = palette_of({"blue": "#0000ff", "white": "#404040", "red": "#ff0000"})


@pytest.mark.parametrize(
    ("palette", "brightness", "expected"), [(DEFAULT, 1.0, 60.0), (DEFAULT, 0.5, 60 * 128 / 255), (MUTED, 1.0, 20.0)]
)
def test_the_dearest_colour_counts(palette: dict[object, object], brightness: float, expected: float) -> None:
    assert pixel_ma(palette, brightness) == pytest.approx(expected)


def test_a_strip_draws_what_its_lit_pixels_do_and_a_little_for_each() -> None:
    assert lights_ma(DEFAULT, 1.0, lit=24, pixels=30) == pytest.approx(24 * 60 + 30)


@pytest.mark.parametrize(("limit", "expected"), [(1464, 1.0), (1463, 0.99), (744, 0.49), (24, 0.0), (5, 0.0)])
def test_the_brightness_that_fits_is_the_highest_one(limit: float, expected: float) -> None:
    assert brightness_for(DEFAULT, limit, lit=24, pixels=24) == pytest.approx(expected)
