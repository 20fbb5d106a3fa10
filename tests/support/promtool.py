"""Prometheus's own tool, from Debian's package `prometheus`."""

import subprocess
from pathlib import Path
from typing import Any

import yaml


def promtool(*words: str | Path, said: str = "") -> "subprocess.CompletedProcess[str]":
    """Run it; `said` is its standard input."""
    return subprocess.run(
        ["promtool", *map(str, words)], input=said, capture_output=True, text=True, check=False, timeout=60
    )


def complaints(done: "subprocess.CompletedProcess[str]") -> str:
    """Everything it said if it was not content, else nothing."""
    return done.stdout + done.stderr if done.returncode else ""


def check_expressions(folder: Path, expressions: list[str]) -> str:
    """What it has to say against these, as the rules of a file."""
    rules = [{"record": f"expression:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = folder / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "expressions", "rules": rules}]}), encoding="utf-8")
    return complaints(promtool("check", "rules", file))


def stories_file(folder: Path, rules: Path, tests: list[dict[str, Any]]) -> Path:
    """A file for `promtool test rules`."""
    file = folder / "tests.yml"
    whole = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return file
