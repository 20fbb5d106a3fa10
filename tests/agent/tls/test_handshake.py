"""A handshake that comes to nothing leaves no connection open."""

import gc
import socket

import pytest
from support.mqtt import eventually

from agent.tls import Tls
from agent.tls.handshake import NoTls, secured
from agent.tls.reasons import HUNG_UP


def reset() -> socket.socket:
    """A connection that its other side has reset, as a broker does that is killed before it has taken it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = socket.create_connection(server.getsockname())
    assert eventually(lambda: is_over(line))
    return line


def is_over(line: socket.socket) -> bool:
    try:
        line.getpeername()
    except OSError:
        return True
    return False


def test_a_connection_that_is_reset_already_is_closed_and_told() -> None:
    with pytest.raises(NoTls, match=HUNG_UP):
        secured(Tls(), reset, "localhost", lambda _: None)
    gc.collect()  # an open one would be a ResourceWarning now, which is an error here
