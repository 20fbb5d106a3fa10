"""`unlock`, `end`, `clear-fault` and `owed`: help on site, also without a network."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.errors import Failed
from agent.cli.run import runtime_directory
from agent.config import load
from agent.config.places import JOURNAL
from agent.control import NoAgent, ask_once
from agent.desk import ANSWER_S
from agent.journal import Journal
from agent.journal.aside import aside_report

PATIENCE_S = ANSWER_S + 5.0


def tell(config_file: Path, command: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have the running agent do something; gives its result. Raises ConfigError, ControlError, Failed."""
    runtime = runtime_directory(load(config_file).station.state_dir)
    answer = ask_once(runtime, command, PATIENCE_S, args=args)
    if not answer.get("ok"):
        problem = answer.get("problem", {})
        raise Failed(f"{problem.get('title', 'Not Done')}: {problem.get('detail', 'the agent did not say why.')}")
    result: Mapping[str, Any] = answer.get("result", {})
    return result


def unlock(config_file: Path, slot: int, *, force: bool) -> None:
    """Open a slot, and say what its sensor shows."""
    result = tell(config_file, "unlock", {"slotNumber": slot, "force": force})
    click.echo(f"slot {slot}: {opened(result)}")


def end(config_file: Path, session: str) -> None:
    """End a session, and say what the sensor shows."""
    result = tell(config_file, "end", {"sessionId": session})
    click.echo(f"session {session} has ended; slot {result['slotNumber']}: {opened(result)}")


def opened(result: Mapping[str, Any]) -> str:
    """What a sensor shows after a move."""
    return "opened; it has no sensor" if result["seen"] == "unknown" else f"opened, its sensor shows {result['seen']}"


def clear_fault(config_file: Path, code: str, slot: int) -> None:
    """Clear a fault."""
    tell(config_file, "clear-fault", {"code": code, "slotNumber": slot})
    click.echo(f"{code} cleared; a cause that is still there raises it again")


def owed_list(config_file: Path) -> None:
    """Show what was set aside: as the agent says, or else its journal."""
    try:
        rows: Sequence[Mapping[str, Any]] = tell(config_file, "owed-list", {})["owed"]
    except NoAgent:
        rows = journaled(config_file)
    click.echo("\n".join(lines(rows)))


def journaled(config_file: Path) -> Sequence[Mapping[str, Any]]:
    """What the journal has set aside. Raises ConfigError, JournalError."""
    journal = Journal(load(config_file).station.state_dir / JOURNAL, read_only=True)
    try:
        return aside_report(journal.aside())
    finally:
        journal.close()


def lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was set aside, for people."""
    if not rows:
        yield "nothing is set aside"
    for row in rows:
        whose = f" of session {row['session']}" if row["session"] else ""
        with_it = f"; with it: {', '.join(row['dependants'])}" if row["dependants"] else ""
        yield f"{row['id']}: {row['what']}{whose} to the {row['to']}, since {row['since']}: {row['reason']}{with_it}"


def owed_retry(config_file: Path, name: str) -> None:
    """Send something again."""
    result = tell(config_file, "owed-retry", {"id": name})
    click.echo(f"{', '.join(result['retried'])}: owed again")


def owed_drop(config_file: Path, name: str) -> None:
    """Forget something, and what depends on it."""
    result = tell(config_file, "owed-drop", {"id": name})
    first, *with_it = result["dropped"]
    click.echo(f"{first}: dropped" + (f", and with it {', '.join(with_it)}" if with_it else ""))
