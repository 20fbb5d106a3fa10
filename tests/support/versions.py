"""Other versions of the station, made from a bundle: good ones, and those that have to be taken back."""

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

NUMBER = re.compile(r'^(version = "?)[\d.]+', re.MULTILINE | re.IGNORECASE)
SOURCE = ("agent", "hardware", "config", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class Change:
    """In `file`, `old` (which stands there once) becomes `new`."""

    file: str
    old: str
    new: str

    def make(self, top: Path) -> None:
        """Change the file below `top`."""
        path = top / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file}: {self.old}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Version:
    """Another version; `added` are files that only it has."""

    number: str
    changes: tuple[Change, ...] = ()
    added: dict[str, str] = field(default_factory=dict)

    def pack(self, bundle: Path, folder: Path) -> Path:
        """Make its bundle in `folder`; all wheels but its own are those of `bundle`."""
        subprocess.run(["tar", "-xf", bundle, "-C", folder], check=True)
        (top,) = folder.iterdir()
        for file in ("agent/version.py", "setup.cfg"):
            path = top / file
            path.write_text(
                re.sub(r'(?m)^(version = "?)[\d.]+', rf"\g<1>{self.number}", path.read_text(), flags=re.IGNORECASE)
            )
        for change in self.changes:
            change.make(top)
        for name, text in self.added.items():
            (top / name).write_text(text, encoding="utf-8")
        _make_wheel(top, folder / "source")
        _sum_up(top)
        packed = folder / f"{self.number}.tar"
        subprocess.run(["tar", "-C", folder, "-cf", packed, top.name], check=True)
        return packed


def _make_wheel(top: Path, source: Path) -> None:
    source.mkdir()
    for name in SOURCE:
        subprocess.run(["cp", "-R", top / name, source], check=True)
    (old,) = (top / "wheels").glob("station_agent-*.whl")
    old.unlink()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", top / "wheels", source], check=True)
    shutil.rmtree(source)
    (new,) = (top / "wheels").glob("station_agent-*.whl")
    name, number = new.name.split("-")[:2]
    listed = top / "wheels" / "requirements.txt"
    others = [line for line in listed.read_text().splitlines() if not line.startswith(f"{name}==")]
    listed.write_text("\n".join([*others, f"{name}=={number} --hash=sha256:{_sha256(new)}", ""]))


def _sum_up(top: Path) -> None:
    listed = top / "SHA256SUMS"
    files = sorted(path for path in top.rglob("*") if path.is_file() and path != listed)
    listed.write_text("".join(f"{_sha256(path)}  ./{path.relative_to(top)}\n" for path in files))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
