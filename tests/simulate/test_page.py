"""The station page of a simulated station, served by its world: it goes on over every death of the agent."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.page import Onlooker, Page, Step, arrows
from support.simulation import CARD, Simulation

pytestmark = pytest.mark.covered


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with Simulation(tmp_path) as simulation:
        yield simulation.start()


def lives(steps: list[Step]) -> list[str]:
    """What the conversation says of the agent itself, without its numbers."""
    return [step["title"].partition(",")[0] for step in steps if step["kind"] == "agent"]


def test_the_plug_is_pulled_and_the_conversation_goes_on(simulation: Simulation) -> None:
    page = Page(simulation.url)
    onlooker = Onlooker(page)
    about = page.get("/api/page")
    assert (about["simulated"], about["stationId"], about["slots"]) == (True, "ST-42", [1, 2])
    simulation.tap()
    simulation.wait(lambda: "station > broker: session-started" in arrows(page.steps()))
    before = page.steps()
    bolt = page.get("/api/world")["slots"][0]["bolt"]

    pid = onlooker.of("agent")[-1]["pid"]
    assert onlooker.of("agent")[-1] == {"alive": True, "pid": simulation.children()["agent"]}
    assert page.ask("/api/agent/kill", "POST").status_code == 204
    simulation.wait(lambda: onlooker.of("agent")[-1]["alive"] and onlooker.of("agent")[-1]["pid"] != pid)
    assert {"alive": False, "pid": None} in onlooker.of("agent")
    assert page.get("/api/world")["slots"][0]["bolt"] == bolt == "locked", "the bolts stay where they are"
    simulation.wait(lambda: "the agent is back; sessions under way: 1" in " ".join(arrows(page.steps())))
    steps = page.steps()
    assert steps[: len(before)] == before
    assert lives(steps) == ["the agent was started", "the agent has died (SIGKILL)", "the agent was started"]
    assert page.get("/api/history")["slots"]["1"]["last"][0]["until"] is None

    simulation.tap()
    simulation.wait(lambda: "station > broker: session-ended" in arrows(page.steps()))
    simulation.wait(simulation.settled)
    steps = page.steps()
    assert all(one["id"] < other["id"] for one, other in pairwise(steps))
    by_id = {step["id"]: step for step in steps}
    answered = [(by_id[step["re"]], step) for step in steps if step["re"] is not None]
    assert len(answered) > 16
    assert all(call["to"] == answer["from"] and call["visit"] == answer["visit"] for call, answer in answered)
    assert {step["visit"] for step in steps} == {None, "V-1", "V-2"}
    late = Onlooker(page, last=before[-1]["id"])
    simulation.wait(lambda: len(late.of("step")) >= len(steps) - len(before))
    assert late.of("step")[0]["id"] == steps[len(before)]["id"]


def test_the_supplier_takes_its_time_and_is_hurried(simulation: Simulation) -> None:
    page = Page(simulation.url)
    assert page.ask("/api/supplier/delay", "PUT", json={"ms": 300}).status_code == 204
    simulation.tap()
    simulation.wait(lambda: "station > broker: session-started" in arrows(page.steps()))
    answers = [step for step in page.steps() if step["kind"] == "answer" and step["from"] == "supplier"]
    assert len(answers) == 5
    assert all(step["ms"] >= 300 for step in answers)
    assert page.ask("/api/supplier/delay", "PUT", json={"ms": 30_000}).status_code == 204
    onlooker = Onlooker(page)
    assert page.ask("/api/reader/taps", "POST", json={"uid": CARD}).status_code == 202
    simulation.wait(lambda: any(call["name"] == "ask" for call in onlooker.of("call")))
    assert page.ask("/api/supplier/delay", "PUT", json={"ms": 0}).status_code == 204
    simulation.wait(simulation.settled)


def test_what_is_broken_and_what_the_supplier_knows_is_told(simulation: Simulation) -> None:
    page = Page(simulation.url)
    onlooker = Onlooker(page)
    simulation.wait(lambda: onlooker.of("switches") and onlooker.of("supplier"))
    assert not any(onlooker.of("switches")[-1].values())
    simulation.fault("lock-jammed-1", on=True)
    simulation.wait(lambda: onlooker.of("switches")[-1]["lock-jammed-1"])
    assert page.ask(f"/api/supplier/cards/{CARD}", "PUT", json={"standing": "blocked"}).status_code == 204
    simulation.wait(lambda: onlooker.of("supplier")[-1]["cards"] == {CARD: "blocked"})
    simulation.tap()
    simulation.wait(lambda: "card-refused" in " ".join(arrows(page.steps())))
    simulation.wait(lambda: any("#800000" in colours for told in onlooker.of("lights") for colours in told["main"]))


def test_the_pages_files_come_with_their_policy(simulation: Simulation) -> None:
    page = Page(simulation.url)
    answer = page.ask("/page/sign-in.css")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-cache"
    assert page.ask("/page/sign-in.css", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    for path in ("/page/..%2ffiles.py", "/page/%2e%2e%2ffiles.py", "/page/", "/page/nothing.js", "/page/.hidden.js"):
        assert page.ask(path).status_code == 404
