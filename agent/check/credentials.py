"""The files of keys, passwords and certificates: whether they can be read, and by whom else."""

import stat
from collections.abc import Iterator
from pathlib import Path

from agent.check.finding import Finding, failed, ok, warning
from agent.config import SECRET_FILES
from agent.config.settings import Config

PART = "secrets"
PUBLIC_FILES = ("ca_file", "client_cert_file", "cert_file")
TOO_WIDE = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP


def look(config: Config) -> Iterator[Finding]:
    """Each file that the config names."""
    found = list(_wrong(config))
    yield from found
    if not found:
        files = [str(path) for _, path, _ in _files(config)]
        yield ok(
            PART, f"readable, and by nobody else: {', '.join(files)}" if files else "no files of keys or passwords"
        )


def _files(config: Config) -> Iterator[tuple[str, Path, bool]]:
    for section, settings in (("supplier", config.supplier), ("mqtt", config.mqtt), ("web", config.web)):
        for name in (*SECRET_FILES, *PUBLIC_FILES):
            path = getattr(settings, name, "")
            if path:
                yield f"[{section}] {name}", Path(path), name in SECRET_FILES


def _wrong(config: Config) -> Iterator[Finding]:
    for key, path, secret in _files(config):
        try:
            with path.open("rb") as file:
                file.read(1)
            mode = path.stat().st_mode
        except OSError as error:
            mend = "name the right file, or let the station's user read it"
            yield failed(PART, f"{key} {path} cannot be read ({error.strerror})", mend)
            continue
        if secret and mode & TOO_WIDE:
            yield warning(PART, f"{key} {path} is open to others (mode {mode & 0o777:o})", f"chmod 640 {path}")
