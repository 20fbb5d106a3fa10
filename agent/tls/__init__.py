"""TLS 1.2 or newer, to servers (certificate and name checked) and as one; files are read again when they change."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from agent.secret_files import Mark, UnusableFile, Watched

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, x509_vfy.h of OpenSSL: checks everything but the dates; Python has no name for it."""
LARGEST_FILE = 1024 * 1024
"""Bytes; the system's own bundle of authorities has about a fifth of it."""
UNLIKE = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
"""OpenSSL's reasons for a key of another certificate; the last comes when not even the kinds of keys agree."""


class Tls:
    """What one line needs of TLS: authorities, and a client certificate with its key if there is one. Any thread.

    An empty `ca_file` means the system's authorities. `alpn`: the protocols that are offered (RFC 7301).
    """

    def __init__(
        self, ca_file: str = "", client_cert_file: str = "", client_key_file: str = "", *, alpn: Sequence[str] = ()
    ) -> None:
        self._ca_file = ca_file
        self._cert_file = client_cert_file
        self._key_file = client_key_file
        self._alpn = list(alpn)
        system = ssl.get_default_verify_paths()
        authorities = [ca_file] if ca_file else [system.cafile or "", system.capath or ""]
        self._watched = Watched(*authorities, client_cert_file, client_key_file)
        self._lock = Lock()
        self._marks: tuple[Mark, ...] = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """For what the files hold now: the same as before unless they have changed. Raises UnusableFile."""
        with self._lock:
            marks = self._watched.marks()
            if self._context is None or marks != self._marks:
                self._context = None
                self._context = self._made()
                self._marks = marks
            return self._context

    def dateless(self) -> ssl.SSLContext:
        """Checks all but dates, so that those of a certificate can be read; for no other use. Raises UnusableFile."""
        context = self._trusting()
        context.verify_flags |= NO_CHECK_TIME
        return context

    def _made(self) -> ssl.SSLContext:
        context = self._trusting()
        if self._alpn:
            context.set_alpn_protocols(self._alpn)
        if self._cert_file:
            _load_pair(context, self._cert_file, self._key_file, whose="client_")
        return context

    def _trusting(self) -> ssl.SSLContext:
        if self._ca_file:
            _read("ca_file", self._ca_file)
        try:
            context = ssl.create_default_context(cafile=self._ca_file or None)
        except OSError as error:
            raise UnusableFile(f"ca_file {self._ca_file} holds no certificate (PEM)") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class ServerTls:
    """What a server needs of TLS: its certificate and key, read again when they change. Any thread."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        self._files = cert_file, key_file
        self._watched = Watched(cert_file, key_file)
        self._lock = Lock()
        self._marks: tuple[Mark, ...] = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """For what the files hold now: the same as before unless they have changed. Raises UnusableFile."""
        with self._lock:
            marks = self._watched.marks()
            if self._context is None or marks != self._marks:
                self._context = None
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                _load_pair(context, *self._files, whose="")
                self._context, self._marks = context, marks
            return self._context


def _load_pair(context: ssl.SSLContext, cert_file: str, key_file: str, *, whose: str) -> None:
    """Load a certificate and its key; `whose` begins their names in the config. Raises UnusableFile."""
    cert, name = f"{whose}cert_file {cert_file}", f"{whose}key_file {key_file}"
    if b"BEGIN CERTIFICATE" not in _read(f"{whose}cert_file", cert_file):
        raise UnusableFile(f"{cert} holds no certificate (PEM)")
    key = _read(f"{whose}key_file", key_file)
    if b"PRIVATE KEY" not in key:
        raise UnusableFile(f"{name} holds no private key (PEM)")
    if b"ENCRYPTED" in key:
        raise UnusableFile(f"{name} is locked with a passphrase: store it without (openssl pkey)")
    try:
        # Without a password OpenSSL would ask for one on the terminal, and a daemon would hang.
        context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as error:
        if error.reason in UNLIKE:
            raise UnusableFile(f"{name} is not the key of {cert}") from error
        raise UnusableFile(f"{cert} or its key is damaged: {error.reason or error}") from error


def _read(key: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise UnusableFile(f"{key} {path} cannot be read: {error.strerror}") from error
