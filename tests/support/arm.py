"""Debian for a Pi's processors, run by qemu's user emulation: programs and C libraries of ARM under this kernel."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.machine import CACHE, mounted

BINFMT = Path("/proc/sys/fs/binfmt_misc")
INTERPRETERS = Path("/usr/libexec/qemu-binfmt")
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "python3,python3-venv,python3-dev,gcc,libc6-dev,ca-certificates,procps"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ENTER = """
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount -t tmpfs tmpfs "$0/tmp"
mount -t tmpfs tmpfs "$0/run"
exec chroot "$0" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=1 "$@"
"""


@dataclass(frozen=True)
class Arm:
    """A kind of ARM: by Debian's name, by the kernel's, by qemu's; and the first bytes of its programs."""

    name: str
    machine: str
    qemu: str
    magic: str
    mask: str


ARM64 = Arm(
    "arm64",
    "aarch64",
    "aarch64",
    r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff",
)
ARMHF = Arm(
    "armhf",
    "armv7l",
    "arm",
    r"\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00",
    r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff",
)


@contextmanager
def runnable(arm: Arm) -> Iterator[None]:
    """Let this kernel run its programs; one that did already is left as it is (binfmt_misc of the kernel's documents).

    Flags: P, the program's own name goes with it, as Debian's qemu expects; F, qemu is found in any root.
    """
    with ExitStack() as life:
        if not (BINFMT / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
            life.callback(subprocess.run, ["umount", str(BINFMT)], check=True)
        registered = BINFMT / f"qemu-{arm.qemu}"
        if not registered.exists():
            interpreter = INTERPRETERS / f"{arm.qemu}-binfmt-P"
            (BINFMT / "register").write_text(f":{registered.name}:M::{arm.magic}:{arm.mask}:{interpreter}:PF")
            life.callback(registered.write_text, "-1")
        yield


def debian(release: str, arm: Arm) -> Path:
    """The files of a fresh Debian for it, with a compiler as on Raspberry Pi OS; made once, some minutes."""
    root = CACHE / f"{release}-{arm.name}"
    if not root.exists():
        CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = CACHE / f"{root.name}.making"
        shutil.rmtree(making, ignore_errors=True)
        kind = ["--variant=minbase", f"--architectures={arm.name}", f"--include={PACKAGES}"]
        subprocess.run(["mmdebstrap", *kind, release, str(making), MIRROR], check=True)
        making.rename(root)
    return root


class Pi:
    """A fresh Debian for a Pi, written to in memory only; nothing is booted."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, network: bool = False) -> None:
        """Run a command in it, its words on standard output; fails the test if it failed."""
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        enter = ENTER if network else f"ip link set lo up\n{ENTER}"
        # by a pipe: a test that lets no file grow must not keep its own run from telling how it went
        with subprocess.Popen(
            [*apart, "/bin/sh", "-ec", enter, str(self.root), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
        assert process.returncode == 0, f"{command} ended with {process.returncode}: its words stand above"


@contextmanager
def pi(release: str, arm: Arm, folder: Path) -> Iterator[Pi]:
    """One for a test."""
    with runnable(arm), mounted(debian(release, arm), folder) as root:
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        yield Pi(root)
