"""What can be wrong with TLS, for tests of both ends. The certificates are real; servers are on 127.0.0.1."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from support.certificates import lock_key, make_ca, make_certificate, make_self_signed

HERE = "IP:127.0.0.1"
EXPIRED = (-9, -2)
FUTURE = (3, 9)


@dataclass(frozen=True, slots=True)
class Case:
    """One mistake. `server`, `ca`, `cert` and `key` name what each side has; empty: nothing. `said` is a regex."""

    name: str
    said: str
    server: str = "server"
    wants_client: bool = False
    newest: str = "1.3"
    ca: str = "ca"
    cert: str = ""
    key: str = ""


CASES = [
    Case("expired", r"its certificate expired on 20\d\d-\d\d-\d\d \(this station's clock shows 20", server="expired"),
    Case("expired-1.2-client", r"its certificate expired \(this station's clock", "expired", True, newest="1.2"),
    Case("not-yet", r"its certificate is not valid before 20\d\d-\d\d-\d\d \(this station's", server="future"),
    Case("wrong-host", r"its certificate is not for 127\.0\.0\.1", server="other-host"),
    Case("self-signed", "its certificate is self-signed", server="self-signed"),
    Case("wrong-ca", "signed by an authority that is not trusted here", server="strange"),
    Case("system-cas", "signed by an authority that is not trusted here", ca=""),
    Case("no-client", "it wants a client certificate: set client_cert_file", wants_client=True),
    Case("no-client-1.2", "it wants a client certificate, or another cipher", wants_client=True, newest="1.2"),
    Case("client-expired", "this station's client certificate has expired", "server", True, cert="client-expired"),
    Case("client-strange", "does not know the authority that signed this", "server", True, cert="client-strange"),
    Case("tls-1.1", r"nothing newer than TLS 1\.1", newest="1.1"),
    Case("no-ca", r"ca_file \S+/ca\.pem cannot be read: No such file", ca="missing"),
    Case("junk-ca", r"ca_file \S+/ca\.pem holds no certificate", ca="junk"),
    Case("no-cert", r"client_cert_file \S+ cannot be read: No such file", cert="missing", key="client"),
    Case("junk-cert", r"client_cert_file \S+ holds no certificate", cert="junk", key="client"),
    Case("damaged-cert", r"client_cert_file \S+ or its key is damaged", cert="damaged", key="client"),
    Case("unreadable-key", r"client_key_file \S+ cannot be read: Is a directory", cert="client", key="folder"),
    Case("junk-key", r"client_key_file \S+ holds no private key", cert="client", key="junk"),
    Case("locked-key", r"client_key_file \S+ is locked with a passphrase", cert="client", key="locked"),
    Case("other-key", r"client_key_file \S+ is not the key of client_cert_file", cert="client", key="server"),
]


class Store:
    """Every certificate that a case may name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ca, stranger = make_ca(folder), make_ca(folder, "stranger")
        make_certificate(ca, "server", HERE)
        make_certificate(ca, "client", "DNS:ST-42")
        make_certificate(ca, "expired", HERE, days=EXPIRED)
        make_certificate(ca, "future", HERE, days=FUTURE)
        make_certificate(ca, "other-host", "DNS:other.example")
        make_certificate(ca, "client-expired", "DNS:ST-42", days=EXPIRED)
        make_certificate(stranger, "strange", HERE)
        make_certificate(stranger, "client-strange", "DNS:ST-42")
        make_self_signed(folder, "self-signed", f"-addext subjectAltName={HERE}")
        shutil.copy(lock_key(folder / "client.pem"), folder / "locked.pem.key")
        for name in ("junk.pem", "junk.pem.key"):
            (folder / name).write_text("junk")
        (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        (folder / "folder.pem.key").mkdir()

    def put(self, name: str, file: Path) -> None:
        """Put what goes by this name where somebody uses it, in one step as careful people do; "missing" takes away."""
        source = self._folder / f"{name}{'.pem.key' if file.suffix == '.key' else '.pem'}"
        if file.is_dir():
            file.rmdir()
        if name == "missing":
            file.unlink(missing_ok=True)
        elif source.is_dir():
            file.mkdir()
        else:
            new = file.with_suffix(".new")
            shutil.copy(source, new)
            new.replace(file)


class Used:
    """The files that the two ends use in one test, first as the case has them."""

    def __init__(self, store: Store, folder: Path, case: Case) -> None:
        self.store = store
        self.case = case
        self.ca, self.server_ca = folder / "ca.pem", folder / "server-ca.pem"
        self.server, self.server_key = folder / "server.pem", folder / "server.key"
        self.client, self.client_key = folder / "client.pem", folder / "client.key"
        self.put(case.server, self.server, self.server_key)
        store.put("ca", self.server_ca)
        if case.ca:
            store.put(case.ca, self.ca)
        if case.cert:
            store.put(case.cert, self.client)
            store.put(case.key or case.cert, self.client_key)

    def put(self, name: str, certificate: Path, key: Path) -> None:
        """Replace a certificate with its key."""
        self.store.put(name, certificate)
        self.store.put(name, key)

    @property
    def station(self) -> dict[str, str]:
        """What the station's config names."""
        files = {"ca_file": str(self.ca) if self.case.ca else ""}
        if self.case.cert:
            files |= {"client_cert_file": str(self.client), "client_key_file": str(self.client_key)}
        return files

    @property
    def mendable(self) -> bool:
        """Whether new files mend it; a station that names no file has to be configured."""
        return bool(self.case.ca) and not (self.case.wants_client and not self.case.cert)

    def mend(self) -> None:
        """Put good files in the place of bad ones."""
        self.put("server", self.server, self.server_key)
        self.store.put("ca", self.ca)
        if self.case.cert:
            self.put("client", self.client, self.client_key)
