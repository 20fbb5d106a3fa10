"""The Grafana dashboard: it is one, and everything it asks Prometheus for can be asked for."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from support.promtool import check_expressions

from agent.config.places import config_file

FILE = config_file("grafana/station.json")
COLUMNS = 24
KINDS = {"row", "stat", "timeseries", "table", "state-timeline"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return list(dashboard()["panels"])


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (each["expr"] for each in dashboard()["annotations"]["list"])


def asked() -> list[str]:
    """The expressions as Grafana asks them, once its variables have values."""
    return [each.replace("$__rate_interval", "2m").replace("$instance", "a|b") for each in expressions()]


def test_it_can_be_imported_as_it_is() -> None:
    found = dashboard()
    assert found["title"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", found["uid"])
    assert found["schemaVersion"] >= 36, "what Grafana 9 and newer read"
    assert "id" not in found, "it gets one from the Grafana that imports it"
    assert [each["name"] for each in found["templating"]["list"]] == ["datasource", "instance"]


def test_every_panel_has_a_kind_a_title_and_a_source() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert panel["type"] in KINDS
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"] == SOURCE
            assert panel["targets"], panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
            assert all(target["datasource"] == SOURCE for target in panel["targets"])


def test_panels_stand_in_the_grid_and_none_on_another() -> None:
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS, panel["title"]
    for one, other in combinations(panels(), 2):
        assert apart(one["gridPos"], other["gridPos"]), f"{one['title']} covers {other['title']}"


def apart(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    return beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    assert all("$" not in each for each in asked()), "a variable that nobody fills"
    assert check_expressions(tmp_path, asked()) == ""
    assert "could not parse" in check_expressions(tmp_path, ["sum by (a (b)"])


def test_every_expression_is_about_the_chosen_stations() -> None:
    for expression in expressions():
        names = re.findall(r"\b(?:station|process)_\w+", expression)
        assert names, expression
        assert expression.count('{instance=~"$instance"}') == len(names), expression
