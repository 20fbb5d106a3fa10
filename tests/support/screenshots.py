"""The README's pictures: what the station page shows while its stories play."""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from support import page_scripts as scripts
from support.browser import Page, start_chromium
from support.simulation import Simulation

DESK = (1360, 930)
PHONE = (390, 844)
QUALITY = 80
WHITE = "#808080"


def picture(page: Page, file: Path) -> None:
    """The window as WebP, which Chromium writes itself and smaller than any PNG."""
    asked = {"format": "webp", "quality": QUALITY}
    taken = page.driver.execute_cdp_cmd("Page.captureScreenshot", asked)
    file.write_bytes(base64.b64decode(taken["data"]))


def play(page: Page, story: str, until: str) -> None:
    """Play a story up to the caption with these words."""
    page.click(f"[data-story={story}]")
    page.wait(lambda: page.run(scripts.READ_ON, until), 60)


def stop(page: Page) -> None:
    """End the story."""
    page.click("#story-stop")
    page.wait(lambda: page.attribute("#caption", "data-playing") == "")


def at_the_desk(page: Page, docs: Path) -> None:
    """A normal day, in light: one vehicle leaves, the other charges."""
    page.look(DESK)
    play(page, "day", "take your vehicle")
    page.run("window.scrollTo(0, 0)")
    page.wait(lambda: WHITE in page.pixels("1") and page.status(2) == "charging")
    picture(page, docs / "page-light.webp")
    stop(page)


def at_night(page: Page, docs: Path) -> None:
    """A stuck bolt, in the dark."""
    page.look(DESK, dark=True)
    play(page, "bolt", "Three tries")
    page.wait(lambda: page.pixels("1")[0] == "#800000" and page.count("#faults [data-fault=UnlockFailed]"))
    page.run("window.scrollTo(0, 0)")
    picture(page, docs / "page-dark.webp")
    stop(page)


def on_a_phone(page: Page, docs: Path) -> None:
    """The network has gone."""
    page.look(PHONE, dark=True, scale=1.5)
    play(page, "network", "vanish")
    page.wait(lambda: page.pixels("1")[0] == "#000080")
    page.run("window.scrollTo(0, 0)")
    picture(page, docs / "page-phone.webp")
    stop(page)


def conversation(page: Page, docs: Path, downloads: Path) -> None:
    """One visit, from the tap that starts it, as the page saves it."""
    page.look((1700, 930))
    page.run(
        "const first = [...visit.options].at(-1).value; visit.value = first; visit.dispatchEvent(new Event('change'))"
    )
    page.click("#save")
    page.wait(lambda: list(downloads.glob("*.svg")))
    shutil.move(next(downloads.glob("*.svg")), docs / "conversation.svg")


def main(docs: Path) -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as folder, Simulation(Path(folder), measured=False) as simulation:
        downloads = Path(folder) / "downloads"
        downloads.mkdir()
        driver = start_chromium(downloads)
        try:
            page = Page(driver, simulation.start().url).open()
            at_the_desk(page, docs)
            conversation(page, docs, downloads)
            page.open()
            at_night(page, docs)
            on_a_phone(page, docs)
        finally:
            driver.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
