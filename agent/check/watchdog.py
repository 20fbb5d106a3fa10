"""The hardware watchdog, which restarts a Pi that hangs; nobody is on site to do it."""

import re
from collections.abc import Iterator

from agent.check.finding import Finding, ok, warning
from agent.check.machine import Machine

PART = "watchdog"
NODE = "/dev/watchdog"
SETTING = re.compile(r"^\s*RuntimeWatchdogSec\s*=\s*(\S+)", re.MULTILINE)
SYSTEMD = "/etc/systemd/system.conf"
OFF = ("0", "off", "infinity")


def look(machine: Machine) -> Iterator[Finding]:
    """Whether there is one, and whether systemd feeds it (systemd-system.conf(5))."""
    if not machine.at(NODE).exists():
        yield warning(PART, f"there is no {NODE}", "put dtparam=watchdog=on into /boot/firmware/config.txt and reboot")
        return
    drop_ins = sorted(machine.at(f"{SYSTEMD}.d").glob("*.conf"))
    texts = [machine.text(SYSTEMD), *(machine.text(str(file.relative_to(machine.root))) for file in drop_ins)]
    found = [value for text in texts for value in SETTING.findall(text)]
    if not found or found[-1] in OFF:
        mend = f"set RuntimeWatchdogSec=14 in {SYSTEMD} and reboot"
        yield warning(PART, "a Pi that hangs is not restarted, as RuntimeWatchdogSec is off", mend)
    else:
        yield ok(PART, f"restarts a Pi that hangs for {found[-1]} (RuntimeWatchdogSec)")
