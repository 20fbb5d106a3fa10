"""Where an installed station stands: its machine, and everything beside it."""

import os
from contextlib import ExitStack
from pathlib import Path

from support.installed import CONFIG, PORTS, STATE, WORLD, Station
from support.machine import Machine, Surroundings, network


def lead_to_world(state: Path) -> Path:
    """Let who looks for the world in this folder find it where it is."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "world.sock").symlink_to(f"{WORLD}/world.sock")
    return state


def drop_in(root: Path, name: str, *lines: str) -> None:
    """Add to the agent's unit on this machine, before it boots."""
    file = root / "etc/systemd/system/station-agent.service.d" / f"{name}.conf"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(["[Service]", *lines, ""]))


class Site:
    """`with Site(root) as station:` a machine that boots from `root`, beside it what a station needs.

    `state`: the folder of the host that is its state_dir, else one in `root`. `config`: what else its config should be.
    `options` are those of support/beside.py.
    """

    def __init__(self, root: Path, state: Path | None = None, config: str = CONFIG, *options: str) -> None:
        self._root = root
        self._config = config
        self._options = options
        self._bound = {state: STATE} if state and not state.is_relative_to(root) else {}
        self._life = ExitStack()

    def __enter__(self) -> Station:
        with ExitStack() as life:
            name = f"station-test-{os.getpid()}"
            config = self._root / "srv" / "station.toml"
            config.write_text(self._config)
            installed = self._root / "etc/station-agent/station.toml"
            if installed.exists():
                installed.write_text(self._config)
            if (self._root / "etc/debian_version").read_text().startswith("12"):
                # systemd-nspawn's own does not reach its services; from Debian 13 on it does, and bears nothing on top
                drop_in(self._root, "boot", "BindReadOnlyPaths=/srv/boot_id:/proc/sys/kernel/random/boot_id")
            machine = Machine(self._root, name, on=life.enter_context(network(name)), bound=self._bound)
            beside = life.enter_context(Surroundings(machine, config, WORLD, *PORTS, *self._options))
            beside.ask("where")
            life.enter_context(machine)
            self._life = life.pop_all()
        return Station(machine, beside)

    def __exit__(self, *exc: object) -> None:
        self._life.close()
