"""Whether this user may open the device nodes that the station needs."""

from collections.abc import Iterator

from agent.check.finding import Finding, failed, ok
from agent.check.machine import Machine
from hardware.wiring import Wiring

PART = "rights"


def look(wiring: Wiring, machine: Machine) -> Iterator[Finding]:
    """Each group that is missing; nodes that are missing themselves are told by who opens them."""
    if machine.is_root:
        yield ok(PART, f"{machine.user} may open everything")
        return
    nodes = {"gpio": "/dev/gpiochip0", "spi": f"/dev/spidev{wiring.reader.spi_bus}.{wiring.reader.spi_device}"}
    missing = [group for group, node in nodes.items() if machine.at(node).exists() and group not in machine.groups]
    for group in missing:
        mend = f"sudo usermod -aG {group} {machine.user}, and log in again"
        yield failed(PART, f"{machine.user} is not in group {group}, which {nodes[group]} belongs to", mend)
    if not missing:
        yield ok(PART, f"{machine.user} is in the groups {' and '.join(nodes)}")
