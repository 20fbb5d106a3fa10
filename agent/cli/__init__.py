"""The command line: `station-agent`. Each command imports what it needs when it runs, so the daemon stays small."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agent.version import VERSION

CONFIG = Path("/etc/station-agent/station.toml")
WRONG_USAGE = 2
FIVE = 5
FILE = click.Path(exists=True, dir_okay=False)

version_option = click.version_option(VERSION, prog_name="station-agent")
config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIG,
    show_default=True,
    help="The station's config.",
)


@contextmanager
def told_errors() -> Iterator[None]:
    """Errors that the user can mend end the command with their sentence: 2 for usage and config, 1 for the rest."""
    from agent.cli.errors import EXPECTED, USAGE

    try:
        yield
    except EXPECTED as error:
        click.echo(f"station-agent: {error}", err=True)
        sys.exit(WRONG_USAGE if isinstance(error, USAGE) else 1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def main() -> None:
    """The software of an EV charging station."""


@main.command()
@config_option
@version_option
def run(config_file: Path) -> None:
    """Run the station: the daemon that systemd starts."""
    from agent.cli.run import run_station

    with told_errors():
        sys.exit(run_station(config_file))


@main.command()
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, help="Where the JSON API listens; loopback only."
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Another simulated station."
)
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where the simulated station remembers itself."
)
@click.option("--fresh", is_flag=True, help="Forget everything that was remembered.")
@version_option
def simulate(listen: str, config_file: Path | None, state: Path | None, fresh: bool) -> None:
    """Run a whole station on this machine: chips, supplier, broker and all."""
    stop = stop_on_signals()
    from agent.cli.simulate import run_simulation

    with told_errors():
        run_simulation(listen, config_file, state, fresh=fresh, stop=stop)


@main.command("simulate-supplier")
@click.option("--listen", default="127.0.0.1:8081", show_default=True, help="Where the simulated supplier listens.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where it keeps its books; else in memory."
)
@click.option("--slots", default=2, show_default=True, type=click.IntRange(1, 64), help="Slots of each station.")
@version_option
def simulate_supplier(listen: str, state: Path | None, slots: int) -> None:
    """Run only the simulated supplier, for a bench with real hardware."""
    stop = stop_on_signals()
    from agent.cli.simulate import run_supplier

    with told_errors():
        run_supplier(listen, state, range(1, slots + 1), stop)


@main.command()
@click.option("--socket", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where it listens.")
@click.option("--user", default="station-agent", show_default=True, help="Who may send frames, beside root.")
@click.option("--child", is_flag=True, hidden=True)
@version_option
def lights(socket: Path, user: str, child: bool) -> None:
    """Put frames on a ws281x strip: the root process beside `run`."""
    from agent.cli.lights import run_lights

    sys.exit(run_lights(socket, user, child=child))


@main.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON, as on the topic `state`.")
@version_option
def status(config_file: Path, as_json: bool) -> None:
    """Show slots, sessions, faults and what is owed."""
    from agent.cli.status import show_status

    with told_errors():
        show_status(config_file, as_json=as_json)


@main.command()
@config_option
@click.option("--local", is_flag=True, help="Leave the network out: supplier and broker.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--move", is_flag=True, help="Try each part too, asking first; for while no agent runs.")
@version_option
def check(config_file: Path, local: bool, as_json: bool, move: bool) -> None:
    """Look at every part of the station, and say what to mend."""
    from agent.check.machine import Machine
    from agent.cli.check import check_station

    with told_errors():
        sys.exit(check_station(config_file, Machine.here(), local=local, as_json=as_json, move=move))


@main.command()
@config_option
@click.option("--svg", "drawing", metavar="FILE", default="", help="Write a drawing to FILE instead; - prints it.")
@version_option
def wiring(config_file: Path, drawing: str) -> None:
    """Show which wire goes to which pin of the 40-pin header."""
    from agent.cli.wiring import show_wiring

    with told_errors():
        show_wiring(config_file, drawing)


@main.command()
@click.argument("slot", type=click.IntRange(1))
@click.option("--force", is_flag=True, help="Also while its session goes on; it stays open until that ends.")
@config_option
@version_option
def unlock(slot: int, force: bool, config_file: Path) -> None:
    """Open a slot that is free, held or stuck."""
    from agent.cli import onsite

    with told_errors():
        onsite.unlock(config_file, slot, force=force)


@main.command()
@click.argument("session")
@config_option
@version_option
def end(session: str, config_file: Path) -> None:
    """End a session as its card would."""
    from agent.cli import onsite

    with told_errors():
        onsite.end(config_file, session)


@main.command("clear-fault")
@click.argument("code")
@click.argument("slot", type=click.IntRange(1), required=False)
@config_option
@version_option
def clear_fault(code: str, slot: int | None, config_file: Path) -> None:
    """Say that a fault, of a slot or of the station, is mended."""
    from agent.cli import onsite

    with told_errors():
        onsite.clear_fault(config_file, code, slot or 0)


@main.group()
@version_option
def owed() -> None:
    """Look after what was set aside because supplier or broker refused it."""


@owed.command("list")
@config_option
@version_option
def owed_list(config_file: Path) -> None:
    """Show what was set aside, and why."""
    from agent.cli import onsite

    with told_errors():
        onsite.owed_list(config_file)


@owed.command("retry")
@click.argument("name", metavar="ID")
@config_option
@version_option
def owed_retry(name: str, config_file: Path) -> None:
    """Send something again: what was refused as a new act, under a new key."""
    from agent.cli import onsite

    with told_errors():
        onsite.owed_retry(config_file, name)


@owed.command("drop")
@click.argument("name", metavar="ID")
@config_option
@version_option
def owed_drop(name: str, config_file: Path) -> None:
    """Forget something; what depends on it goes too, and is named."""
    from agent.cli import onsite

    with told_errors():
        onsite.owed_drop(config_file, name)


@main.command()
@click.argument("words", nargs=-1, required=True, metavar="STATION NAME [ARGS]...")
@click.option("--station", metavar="ID", help="The station, if it is not the first word.")
@click.option("--force", is_flag=True, help="For unlock: also while a session goes on.")
@click.option(
    "--id", "command_id", default="", help="Ask again for what was asked under this id; it is not done twice."
)
@click.option("--broker", default="mqtt://127.0.0.1:1883", show_default=True, help="The broker, mqtt:// or mqtts://.")
@click.option("--username", default="", help="Your user name at the broker.")
@click.option("--password-file", type=FILE, help="A file with its password.")
@click.option("--ca-file", type=FILE, help="The broker's own CA.")
@click.option("--cert-file", type=FILE, help="Your client certificate.")
@click.option("--key-file", type=FILE, help="Its key.")
@click.option("--insecure", is_flag=True, help="Allow mqtt:// to another machine.")
@click.option("--protocol", default=5, show_default=True, type=click.IntRange(4, 5), help="4 is MQTT 3.1.1.")
@version_option
def command(
    *,
    words: tuple[str, ...],
    station: str | None,
    force: bool,
    command_id: str,
    broker: str,
    username: str,
    password_file: str | None,
    ca_file: str | None,
    cert_file: str | None,
    key_file: str | None,
    insecure: bool,
    protocol: int,
) -> None:
    """Ask a station for something over MQTT, and print its reply.

    NAME is ping, unlock SLOT, end SESSION, lights TARGET ACTION [COLOR] [MS], availability [SLOT] on|off,
    clear-fault CODE [SLOT], restart or diagnostics; ARGS may be JSON too.
    """
    from agent.cli import operator

    files = {
        "password_file": password_file or "",
        "ca_file": ca_file or "",
        "client_cert_file": cert_file or "",
        "client_key_file": key_file or "",
    }
    with told_errors():
        settings = operator.broker_settings(broker, username, files, insecure=insecure, five=protocol == FIVE)
        operator.command(station, words, settings, command_id, force=force)


@main.command("safe-state")
@config_option
@click.option("--let-go", is_flag=True, help="Withdraw power permits and let held solenoids go too.")
@click.option("--wait", "wait_s", metavar="SECONDS", type=click.FloatRange(0), default=0.0, help="For an agent to end.")
@version_option
def safe_state(config_file: Path, let_go: bool, wait_s: float) -> None:
    """Put motor lines low and lights out, when no agent runs: for systemd's ExecStopPost=."""
    from agent.cli.safe_state import make_station_safe

    with told_errors():
        make_station_safe(config_file, let_go=let_go, wait_s=wait_s)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set.

    SIGTTIN is ignored: in the background nothing can be typed, and that is no reason to stand still.
    """
    from agent.signals import on_signals

    stop = threading.Event()
    on_signals(stop.set)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    return stop
