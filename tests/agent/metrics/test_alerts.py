"""The alert rules, by Prometheus's own tool: they load, each fires when it should and not a moment before."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from support.alert_cases import CASES, Series
from support.promtool import complaints, promtool, stories_file

from agent.config.places import config_file

RULES = config_file("prometheus/station-alerts.yml")


def alerts() -> list[Mapping[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[Mapping[str, Any]] = group["rules"]
    return rules


def minutes(rule: Mapping[str, Any]) -> int:
    """How long an alert is pending before it fires."""
    patience = str(rule.get("for", "0m"))
    assert re.fullmatch(r"\d+m", patience), "minutes are what these tests count"
    return int(patience[:-1])


def story(alert: str, series: Series, at: int, *, fires: bool) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    return {
        "name": f"{alert} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}
        ],
    }


def test_prometheus_takes_the_example_with_its_rules() -> None:
    assert complaints(promtool("check", "config", RULES.with_name("prometheus.yml"))) == ""


def test_prometheus_has_nothing_to_say_against_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert complaints(done) == ""
    assert f"{len(alerts())} rules found" in done.stdout


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    stories = []
    for case in CASES:
        stories.append(story(case.alert, case.fires, case.at, fires=True))
        stories.append(story(case.alert, case.quiet, case.at, fires=False))
    assert complaints(promtool("test", "rules", stories_file(tmp_path, RULES, stories))) == ""


def test_an_alert_waits_as_long_as_it_says(tmp_path: Path) -> None:
    stories = []
    patience = {rule["alert"]: minutes(rule) for rule in alerts()}
    for case in CASES:
        fires_at = case.begins + patience[case.alert]
        if patience[case.alert]:
            stories.append(story(case.alert, case.fires, fires_at - 1, fires=False))
            stories.append(story(case.alert, case.fires, fires_at, fires=True))
    assert complaints(promtool("test", "rules", stories_file(tmp_path, RULES, stories))) == ""


def test_a_rule_that_fires_too_early_or_never_would_be_told(tmp_path: Path) -> None:
    for fires in (True, False):
        case = CASES[0]
        series = case.quiet if fires else case.fires
        stories = [story(case.alert, series, case.at, fires=fires)]
        assert "FAILED" in complaints(promtool("test", "rules", stories_file(tmp_path, RULES, stories)))


def test_every_alert_has_its_cases_and_says_where_and_what_to_do() -> None:
    assert {rule["alert"] for rule in alerts()} == {case.alert for case in CASES}
    for rule in alerts():
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        summary = rule["annotations"]["summary"]
        assert "{{ $labels.instance }}" in summary, f"{rule['alert']} does not say where"
        assert re.search(r"[.:;!] \S|, \S", summary), f"{rule['alert']} does not say what to do"
