"""Opens a TCP or TLS connection that can be given up at any moment.

Plain `socket.create_connection` and a TLS handshake block until their time is over, so stopping the station would wait
for a network that is not there. Here both are non-blocking and look every tenth of a second whether to go on.
"""

import errno
import os
import select
import socket
import ssl
from collections.abc import Callable
from functools import partial

from agent.clock import boottime
from agent.secret_files import UnusableFile
from agent.tls import Tls
from agent.tls.handshake import secured

LOOK_S = 0.1


class NotConnected(OSError):
    """No connection came about; try again later."""


def dial(
    host: str, port: int, *, timeout_s: float, given_up: Callable[[], bool], tls: Tls | None = None
) -> socket.socket:
    """Connect to `host:port`, address by address, within `timeout_s` after the name is looked up.

    Returns a non-blocking socket, with TLS if `tls` is given. Raises OSError: NotConnected, UnusableFile, or
    socket.gaierror. Only the look-up itself cannot be interrupted: it lasts as long as the system's resolver does.
    """
    last = NotConnected(f"{host} has no address: check the name")
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    until = boottime() + timeout_s
    for family, kind, protocol, _, address in addresses:
        try:
            connect = partial(_open, family, kind, protocol, address, until, given_up)
            if tls is None:
                return connect()
            return secured(tls, connect, host, partial(_shake, until=until, given_up=given_up))
        except UnusableFile:
            raise
        except OSError as error:
            last = error if isinstance(error, NotConnected) else NotConnected(f"{address[0]}: {error}")
    raise last


def _open(
    family: int, kind: int, protocol: int, address: object, until: float, given_up: Callable[[], bool]
) -> socket.socket:
    line = socket.socket(family, kind, protocol)
    try:
        line.setblocking(False)
        _connect(line, address, until, given_up)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        line.close()
        raise
    return line


def _connect(line: socket.socket, address: object, until: float, given_up: Callable[[], bool]) -> None:
    refused = line.connect_ex(address)  # type: ignore[arg-type]  # getaddrinfo's address, whatever its family
    if refused == errno.EINPROGRESS:
        _await([], [line], until, given_up)
        refused = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if refused:
        raise OSError(refused, os.strerror(refused))


def _shake(line: ssl.SSLSocket, until: float, given_up: Callable[[], bool]) -> None:
    while True:
        try:
            line.do_handshake()
        except ssl.SSLWantReadError:
            _await([line], [], until, given_up)
        except ssl.SSLWantWriteError:
            _await([], [line], until, given_up)
        else:
            return


def _await(reads: list[socket.socket], writes: list[socket.socket], until: float, given_up: Callable[[], bool]) -> None:
    """Wait until one can be read or written. Raises NotConnected when the time is over or somebody gives up."""
    while not given_up():
        if boottime() >= until:
            raise NotConnected("no answer in time: check the address, the network and the broker")
        if any(select.select(reads, writes, [], LOOK_S)):
            return
    raise NotConnected("given up: the station is stopping")
