"""Telling systemd how the service is doing (sd_notify(3)); without systemd, nothing happens."""

import logging
import os
import socket

log = logging.getLogger(__name__)


def watchdog_s() -> float | None:
    """Within how many seconds systemd wants signs of life of this process; None if it wants none."""
    given, whose = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not given.isdigit() or int(given) == 0 or (whose and whose != str(os.getpid())):
        return None
    return int(given) / 1_000_000


def notify(state: str) -> None:
    """Send one datagram such as `READY=1` to `$NOTIFY_SOCKET`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.connect("\0" + address[1:] if address.startswith("@") else address)
            line.sendall(state.encode())
    except OSError as error:
        log.warning("systemd could not be told %s at %s: %s", state, address, error)
