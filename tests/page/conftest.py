"""A Chromium for each worker, and a simulated station for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from support.browser import Page, start_chromium
from support.simulation import Simulation


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = start_chromium(tmp_path_factory.mktemp("downloads"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with Simulation(tmp_path_factory.mktemp("simulation")) as simulation:
        yield simulation.start()


@pytest.fixture
def page(chromium: webdriver.Chrome, simulation: Simulation) -> Iterator[Page]:
    """The station page, live, in English; afterwards nothing stands in its console that should not."""
    page = Page(chromium, simulation.url)
    page.open()
    yield page
    for name, on in simulation.get("/api/faults").items():
        if on:
            simulation.fault(name, False)
    page.focus()
    assert page.complaints() == []
    assert page.violations() == []
    chromium.get("about:blank")


@pytest.fixture
def downloads(chromium: webdriver.Chrome, tmp_path: Path) -> Path:
    """Where files go that the page offers from now on."""
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    return tmp_path
