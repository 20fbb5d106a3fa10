"""The bound on the agent's memory, which the kernel of Raspberry Pi OS keeps only if its command line says so."""

from collections.abc import Iterator

from agent.check.finding import Finding, ok, warning
from agent.check.machine import Machine
from hardware.boot import KERNEL_WORDS

PART = "memory"
CONTROLLERS = "/sys/fs/cgroup/cgroup.controllers"
"""Linux, Documentation/admin-guide/cgroup-v2.rst: what the kernel can bound."""
COMMAND_LINES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")


def look(machine: Machine) -> Iterator[Finding]:
    """Whether the unit's MemoryMax counts."""
    if "memory" in machine.text(CONTROLLERS).split():
        yield ok(PART, "a leak ends in a new start and takes no more (MemoryMax)")
        return
    written = next(filter(None, map(machine.text, COMMAND_LINES)), "").split()
    missing = " ".join(word for word in KERNEL_WORDS if word not in written)
    mend = f"add {missing} to the one line of {COMMAND_LINES[0]} and reboot" if missing else "reboot"
    yield warning(PART, "a leak could take the whole Pi, as its kernel bounds no service's memory", mend)
