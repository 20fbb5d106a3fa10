"""Whom a certificate is for. Python reads only certificates that it has verified, so it shakes hands with itself."""

import ssl
from collections.abc import Iterable

from agent.tls import NO_CHECK_TIME

ROUNDS = 10
"""A handshake takes three."""


def names_in(server: ssl.SSLContext, cert_file: str) -> frozenset[str]:
    """The host names in the certificate of `server`, which stands in `cert_file`; none if it names none.

    Raises ssl.SSLError for one that no client would take.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cert_file)
    client.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    )  # it is trusted as it stands there, at any time
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(up, down, server_side=True)
    theirs = client.wrap_bio(down, up)
    for _ in range(ROUNDS):
        done = [_shaken(side) for side in (theirs, ours)]
        if all(done):
            break
    names: Iterable[tuple[str, str]] = (theirs.getpeercert() or {}).get("subjectAltName", ())  # type: ignore[assignment]
    return frozenset(name.lower() for kind, name in names if kind == "DNS")


def is_among(host: str, names: Iterable[str]) -> bool:
    """Whether a certificate for these names is one for `host`; a `*` is one label (RFC 9525 section 6.3)."""
    _, _, parent = host.partition(".")
    return any(name in (host, f"*.{parent}") for name in names)


def _shaken(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
