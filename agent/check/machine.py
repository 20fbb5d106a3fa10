"""The machine that the station runs on, as far as a doctor looks around on it: device nodes, groups, boot settings."""

import ctypes
import grp
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BOOT_CONFIGS = ("/boot/firmware/config.txt", "/boot/config.txt")
GPIO_HANDLE = re.compile(r"anon_inode:\[?gpio-line|/dev/gpiochip\d+$")
"""What a process has open that holds a line, or may claim one (linux/drivers/gpio/gpiolib-cdev.c)."""
FOR_ALL = "[all]"

TIME_ERROR = 5
TIMEX_BYTES = 512
"""More than any kernel's struct timex, of which only the modes (0: read) are given."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`root` is where its files are, `user` who looks, with these `groups`.

    `synchronised`: something keeps its clock right.
    """

    root: Path
    user: str
    is_root: bool
    groups: frozenset[str]
    synchronised: bool

    @classmethod
    def here(cls) -> "Machine":
        """This machine, as this process may see it."""
        uid = os.geteuid()
        groups = frozenset(_group(number) for number in {os.getegid(), *os.getgroups()})
        return cls(Path("/"), _user(uid), uid == 0, groups, clock_is_kept())

    def at(self, path: str) -> Path:
        """Where one of the machine's own paths is to be found."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str:
        """What stands in a file; empty if it cannot be read."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def boot_settings(self) -> tuple[str, ...]:
        """The lines of config.txt that count on every board, without comments (raspberrypi.com, "config.txt")."""
        text = next(filter(None, map(self.text, BOOT_CONFIGS)), "")
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        return tuple(_unconditional(filter(None, lines)))

    def gpio_users(self) -> tuple[str, ...]:
        """Other processes that have GPIO lines open, as far as this user may see: "process 812 (python3 relay.py)"."""
        found = (self._gpio_user(process) for process in sorted(self.at("/proc").glob("[0-9]*")))
        return tuple(filter(None, found))

    def _gpio_user(self, process: Path) -> str:
        try:
            if int(process.name) == os.getpid() or not any(map(_is_gpio, (process / "fd").iterdir())):
                return ""
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
        return f"process {process.name} ({command[:60]})"


def clock_is_kept() -> bool:
    """Whether the kernel believes that something keeps its clock right (adjtimex(2))."""
    return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)) not in (TIME_ERROR, -1)


def _is_gpio(link: Path) -> bool:
    return bool(GPIO_HANDLE.search(str(link.readlink())))


def _unconditional(lines: Iterator[str]) -> Iterator[str]:
    counts = True
    for line in lines:
        if line.startswith("["):
            counts = line == FOR_ALL
        elif counts:
            yield line


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
