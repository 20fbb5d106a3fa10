"""What the page may not do: load from elsewhere, show a card, or touch a real station."""

import os
import re
import signal
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from support.browser import Page
from support.certificates import make_ca, make_certificate
from support.mqtt import free_port
from support.simulation import CARD, Simulation

TOKEN = "a token of some length"
CARDS = [CARD, "04C0FFEE102A01", "04B10CED0D1E03"]


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """A simulated station whose agent serves the page too, as a real one does that is open to other machines."""
    folder = tmp_path_factory.mktemp("simulation")
    certificate = make_certificate(make_ca(folder), "station", "IP:127.0.0.1")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    web = {
        "listen": f"0.0.0.0:{free_port()}",
        "cert_file": certificate,
        "key_file": f"{certificate}.key",
        "token_file": folder / "token",
    }
    with Simulation(folder) as simulation:
        section = "".join(f'{name} = "{value}"\n' for name, value in web.items())
        simulation.config.write_text(
            f"{simulation.config.read_text(encoding='utf-8')}[web]\n{section}", encoding="utf-8"
        )
        yield simulation.start()


@pytest.fixture
def door(chromium: webdriver.Chrome, simulation: Simulation) -> Iterator[Page]:
    """The agent's own page, before anybody has signed in."""
    port = re.search(r'listen = "0.0.0.0:(\d+)"', simulation.config.read_text(encoding="utf-8"))
    assert port
    page = Page(chromium, f"https://127.0.0.1:{port[1]}")
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.get(page.url)
    yield page
    assert page.violations() == []
    chromium.get("about:blank")


@pytest.fixture
def real(door: Page) -> Iterator[Page]:
    """The page as the agent itself serves it."""
    sign_in(door, TOKEN)
    door.open()
    yield door
    assert door.complaints() == []


def sign_in(page: Page, token: str) -> None:
    page.one("#token").send_keys(token, Keys.ENTER)


def tapped(page: Page, simulation: Simulation) -> None:
    """Sessions, and a card turned away."""
    for number, card in enumerate(("anna", "ben", "blocked")):
        page.click(f"[data-card={card}] .tap")
        page.wait(lambda number=number: len(simulation.calls("acquire")) > number)  # type: ignore[misc]
        page.wait(lambda: not simulation.get("/api/world")["cards"])
    page.wait(lambda: not simulation.owed() and simulation.get("/api/state")["mainLight"] == "off")


def test_no_card_stands_in_clear_outside_the_simulations_controls(page: Page, simulation: Simulation) -> None:
    tapped(page, simulation)
    shown = page.everything()
    for step in page.step_ids():
        page.click_step(step)
        shown += page.text("#step-json")
    assert [card for card in CARDS if card in shown] == []
    assert [f"..{card[-4:]}" for card in CARDS if f"..{card[-4:]}" not in shown] == []


def test_the_policy_is_in_force_and_noticed(page: Page) -> None:
    page.run("document.body.setAttribute('style', 'color: red')")
    inline = "Object.assign(document.createElement('script'), {textContent: 'window.run = 1'})"
    page.run(f"document.body.append({inline})")
    page.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/elsewhere.png'}))")
    page.wait(lambda: len(page.violations()) == 3)
    assert sorted(each.split()[0] for each in page.violations()) == ["img-src", "script-src-elem", "style-src-attr"]
    assert page.run("return window.run ?? null") is None
    page.run("seen.violations = []")
    assert {entry["source"] for entry in page.complaints()} == {"security"}


def test_the_door_opens_to_the_token_and_to_nothing_else(door: Page) -> None:
    page = door
    sign_in(page, "a guess of some length")
    page.wait(lambda: "not the token" in page.text("[role=alert]"))
    for dark in (False, True):
        page.look((320, 640), dark=dark)
        assert page.axe() == []
    assert page.run("return document.documentElement.scrollWidth") == 320
    sign_in(page, TOKEN)
    page.wait(lambda: page.connection() == "live")
    [cookie] = page.driver.get_cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert page.run("return document.cookie") == ""
    assert {entry["source"] for entry in page.complaints()} <= {"network"}, "the wrong token's 401, and nothing else"


def test_a_real_station_shows_everything_and_can_be_touched_by_nothing(real: Page, simulation: Simulation) -> None:
    page = real
    assert page.count(".simulation:not([hidden])") == 0
    assert page.attribute("#kind", "hidden") == ""
    names = [control.get_attribute("id") or control.get_attribute("data-language") for control in page.visible()]
    assert names == ["en", "de", "visit", "save"]
    before = page.status(1)
    simulation.tap("04112233445566")
    page.wait(lambda: page.status(1) != before or page.status(2) == "charging" or page.count("[data-step]"))
    page.wait(lambda: "card ..5566 tapped" in " ".join(page.steps()))
    assert "04112233445566" not in page.everything()
    for method, path in (("POST", "/api/reader/taps"), ("PUT", "/api/faults/lights-dead"), ("POST", "/api/agent/kill")):
        answer = page.run_until_done(
            "const [method, path, done] = arguments; fetch(path, {method}).then(({status}) => done(status))",
            method,
            path,
        )
        assert answer in (404, 405), (method, path)
    assert all("api" in entry["message"] for entry in page.complaints())


def test_a_real_station_draws_bolts_and_vehicles_from_what_it_knows(real: Page, simulation: Simulation) -> None:
    page = real
    if page.status(1) != "charging":
        simulation.tap()
    page.wait(lambda: page.status(1) == "charging")
    page.wait(lambda: page.pixels("1") == ["#000080"] * 8)
    assert [page.bay(1, what) for what in ("bolt", "vehicle", "sensor")] == ["locked", "believed", "locked"]
    page.look((320, 640))
    assert page.run("return document.documentElement.scrollWidth") == 320
    assert page.axe() == []


def test_the_agent_of_a_real_station_dies_and_the_page_leads_to_its_door(real: Page, simulation: Simulation) -> None:
    page = real
    os.kill(simulation.children()["agent"], signal.SIGKILL)
    page.wait(lambda: page.connection() == "lost")
    page.wait(lambda: page.count("#token"), 20)  # whoever had signed in is forgotten with the agent
    sign_in(page, TOKEN)
    page.wait(lambda: page.connection() == "live")
    assert {entry["source"] for entry in page.complaints()} <= {"network"}, "only lines that broke"
