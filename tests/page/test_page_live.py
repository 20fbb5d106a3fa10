"""The page follows the station, and says so when it cannot."""

import os
import signal

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver
from support.browser import Page
from support.simulation import CARD, Simulation

BLUE = "#000080"
TAP = "[data-card=anna] .tap"


def pid(page: Page) -> str:
    return page.attribute("#agent", "data-pid")


def mended(page: Page) -> None:
    page.run("document.querySelectorAll('#switches [aria-checked=true]').forEach((each) => each.click())")
    page.wait(lambda: not page.count("#switches [aria-checked=true]"))


def test_the_plug_is_pulled_and_no_bolt_moves(page: Page) -> None:
    page.click(TAP)
    page.wait(lambda: page.status(1) == "charging" and page.bay(1, "bolt") == "locked")
    page.note(".bay[data-slot='1']", "data-bolt")
    before = pid(page)
    page.click("#plug")
    page.wait(lambda: page.connection() == "dead")
    assert page.text("#connection") == "The agent is dead. It is being started again."
    page.wait(lambda: page.connection() == "live" and pid(page) not in ("", before))
    page.wait(lambda: page.status(1) == "charging" and page.pixels("1") == [BLUE] * 8)
    assert set(page.noted(".bay[data-slot='1']", "data-bolt")) <= {"locked"}
    assert any("the agent" in step for step in page.steps())


def test_a_fault_is_raised_and_cleared(page: Page, simulation: Simulation) -> None:
    page.click("[data-fault=reader-absent][role=switch]")
    fault = "#faults [data-fault=ReaderFailure]"
    page.wait(lambda: page.attribute(fault, "data-state") == "out-of-order")
    page.wait(lambda: page.pixels("main") == ["#800000"] * 8)
    page.wait(lambda: "Fault:" in page.text("#said"))
    assert page.attribute("[data-fault=reader-absent][role=switch]", "aria-checked") == "true"
    assert simulation.get("/api/faults")["reader-absent"] is True

    mended(page)
    page.wait(lambda: page.attribute(fault, "data-state") == "cleared")
    assert page.run("return document.querySelectorAll(arguments[0] + ' time').length", fault) == 2
    page.wait(lambda: "Cleared:" in page.text("#said"))


def test_two_windows_at_once_show_the_same(page: Page, chromium: webdriver.Chrome) -> None:
    driver: WebDriver = chromium
    driver.switch_to.new_window("window")
    other = Page(chromium, page.url)
    try:
        other.open("de")
        other.click("[data-fault=pay-refused][role=switch]")
        page.focus()
        page.wait(lambda: page.attribute("[data-fault=pay-refused][role=switch]", "aria-checked") == "true")
        mended(page)
        was = page.status(1)
        page.wait(lambda: page.count("[data-step]"))
        page.click(TAP)
        page.wait(lambda: page.status(1) not in (was, "starting", "ending"))
        shown = page.status(1)
        other.focus()
        other.wait(lambda: other.status(1) == shown)
        other.wait(lambda: not other.count("#switches [aria-checked=true]"))
        assert other.violations() == []
        assert other.complaints() == []
    finally:
        other.focus()
        driver.close()
        page.focus()


def test_a_silent_station_is_stale_and_comes_back_by_itself(page: Page, simulation: Simulation) -> None:
    shown = page.steps()
    os.kill(simulation.process.pid, signal.SIGSTOP)
    try:
        page.wait(lambda: page.connection() == "stale", 20)
        assert page.text("#connection").startswith("Stale: nothing heard since ")
    finally:
        os.kill(simulation.process.pid, signal.SIGCONT)
    page.wait(lambda: page.connection() == "live")
    page.wait(lambda: page.step_ids() == [step["id"] for step in simulation.get("/api/conversation")["steps"]])
    assert page.steps()[: len(shown)] == shown


def test_a_page_that_is_left_gives_its_line_back_and_takes_one_when_it_is_shown_again(page: Page) -> None:
    page.run("window.line = spied; dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert page.run("return line.readyState === EventSource.CLOSED"), "a browser has six lines to one address"
    page.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    page.wait(lambda: page.run("return spied !== line && spied.readyState === EventSource.OPEN"))
    page.wait(lambda: page.connection() == "live")


@pytest.mark.parametrize("kind", ["tap", "rest"])
def test_a_card_is_drawn_on_the_reader_while_it_is_there(page: Page, kind: str) -> None:
    page.note("g.cards", "text")
    row = "[data-card=dora]"
    if kind == "tap":
        page.click(f"{row} .tap")
    else:
        page.click(f"{row} [aria-pressed]")
        page.wait(lambda: page.text(".drawing .uid") == "..8899")
        page.wait(lambda: page.attribute(f"{row} [aria-pressed]", "aria-pressed") == "true")
        page.click(f"{row} .tap")
        page.wait(lambda: page.text("#complaint") == "This card lies on the reader: take it away first.")
        page.click(f"{row} [aria-pressed]")
    page.wait(lambda: page.noted("g.cards", "text") == ["..8899", ""])


def test_two_cards_at_once_are_turned_away_and_both_are_drawn(page: Page) -> None:
    page.note("g.cards", "children")
    page.click(".two button")
    page.wait(lambda: 2 in page.noted("g.cards", "children"))
    page.wait(lambda: "#800000" in page.frames("main"))
    page.wait(lambda: not page.count(".drawing .uid"))
    assert CARD not in page.everything()
