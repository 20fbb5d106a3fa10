"""The pages: what they name is there, and every link leads somewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

CLONE = Path(__file__).parent.parent
PAGES = [*sorted((CLONE / "docs").glob("*.md")), *sorted(CLONE.glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_test_that_a_page_names_is_there(page: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (CLONE / file).read_text(encoding="utf-8"), f"{page.name} names {file}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}: no such heading"


def test_the_sheet_for_drivers_is_a_page_of_a4_that_knows_every_light() -> None:
    sheet = CLONE / "docs" / "driver-sheet.svg"
    root = ElementTree.fromstring(sheet.read_text(encoding="utf-8"))  # noqa: S314  our own
    assert (root.get("width"), root.get("height")) == ("210mm", "297mm")
    said = " ".join("".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text"))
    states = ("Card read", "Please wait", "Charging", "Finished", "No slot free", "Not accepted", "Two cards at once")
    assert [state for state in states if state not in said] == []
    assert said.count("not in service") == 2
