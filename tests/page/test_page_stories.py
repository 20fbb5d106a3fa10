"""The three stories, played by the page itself, from tap to light."""

from typing import Any

import pytest
from support import page_scripts as scripts
from support.browser import Page
from support.simulation import Simulation

OFF, BLUE, WHITE, RED = "#000000", "#000080", "#808080", "#800000"


def play(page: Page, name: str) -> None:
    """Let a story begin."""
    page.note("#caption", "text")
    page.click(f"[data-story={name}]")
    page.wait(lambda: page.attribute("#caption", "data-playing") == name)


def played(page: Page, name: str) -> list[str]:
    """Play a story to its end, going on as soon as it has said something; gives all that it said."""
    play(page, name)
    page.wait(lambda: page.run(scripts.READ_ON, "That was the story") or not is_playing(page), 60)
    page.wait(lambda: not is_playing(page))
    said = page.noted("#caption", "text")
    assert "Everything is yours" in said[-1], said
    return said


def is_playing(page: Page) -> bool:
    return page.attribute("#caption", "data-playing") != ""


def books(simulation: Simulation) -> Any:
    return simulation.get("/api/supplier")


def test_a_normal_day_from_tap_to_light(page: Page, simulation: Simulation) -> None:
    before = len(books(simulation)["payments"])
    assert len(played(page, "day")) == 10
    assert len(books(simulation)["payments"]) == before + 2

    page.wait(lambda: page.pixels("1") == [OFF] * 8)
    slot, main = page.frames("1"), page.frames("main")
    assert set(slot[slot.index(BLUE) + 1 :]) == {OFF, WHITE}, "after charging the white flicker of an end"
    assert slot.count(WHITE) >= 5, "a flicker comes and goes"
    assert WHITE in main, "a card was read"
    assert main.count(RED) >= 5, "two blinks for the blocked card, a flicker for no free slot"
    assert [page.status(slot) for slot in (1, 2)] == ["free", "free"]
    assert [page.bay(1, what) for what in ("bolt", "vehicle", "sensor")] == ["unlocked", "none", "unlocked"]


def test_the_network_goes_mid_session_and_comes_back(page: Page, simulation: Simulation) -> None:
    before = len(books(simulation)["payments"])
    assert any("vanish" in said for said in played(page, "network"))
    assert len(books(simulation)["payments"]) == before + 1, "paid once"
    page.wait(lambda: page.attribute("#station-facts", "data-owed") == "0")
    assert page.status(1) == "free"
    assert page.count("#switches [aria-checked=true]") == 0


def test_a_bolt_is_stuck_and_freed(page: Page, simulation: Simulation) -> None:
    before = books(simulation)
    played(page, "bolt")
    after = books(simulation)
    assert len(after["tickets"]) == len(before["tickets"]) + 1, "support was called"
    assert len(after["payments"]) == len(before["payments"]) + 1, "paid once"
    assert RED in page.frames("1")
    page.wait(lambda: page.attribute("[data-fault=UnlockFailed]", "data-state") == "cleared")
    assert page.count("article[data-slot='1'] .bad") == 0
    assert page.bay(1, "bolt") == "unlocked"


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_story_can_be_stopped_and_leaves_the_controls_to_the_visitor(page: Page, language: str) -> None:
    page.speak(language)
    play(page, "day")
    page.click("#story-stop")
    page.wait(lambda: page.attribute("#caption", "data-playing") == "")
    assert page.text("#caption").startswith({"en": "Stopped", "de": "Angehalten"}[language])
    assert page.run("return document.querySelector('[data-story=bolt]').disabled") is False
