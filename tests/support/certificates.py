"""A certificate authority of the test's own, made with openssl."""

import subprocess
import time
from pathlib import Path

DAY_S = 86400
AUTHORITY = """[ca]
default_ca = here
[here]
database = {ca}.index
new_certs_dir = {ca.parent}
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
"""


def make_ca(folder: Path, name: str = "ca") -> Path:
    """A new authority; returns its certificate, its key lies beside it with the suffix `.key`."""
    return make_self_signed(folder, name, "-addext keyUsage=critical,keyCertSign,cRLSign")


def make_self_signed(folder: Path, name: str, *extensions: str) -> Path:
    """A certificate that nobody else vouches for; its key beside it (`.key`)."""
    certificate = folder / f"{name}.pem"
    _openssl(
        f"req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN={name}",
        *extensions,
        f"-keyout {certificate}.key -out {certificate}",
    )
    return certificate


def make_certificate(ca: Path, name: str, subject_names: str, *, days: tuple[float, float] = (-1, 2)) -> Path:
    """A certificate for `subject_names` (`DNS:localhost,IP:127.0.0.1`), signed by `ca`; its key beside it (`.key`).

    It is valid from the first to the second of `days`, counted from now.
    """
    certificate = ca.parent / f"{name}.pem"
    _openssl(
        f"req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN={name}",
        f"-keyout {certificate}.key -out {certificate}.csr",
    )
    extensions = ca.parent / f"{name}.ext"
    extensions.write_text(f"subjectAltName={subject_names}\nauthorityKeyIdentifier=keyid\n")
    config = Path(f"{ca}.cnf")
    config.write_text(AUTHORITY.format(ca=ca))
    Path(f"{ca}.index").touch()
    first, last = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + day * DAY_S)) for day in days)
    _openssl(
        f"ca -batch -notext -config {config} -cert {ca} -keyfile {ca}.key -in {certificate}.csr",
        f"-startdate {first} -enddate {last} -extfile {extensions} -out {certificate}",
    )
    return certificate


def lock_key(certificate: Path) -> Path:
    """The certificate's key, locked with a passphrase."""
    locked = Path(f"{certificate}.locked")
    _openssl(f"pkcs8 -topk8 -in {certificate}.key -passout pass:secret -out {locked}")
    return locked


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *" ".join(arguments).split()], check=True, capture_output=True)
