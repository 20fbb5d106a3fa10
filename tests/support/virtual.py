"""A machine of its own kernel, with a simulated GPIO chip: Debian in qemu, for what a container cannot show.

Emulated without KVM it is some ten times slower than the host.
"""

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

from support.machine import CACHE, PACKAGES, UP
from support.mqtt import eventually

GUEST = Path(__file__).parent / "guest"
"""What is put over the machine's own files."""
KERNEL = "udev,kmod,gpiod,linux-image-amd64,linux-headers-amd64,linux-source,make,xz-utils"
QEMU = "qemu-system-x86_64"
ANSWER_S = 1200.0
MEMORY_MB = 768
HOST = "10.0.2.2"
"""The address in the machine at which the loopback of the machine around it is reached."""
MODULES = "virtio_pci\nvirtio_blk\next4\n"
"""What the kernel needs to find its disk."""
BUILD = r"""
rm -rf /build && mkdir /build && cd /build
tar -xf /usr/src/linux-source-*.tar.xz --strip-components=1 --wildcards \
    '*/drivers/gpio/gpio-sim.c' '*/drivers/gpio/*.h' '*/kernel/irq/irq_sim.c'
cp drivers/gpio/* kernel/irq/irq_sim.c .
# a Pi leaves an output as it is when its process ends, and a closed contact beats the Pi's pull-up
sed -i '/gc->free = \|gc->set_config = /d; /^static .*gpio_sim_\(free\|set_config\)(/s/^/__maybe_unused /' gpio-sim.c
sed -i 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/' irq_sim.c
printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >>irq_sim.c
printf 'obj-m := gpiosim.o\ngpiosim-y := gpio-sim.o irq_sim.o\n' >Makefile
kernel=$(basename /lib/modules/*)
make -C "/lib/modules/$kernel/build" M=/build modules
install -D -m 0644 gpiosim.ko "/lib/modules/$kernel/extra/gpiosim.ko"
depmod "$kernel"
sed -i 's/^MODULES=.*/MODULES=list/' /etc/initramfs-tools/initramfs.conf
update-initramfs -u -k "$kernel"
cp "/boot/vmlinuz-$kernel" /boot/vmlinuz
cp "/boot/initrd.img-$kernel" /boot/initrd
cd /
rm -rf /build /usr/src/* /lib/modules/*/build /lib/modules/*/source /usr/lib/linux-kbuild-* /usr/lib/gcc
"""
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "systemd-binfmt.service",
    "systemd-logind.service",
    "systemd-pstore.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
"""Units that only cost time."""


def debian_with_a_kernel(release: str) -> Path:
    """The files of a fresh Debian with its kernel, and gpio-sim, which Debian does not build; made once."""
    root = CACHE / f"{release}-kernel"
    if not root.exists():
        CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = CACHE / f"{release}-kernel.making"
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES},{KERNEL}", release, str(making)], check=True
        )
        (making / "etc" / "initramfs-tools" / "modules").write_text(MODULES)
        subprocess.run(["chroot", str(making), "/bin/sh", "-ec", BUILD], check=True)
        making.rename(root)
    return root


def inside(root: Path, *command: str) -> str:
    """What a command said that runs in these files, without booting them; fails the test if it failed."""
    clean = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
    done = subprocess.run(
        ["chroot", str(root), *clean, *command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def image_of(root: Path, image: Path) -> None:
    """Write these files into a disk that has room for as much again."""
    used = int(subprocess.run(["du", "-sm", str(root)], capture_output=True, text=True, check=True).stdout.split()[0])
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", str(root), str(image), f"{used + 512}M"],
        check=True,
    )


class Virtual:
    """`with Virtual(root, image, folder) as machine:` boots it, and cuts its power at the end."""

    def __init__(self, root: Path, image: Path, folder: Path) -> None:
        """`root` has its kernel, `image` its disk; console and socket are in `folder`."""
        self._root = root
        self._image = image
        self._console = folder / "console.log"
        self._socket = folder / "hand"

    def __enter__(self) -> Self:
        self._qemu = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL)
        self._line = socket.socket(socket.AF_UNIX)
        self._answers = self._line.makefile("r", encoding="utf-8")
        try:
            assert eventually(self._socket.exists, 10), "qemu does not start"
            self._line.connect(str(self._socket))
            self._line.settimeout(ANSWER_S)
            booted = self.run("systemctl", "is-system-running", "--wait", check=False).strip()
            assert booted in UP, f"it came up as {booted!r}:\n{self.console()}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._answers.close()
        self._line.close()
        self._qemu.kill()
        self._qemu.wait(20)

    def _command(self) -> list[str]:
        machine = ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB)]
        alone = ["-nodefaults", "-display", "none", "-no-reboot"]
        kernel = ["-kernel", str(self._root / "boot" / "vmlinuz"), "-initrd", str(self._root / "boot" / "initrd")]
        words = [
            "root=/dev/vda rw console=ttyS0 net.ifnames=0 no_timer_check",
            *(f"systemd.mask={unit}" for unit in MASKED),
        ]
        disk = ["-drive", f"file={self._image},format=raw,if=virtio,cache=unsafe"]
        console = ["-serial", f"file:{self._console}"]
        hand = ["-device", "virtio-serial", "-chardev", f"socket,id=hand,path={self._socket},server=on,wait=off"]
        port = ["-device", "virtserialport,chardev=hand,name=station-test"]
        network = ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"]
        return [QEMU, *machine, *alone, *kernel, "-append", " ".join(words), *disk, *console, *hand, *port, *network]

    def console(self) -> str:
        """What the kernel and systemd said."""
        return self._console.read_text(errors="replace")

    def run(self, *command: str, check: bool = True) -> str:
        """What a command in it said; fails the test if it failed and `check`."""
        ended, said = self.ended(*command)
        assert not check or ended == 0, f"{command} ended with {ended}:\n{said}"
        return said

    def ended(self, *command: str) -> tuple[int, str]:
        """How a command in it ended, and what it said."""
        self._line.sendall(json.dumps(command).encode() + b"\n")
        try:
            answer = self._answers.readline()
        except TimeoutError:
            answer = ""
        assert answer, f"the machine does not answer:\n{self.console()}"
        done = json.loads(answer)
        return done["ended"], done["said"]
