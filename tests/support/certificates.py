"""A certificate authority of the test's own, made with openssl."""

import subprocess
from pathlib import Path


def make_ca(folder: Path, name: str = "ca") -> Path:
    """A new authority; returns its certificate, its key lies beside it with the suffix `.key`."""
    certificate = folder / f"{name}.pem"
    _openssl(
        f"req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN={name}",
        f"-addext keyUsage=critical,keyCertSign,cRLSign -keyout {certificate}.key -out {certificate}",
    )
    return certificate


def make_certificate(ca: Path, name: str, subject_names: str) -> Path:
    """A certificate for `subject_names` (`DNS:localhost,IP:127.0.0.1`), signed by `ca`; its key beside it (`.key`)."""
    certificate = ca.parent / f"{name}.pem"
    _openssl(
        f"req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN={name}",
        f"-keyout {certificate}.key -out {certificate}.csr",
    )
    extensions = ca.parent / f"{name}.ext"
    extensions.write_text(f"subjectAltName={subject_names}\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        f"x509 -req -in {certificate}.csr -CA {ca} -CAkey {ca}.key -CAcreateserial -days 2",
        f"-extfile {extensions} -out {certificate}",
    )
    return certificate


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *" ".join(arguments).split()], check=True, capture_output=True)
