"""Makes a TLS line of a connection, or says in words why not."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.tls import Tls
from agent.tls.reasons import DATES, HUNG_UP, why

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class NoTls(OSError):
    """A connection was there, but no TLS came about over it; the sentence says why."""


class TlsLine(ssl.SSLSocket):
    """Remembers why it broke. `broke`: what reading or writing raised last, once that was an end.

    With TLS 1.3 the other side may refuse a client certificate after the handshake. Its alert then waits to be read,
    while whoever writes only learns that the connection is over.
    """

    broke: OSError | None = None

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """As a socket does."""
        try:
            return super().send(data, flags)
        except (ConnectionError, ssl.SSLEOFError) as error:
            self.broke = error
            self._read_alert()
            raise self.broke from error

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As a socket does."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError as error:
            self.broke = self.broke or error
            raise

    def _read_alert(self) -> None:
        with contextlib.suppress(OSError):
            try:
                super().recv(1)
            except ssl.SSLError as alert:
                self.broke = alert


def secured(
    tls: Tls, connect: Callable[[], socket.socket], host: str, shake: Callable[[ssl.SSLSocket], None]
) -> ssl.SSLSocket:
    """A line to `host` over what `connect` gives; `shake` carries the handshake out.

    Raises NoTls, UnusableFile before anything is connected, and what `connect` raises.
    """
    context = tls.context()
    plain = connect()
    try:
        return _shaken(context, plain, host, shake)
    except ssl.SSLCertVerificationError as error:
        certificate = _certificate(tls, connect, host, shake) if error.verify_code in DATES else {}
        raise NoTls(why(error, host, certificate)) from error
    except ConnectionError as error:
        raise NoTls(HUNG_UP) from error
    except ssl.SSLError as error:
        raise NoTls(why(error, host)) from error


def _shaken(
    context: ssl.SSLContext, plain: socket.socket, host: str, shake: Callable[[ssl.SSLSocket], None]
) -> ssl.SSLSocket:
    context.sslsocket_class = TlsLine
    line: socket.socket = plain
    try:
        _look_whether_it_is_there(plain)
        line = secure = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        shake(secure)
    except BaseException:
        line.close()
        raise
    return secure


def _look_whether_it_is_there(plain: socket.socket) -> None:
    """Raises ConnectionResetError. Wrapped, a connection that was reset before would be lost and stay open."""
    try:
        plain.getpeername()
    except OSError as error:
        raise ConnectionResetError(error.errno, error.strerror) from error


def _certificate(
    tls: Tls, connect: Callable[[], socket.socket], host: str, shake: Callable[[ssl.SSLSocket], None]
) -> Mapping[str, object]:
    """What the other side showed, to tell its dates; over a second connection, for the first shows none any more."""
    with contextlib.suppress(Exception), _shaken(tls.dateless(), connect(), host, shake) as line:
        return line.getpeercert() or {}
    return {}
