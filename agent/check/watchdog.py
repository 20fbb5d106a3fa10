"""The hardware watchdog, which restarts a Pi that hangs; nobody is on site to do it (docs/watchdog.md)."""

import re
from collections.abc import Iterator

from agent.check.finding import Finding, ok, warning
from agent.check.machine import Machine

PART = "watchdog"
NODE = "/dev/watchdog"
STATE = "/sys/class/watchdog/watchdog0/state"
"""Linux, Documentation/ABI/testing/sysfs-class-watchdog; not every kernel has it."""
SETTING = re.compile(r"^[ \t]*RuntimeWatchdogSec[ \t]*=[ \t]*(\S*)", re.MULTILINE)
FOLDERS = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
"""Where systemd-system.conf(5) looks, the strongest last: of two drop-ins with one name the later folder's counts."""
CONFIG = "system.conf"
OFF = re.compile(r"off|infinity|0+[a-z]*|", re.IGNORECASE)


def look(machine: Machine) -> Iterator[Finding]:
    """Whether there is one, whether systemd is to feed it, and whether it does."""
    if not machine.at(NODE).exists():
        yield warning(PART, f"there is no {NODE}", "put dtparam=watchdog=on into /boot/firmware/config.txt and reboot")
        return
    patience = setting(machine)
    if OFF.fullmatch(patience):
        mend = f"set RuntimeWatchdogSec=14 in {FOLDERS[-1]}/{CONFIG} and reboot"
        yield warning(PART, "a Pi that hangs is not restarted, as RuntimeWatchdogSec is off", mend)
    elif machine.text(STATE).strip() == "inactive":
        yield warning(PART, f"RuntimeWatchdogSec is {patience}, but nobody feeds the watchdog yet", "reboot")
    else:
        yield ok(PART, f"restarts a Pi that hangs for {patience} (RuntimeWatchdogSec)")


def setting(machine: Machine) -> str:
    """What RuntimeWatchdogSec says; empty if nothing does."""
    mains = [text for folder in FOLDERS if (text := machine.text(f"{folder}/{CONFIG}"))]
    drop_ins = {file.name: file for folder in FOLDERS for file in machine.at(f"{folder}/{CONFIG}.d").glob("*.conf")}
    paths = [str(drop_ins[name].relative_to(machine.root)) for name in sorted(drop_ins)]
    texts = [*mains[-1:], *map(machine.text, paths)]
    found = [each.group(1) for text in texts for each in SETTING.finditer(text)]
    return found[-1] if found else ""
