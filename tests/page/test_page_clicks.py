"""Somebody clicks on everything at random: nothing may come of it but a station that goes on."""

import random
import sys
import time

import pytest
from support.browser import Page
from support.simulation import Simulation

SEED = 7


def clicked(page: Page, simulation: Simulation, seconds: float) -> int:
    """Click for so long; gives how often. Whatever happens in between, the page follows and its console stays empty."""
    chance = random.Random(SEED)
    until = time.monotonic() + seconds
    clicks = 0
    hit = ""
    while time.monotonic() < until:
        hit = page.click_about(chance)
        clicks += 1
        wrong = page.complaints()
        assert not wrong, (clicks, hit, wrong)
    assert "Traceback" not in "".join(simulation.lines)
    return clicks


def mended(page: Page, simulation: Simulation) -> None:
    """Stop what plays, mend everything: the station works on."""
    page.run("const stop = document.querySelector('#story-stop'); if (!stop.disabled) stop.click()")
    page.wait(lambda: page.attribute("#caption", "data-playing") == "")
    simulation.ask("PUT", "/api/supplier/delay", json={"ms": 0})
    for card in simulation.get("/api/world")["cards"]:
        simulation.ask("DELETE", f"/api/reader/cards/{card}")
    for name, on in simulation.get("/api/faults").items():
        if on:
            simulation.fault(name, False)
    page.wait(lambda: simulation.answers() and page.connection() == "live", 40)
    page.wait(lambda: not simulation.get("/api/state")["owed"]["supplier"], 90)
    assert page.violations() == []


def test_random_clicks_leave_nothing_in_the_console(page: Page, simulation: Simulation) -> None:
    clicks = clicked(page, simulation, 15)
    mended(page, simulation)
    assert clicks > 50


@pytest.mark.clicks
@pytest.mark.timeout(900)
def test_ten_minutes_of_random_clicks_leave_nothing_in_the_console(
    page: Page, simulation: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks = clicked(page, simulation, 600)
    mended(page, simulation)
    with capsys.disabled():
        sys.stdout.write(f"{clicks} clicks in ten minutes (seed {SEED}): nothing in the console\n")
