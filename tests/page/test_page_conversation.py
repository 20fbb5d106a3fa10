"""The conversation: who said what to whom, its JSON, and the drawing as a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from selenium.webdriver.common.keys import Keys
from support.browser import Page
from support.simulation import CARD, Simulation

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def charging(page: Page, simulation: Simulation) -> Page:
    """A page on which a session was seen from its tap on."""
    if page.status(1) != "charging":
        page.click("[data-card=anna] .tap")
    page.wait(lambda: page.status(1) == "charging" and find(page, "session-started"))
    page.wait(lambda: simulation.get("/api/state")["mainLight"] == "off" and not simulation.owed())
    return page


def find(page: Page, *words: str) -> int:
    """The number of the first step with these words; 0: there is none."""
    ids = page.step_ids()
    return next((ids[at] for at, step in enumerate(page.steps()) if all(word in step for word in words)), 0)


def in_order(steps: Sequence[str], *wanted: str) -> bool:
    """Whether these words come one after the other, whatever is between them."""
    rest = iter(steps)
    return all(any(words in step for step in rest) for words in wanted)


def test_a_session_is_told_from_tap_to_light(charging: Page) -> None:
    steps = charging.steps()
    assert in_order(
        steps, "Driver, Station: card ..E5F6 tapped", "Supplier: GET ", "404", "Supplier: POST /stations/ST-42", "201",
        "slot 1 is starting", "slot 1 is charging", "/start", "Station, Broker: session-started",
    ), steps  # fmt: skip
    assert in_order(steps, "tapped", "Station, Driver: light 1: blue")
    assert in_order(steps, "slot 1 is starting", "slot 1: locked", "slot 1 is charging")
    assert charging.count(".heads text") == 4


def test_a_step_shows_its_json_and_its_answer(charging: Page, simulation: Simulation) -> None:
    page = charging
    asked = find(page, "Supplier: POST /stations/ST-42")
    page.click_step(asked)
    shown = json.loads(page.text("#step-json"))
    key = simulation.calls("acquire")[0]["key"]
    assert shown["id"] == asked
    assert key in page.text("#step-json"), "the idempotency key that the supplier saw"
    assert page.attribute(f"[data-step='{asked}']", "aria-selected") == "true"
    pair = page.run("return [...document.querySelectorAll('.pair')].map(({dataset}) => Number(dataset.step))")
    answers = [step["id"] for step in simulation.get("/api/conversation")["steps"] if step["re"] == asked]
    assert pair == answers
    assert len(pair) == 1


def test_arrow_keys_walk_through_the_steps(charging: Page) -> None:
    page = charging
    ids = page.step_ids()
    page.run("document.querySelector('[data-step][tabindex=\"0\"]').focus()")
    for key, wanted in (
        (Keys.HOME, 0),
        (Keys.DOWN, 1),
        (Keys.DOWN, 2),
        (Keys.UP, 1),
        (Keys.END, len(ids) - 1),
        (Keys.DOWN, len(ids) - 1),
    ):
        page.key(key)
        assert page.run("return Number(document.activeElement.dataset.step)") == ids[wanted]
        assert json.loads(page.text("#step-json"))["id"] == ids[wanted]
    assert page.count("[data-step][tabindex='0']") == 1


def test_one_visit_can_be_looked_at_alone(charging: Page, simulation: Simulation) -> None:
    page = charging
    choose = "visit.value = arguments[0]; visit.dispatchEvent(new Event('change'))"
    visit = page.run("return document.querySelector('#visit').options[1].value")
    page.run(choose, visit)
    wanted = [step["id"] for step in simulation.get("/api/conversation")["steps"] if step["visit"] == visit]
    page.wait(lambda: page.step_ids() == wanted)
    page.run(choose, "")
    page.wait(lambda: len(page.step_ids()) > len(wanted))


def test_what_comes_twice_is_drawn_once_and_a_new_station_starts_anew(charging: Page, simulation: Simulation) -> None:
    page = charging
    ids = page.step_ids()
    first = simulation.get("/api/conversation")["steps"][0]
    page.say("step", first)
    other = {**first, "at": "2030-01-01T00:00:00.000Z", "title": "another life"}
    page.run("return new Promise(requestAnimationFrame)")
    assert page.step_ids() == ids
    page.say("step", other)
    page.wait(lambda: page.step_ids() == [first["id"]])
    assert "another life" in page.steps()[0]


def test_the_drawing_is_saved_as_an_svg_that_stands_alone(charging: Page, downloads: Path) -> None:
    page = charging
    page.click("#save")
    page.wait(lambda: list(downloads.glob("conversation-*.svg")))
    text = next(downloads.glob("conversation-*.svg")).read_text(encoding="utf-8")
    drawing = ElementTree.fromstring(text)  # noqa: S314  # the page's own file
    assert drawing.tag == f"{SVG}svg"
    assert ".diagram .shaft" in "".join(style.text or "" for style in drawing.iter(f"{SVG}style"))
    labels = [node.text or "" for node in drawing.iter(f"{SVG}text")]
    assert {"Driver", "Station", "Supplier", "Broker"} <= set(labels)
    assert any("session-started" in label for label in labels)
    assert CARD not in text
    assert not [word for word in ("href", "url(", "@import", "<script", "src=") if word in text]
