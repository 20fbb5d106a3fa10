"""A supplier, servers that do what a script says, and certificates for them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.scripted import PATIENCE_S, Script, Scripted

from agent.config.settings import SupplierSettings
from agent.supplier import Supplier


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def make(*scripts: Script) -> Scripted:
        made.append(Scripted(*scripts))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def supplier() -> Iterator[Callable[..., Supplier]]:
    made: list[Supplier] = []

    def make(url: str, **others: object) -> Supplier:
        settings = SupplierSettings(url=url, **{"request_timeout_s": PATIENCE_S, **others})  # type: ignore[arg-type]
        made.append(Supplier(settings, "ST-42", frozenset({1, 2})))
        return made[-1]

    yield make
    for made_one in made:
        made_one.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a server's and a client's certificate in one folder, made with openssl."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name, known_as in (("server", "IP:127.0.0.1"), ("client", "DNS:elsewhere.example")):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName={known_as}\n", encoding="ascii")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")  # fmt: skip
    return folder
