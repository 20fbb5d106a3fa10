"""Counts the points of the kill matrix and prints how many there were."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for name, title, what in (("kills", "kill matrix", "points"), ("lost answers", "lost answers", "calls")):
        counts = [value for report in reports for key, value in report.user_properties if key == name]
        if counts:
            done, passed = (sum(column) for column in zip(*counts, strict=True))
            terminalreporter.write_line(f"{title}: {done} {what} in {len(counts)} stories, {passed} passed")
