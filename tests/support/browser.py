"""A real Chromium that looks at the station page, and hands for it."""

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from support import page_scripts as scripts
from support.mqtt import eventually

DEADLINE_S = 15.0
WIDE = (1360, 900)
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source() -> str:
    """axe-core, from the one data file of a package that is pinned in requirements/axe.txt."""
    found = find_spec("axe_playwright_python")
    assert found, "axe-core is missing: see requirements/axe.txt"
    assert found.origin
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def start_chromium(downloads: Path) -> webdriver.Chrome:
    """A headless Chromium of Debian's; files that a page offers go to `downloads`."""
    options = webdriver.ChromeOptions()
    for switch in SWITCHES:
        options.add_argument(switch)
    options.binary_location = shutil.which("chromium") or "chromium"
    options.accept_insecure_certs = True  # those of stations under test are signed by a CA of the test's own
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    preferences = {"download.default_directory": str(downloads), "intl.accept_languages": "en-GB"}
    options.add_experimental_option("prefs", preferences)
    driver = shutil.which("chromedriver") or "chromedriver"
    # Debian's wrapper around Chromium asks for memory in a way that a shell on a big machine complains about.
    return webdriver.Chrome(options, Service(driver, log_output=os.devnull))


class Page:
    """One window on a station page."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url
        self.window = driver.current_window_handle
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": scripts.SPY})
        self.look()

    # How it is looked at.

    def look(
        self, size: tuple[int, int] = WIDE, *, dark: bool = False, less_motion: bool = False, scale: float = 1
    ) -> None:
        """Size in CSS pixels, scheme, motion."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if less_motion else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, language: str = "en") -> "Page":
        """Load it, in this language, and wait until it is live."""
        self.driver.get(self.url)
        self.wait(lambda: self.connection() == "live" and self.text("#facts"))
        self.speak(language)
        return self

    def speak(self, language: str) -> None:
        """Choose a language by its button."""
        self.click(f"[data-language={language}]")

    def focus(self) -> None:
        """Look at this window, of several."""
        self.driver.switch_to.window(self.window)

    # What is there.

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript."""
        return self.driver.execute_script(script, *arguments)

    def run_until_done(self, script: str, *arguments: object) -> Any:
        """Run JavaScript that calls its last argument with what it found."""
        return self.driver.execute_async_script(script, *arguments)

    def one(self, css: str) -> WebElement:
        """The first element."""
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """The first element's text, seen or not; empty if there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", css))

    def attribute(self, css: str, name: str) -> str:
        """The first element's attribute; empty if there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? ''", css, name))

    def count(self, css: str) -> int:
        """How many elements there are."""
        return int(self.run("return document.querySelectorAll(arguments[0]).length", css))

    def connection(self) -> str:
        """What the page says of its line."""
        return self.attribute("#connection", "data-state")

    def status(self, slot: int) -> str:
        """What the page says of a slot."""
        return self.attribute(f"article[data-slot='{slot}']", "data-status")

    def bay(self, slot: int, what: str) -> str:
        """What is drawn of a slot: `bolt`, `vehicle`, `sensor`, `broken`."""
        return self.attribute(f".bay[data-slot='{slot}']", f"data-{what}")

    def pixels(self, light: str) -> list[str]:
        """A light's pixels as they are drawn now."""
        return self.attribute(f"[data-light='{light}']", "data-pixels").split()

    def frames(self, light: str) -> list[str]:
        """The first pixel of a light in every frame that came, one after the other, without repetitions."""
        colours = [frame[light][0] for frame in self.run("return seen.lights")]
        return [colour for at, colour in enumerate(colours) if at == 0 or colour != colours[at - 1]]

    def steps(self) -> list[str]:
        """Every step of the conversation as a screen reader names it."""
        script = "return [...document.querySelectorAll('[data-step]')].map((node) => node.getAttribute('aria-label'))"
        return list(self.run(script))

    def step_ids(self) -> list[int]:
        """The numbers of the steps, from top to bottom."""
        script = "return [...document.querySelectorAll('[data-step]')].map((node) => Number(node.dataset.step))"
        return sorted(self.run(script))

    def everything(self) -> str:
        """All text and all attributes of the page outside the simulation's controls."""
        return str(self.run(scripts.EVERYTHING))

    def note(self, css: str, what: str) -> None:
        """Keep, from now on, every value of an element's attribute, `text`, or number of `children`."""
        self.run(scripts.NOTE, css, what)

    def noted(self, css: str, what: str) -> list[Any]:
        """What was kept, without repetitions."""
        return list(self.run("return seen.noted[arguments[0]]", f"{css} {what}"))

    def visible(self) -> list[WebElement]:
        """The controls that can be seen."""
        return list(self.run(scripts.VISIBLE))

    def complaints(self) -> list[Mapping[str, Any]]:
        """Warnings and errors in the console since this was asked last."""
        said = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry for entry in said if entry["level"] in ("WARNING", "SEVERE")]

    def violations(self) -> list[str]:
        """What the page's policy forbade it."""
        return list(self.run("return seen.violations"))

    def axe(self) -> list[str]:
        """What axe-core finds wrong, one line each."""
        if not self.run("return Boolean(window.axe)"):
            self.run(axe_source())
        found = self.run_until_done(scripts.AXE, WCAG)
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['any'][:1]}"
            for rule in found
            for node in rule["nodes"]
        ]

    # Hands.

    def click(self, css: str) -> None:
        """Click the first such element as a person would, wherever it is."""
        element = self.one(css)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def click_step(self, number: int) -> None:
        """Click a step of the conversation."""
        self.run(scripts.CLICK_STEP, number)

    def key(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for each in keys:
            self.driver.switch_to.active_element.send_keys(each)

    def tab(self) -> str:
        """Go on with the Tab key; gives where that leads, as a selector of sorts."""
        self.key(Keys.TAB)
        return str(self.run(scripts.FOCUSED))

    def say(self, event: str, value: object) -> None:
        """Speak as the station does."""
        script = "spied.dispatchEvent(new MessageEvent(arguments[0], {data: arguments[1]}))"
        self.run(script, event, json.dumps(value))

    def click_about(self, chance: random.Random) -> str:
        """One click at random on whatever can be clicked; gives what was hit, when all it asked for is answered."""
        return str(self.run_until_done(scripts.CLICK, chance.random(), chance.random()))

    def wait(self, condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        """Wait for a condition; fails the test with what the page shows."""
        if not eventually(lambda: bool(condition()), deadline_s):
            shown = [self.text(css) for css in ("#connection", "#caption", "#complaint", "#slots", "#facts", "#faults")]
            raise AssertionError("\n".join([*shown, *self.steps()[-20:], *map(str, self.complaints())]))
