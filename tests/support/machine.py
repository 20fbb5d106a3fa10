"""A fresh machine with Debian and systemd, booted in a container: for tests that install the station on it."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from support.mqtt import eventually

CACHE = Path(os.environ.get("STATION_TEST_CACHE", "/var/cache/station-agent-tests"))
CLONE = Path(__file__).parent.parent.parent
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,iproute2,procps"
CGROUPS = [Path("/sys/fs/cgroup", name) for name in ("systemd", "unified")]
NOT_LOOKED_AT = ("/proc", "/sys", "/dev", "/run", "/tmp", "/srv", "/var/log", "/var/tmp")
UP = ("running", "degraded")
BOOT_S = 60.0
REBOOTS = 133
"""How systemd-nspawn with --keep-unit ends when its machine reboots (EXIT_FORCE_RESTART)."""
BACKUPS = ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-")
"""What useradd(8) and its like leave of the files before."""
NSPAWN = """
for folder in "$@"; do mkdir -p "$folder"; echo $$ >"$folder/cgroup.procs"; done
exec systemd-nspawn --directory="$ROOT" --register=no --keep-unit $OPTIONS --machine="$NAME" \
    --console=passive --kill-signal=SIGRTMIN+3 --boot
"""
NETWORKS = Path("/run/netns")


def debian(release: str) -> Path:
    """The files of a fresh Debian, made once with mmdebstrap; a minute or two, and a network."""
    root = CACHE / release
    if not root.exists():
        CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = CACHE / f"{release}.making"
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(making)],
            check=True,
        )
        making.rename(root)
    return root


@contextmanager
def memory(folder: Path, size: str = "50%") -> Iterator[Path]:
    """The new folder, held in memory; `size` as in tmpfs(5)."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "station-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def mounted(lower: Path, folder: Path) -> Iterator[Path]:
    """A copy of `lower` that is written to in memory only."""
    merged = folder / "root"
    merged.mkdir()
    with memory(folder / "memory") as written:
        for name in ("upper", "work"):
            (written / name).mkdir()
        options = f"lowerdir={lower},upperdir={written}/upper,workdir={written}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)
        try:
            yield merged
        finally:
            subprocess.run(["umount", "--lazy", str(merged)], check=True)


@contextmanager
def network(name: str) -> Iterator[Path]:
    """A network of its own with nothing but loopback, which outlives the machines on it (ip-netns(8))."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield NETWORKS / name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


class Machine:
    """`with Machine(root, name) as machine:` boots it without a network, and cuts its power at the end.

    `on`: the network it is on, else one that ends with it. `bound`: folders of the host, each with its place in there.
    In /srv/boot_id stands another id at each boot, as the kernel gives one on metal (support/site.py).
    """

    def __init__(
        self, root: Path, name: str, *, on: Path | None = None, bound: Mapping[Path, str] | None = None
    ) -> None:
        self.root = root
        self.name = name
        self._on = on
        self._options = [f"--network-namespace-path={on}" if on else "--private-network"]
        self._options += [f"--bind={folder}:{place}" for folder, place in (bound or {}).items()]
        self._cgroups = [each / name for each in CGROUPS if each.is_dir()]

    @property
    def network(self) -> Path:
        """The network it is on."""
        return self._on or Path(f"/proc/{self.leader()}/ns/net")

    def __enter__(self) -> Self:
        (self.root / "srv" / "boot_id").write_text(f"{uuid.uuid4()}\n")
        environment = {
            **os.environ,
            "ROOT": str(self.root),
            "NAME": self.name,
            "OPTIONS": " ".join(self._options),
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
        }
        self.nspawn = subprocess.Popen(
            ["/bin/sh", "-ec", NSPAWN, "boot", *map(str, self._cgroups)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert eventually(self._has_booted, BOOT_S), "the machine does not boot"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if self.leader():
            os.kill(self.leader(), signal.SIGKILL)
        else:
            self.nspawn.kill()
        self.nspawn.wait(20)
        for each in self._cgroups:
            folders = sorted((path for path in each.rglob("*") if path.is_dir()), reverse=True)
            for folder in [*folders, each]:
                folder.rmdir()

    def cut(self) -> None:
        """Cut its power: everything in it is gone at once. `boot` goes on from there."""
        self.__exit__()

    def boot(self) -> None:
        """Switch it on again; returns when it has booted."""
        self.__enter__()

    def reboot(self) -> None:
        """Restart it as somebody at its keyboard does; returns when it has booted again."""
        self.run("systemctl", "reboot")
        assert self.nspawn.wait(BOOT_S) == REBOOTS, "the machine does not go down"
        self.__exit__()
        self.boot()

    def leader(self) -> int:
        """The process on the host that is its systemd; 0 if there is none."""
        found = subprocess.run(["pgrep", "-P", str(self.nspawn.pid)], capture_output=True, text=True, check=False)
        return int(found.stdout.split()[0]) if found.stdout else 0

    def _has_booted(self) -> bool:
        return bool(self.leader()) and self.run("systemctl", "is-system-running", check=False).strip() in UP

    def inside(self, *command: str) -> list[str]:
        """The command that runs `command` in it."""
        enter = ["nsenter", "--target", str(self.leader()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        clean = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        return [*enter, "--", *clean, *command]

    def run(self, *command: str, check: bool = True) -> str:
        """What a command in it said; fails the test if it failed and `check`."""
        done = subprocess.run(
            self.inside(*command), capture_output=True, text=True, check=False, timeout=240, stdin=subprocess.DEVNULL
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def fails(self, *command: str) -> str:
        """What a command in it said that has to fail."""
        done = self.run("sh", "-c", '"$@"; echo "status $?"', "sh", *command)
        assert not done.rstrip().endswith("status 0"), done
        return done

    def files(self) -> dict[str, str]:
        """Every path with its kind, rights, owner and link, where nothing but installing writes."""
        pruned = " -o ".join(f"-path {path}" for path in (*NOT_LOOKED_AT, *BACKUPS))
        found = self.run("sh", "-c", rf"find / -xdev \( {pruned} \) -prune -o -printf '%p\t%y %m %u:%g %l\n'")
        return dict(line.split("\t", 1) for line in found.splitlines())


class Surroundings:
    """The world, supplier and broker beside a machine's station, in a process on its network (support/beside.py)."""

    def __init__(self, machine: Machine, config: Path, state: str, *options: str) -> None:
        """`options` are those of support/beside.py."""
        enter = ["nsenter", f"--net={machine.network}", "--"]
        folder = machine.root / state.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        python = shutil.which("python3") or "python3"
        self._process = subprocess.Popen(
            [*enter, python, "-m", "support.beside", str(config), str(folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{CLONE}:{CLONE / 'tests'}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def ask(self, *words: str) -> Any:
        """One thing that it can do."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
