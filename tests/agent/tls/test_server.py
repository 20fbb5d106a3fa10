"""TLS as a server: certificate and key, read again when they change, and the names that they stand for."""

from pathlib import Path

import pytest
from support.certificates import make_ca, make_certificate, make_self_signed

from agent.secret_files import UnusableFile
from agent.tls import ServerTls
from agent.tls.names import is_among, names_in

DASHES = "-----"


def tls_of(certificate: Path) -> ServerTls:
    return ServerTls(str(certificate), f"{certificate}.key")


def names(certificate: Path) -> set[str]:
    return set(names_in(tls_of(certificate).context(), str(certificate)))


def test_the_names_of_a_certificate(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    leaf = make_certificate(ca, "leaf", "DNS:ST-42.example,DNS:*.stations.example,IP:192.0.2.1")
    assert names(leaf) == {"st-42.example", "*.stations.example"}
    old = make_certificate(ca, "old", "DNS:old.example", days=(-9, -8))
    assert names(old) == {"old.example"}, "whoever uses it anyway has been warned by the browser"
    leaf.write_bytes(leaf.read_bytes() + ca.read_bytes())
    assert names(leaf) == {"st-42.example", "*.stations.example"}, "also with its authority behind it"
    assert names(make_certificate(ca, "address", "IP:192.0.2.1")) == set()
    own = make_self_signed(tmp_path, "own", "-addext subjectAltName=DNS:own.example")
    assert names(own) == {"own.example"}


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("st-42.example", True),
        ("a.stations.example", True),
        ("stations.example", False),
        ("a.b.stations.example", False),
        ("evil.example", False),
        ("", False),
        ("*.stations.example", True),
    ],
)
def test_a_star_is_one_label(host: str, is_one: bool) -> None:
    assert is_among(host, {"st-42.example", "*.stations.example"}) is is_one


def test_files_are_read_again_when_they_change_and_only_then(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    first, second = (make_certificate(ca, name, f"DNS:{name}.example") for name in ("first", "second"))
    tls = tls_of(first)
    context = tls.context()
    assert tls.context() is context
    Path(f"{first}.key").write_bytes(Path(f"{second}.key").read_bytes())
    with pytest.raises(UnusableFile, match=r"key_file .* is not the key of cert_file"):
        tls.context()
    first.write_bytes(second.read_bytes())
    assert names_in(tls.context(), str(first)) == {"second.example"}


@pytest.mark.parametrize(
    ("cert", "key", "told"),
    [
        ("nothing", "", "cert_file .* holds no certificate"),
        ("", "nothing", "key_file .* holds no private key"),
        (f"{DASHES}BEGIN CERTIFICATE{DASHES}\nAAAA\n", "", "cert_file .* or its key is damaged"),
        ("", f"{DASHES}BEGIN ENCRYPTED PRIVATE KEY{DASHES}\n", "locked with a passphrase"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, cert: str, key: str, told: str) -> None:
    certificate = make_certificate(make_ca(tmp_path), "leaf", "DNS:a.example")
    if cert:
        certificate.write_text(cert)
    if key:
        Path(f"{certificate}.key").write_text(key)
    with pytest.raises(UnusableFile, match=told):
        tls_of(certificate).context()
    with pytest.raises(UnusableFile, match="cannot be read"):
        ServerTls(str(tmp_path / "none"), f"{certificate}.key").context()
