"""A disk of one's own with a real file system, whose power can be cut: ext4 in a file, on a loop device."""

import shutil
import subprocess
from pathlib import Path
from typing import Self

from support.mqtt import eventually

MKFS = shutil.which("mkfs.ext4") or "/usr/sbin/mkfs.ext4"
SIZE = 48 * 1024 * 1024
BLOCK = 4096
"""Bytes, as on an SD card; a small file system would else get smaller ones."""
COPIES_AT_MOST = 20
UNMOUNTED_WITHIN_S = 20.0


class Disk:
    """`with Disk(folder) as disk:` is mounted at `disk.place`.

    Its power is cut in two steps, so that it can stand still meanwhile: `keep` what has reached it, and after the end
    of all who used it go on from that with `cut`.
    """

    def __init__(self, folder: Path) -> None:
        self.place = folder / "mounted"
        self._image = folder / "image"
        self._kept = folder / "kept"

    def __enter__(self) -> Self:
        self.place.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        subprocess.run([MKFS, "-q", "-F", "-b", str(BLOCK), self._image], check=True)
        self._mount()
        return self

    def __exit__(self, *exc: object) -> None:
        self._unmount()

    def keep(self) -> None:
        """Keep a copy of what the disk has got: what waits in memory to be written is not in it.

        Nobody may write meanwhile. The kernel may; then it is copied anew, since no disk ever held a mixture.
        """
        for _ in range(COPIES_AT_MOST):
            before = self._writes()
            shutil.copyfile(self._image, self._kept)
            if self._under_way() == 0 and self._writes() == before:
                return
        raise AssertionError("the disk is written to all the time: stop who does that, then copy it")

    def cut(self) -> None:
        """Go on from what was kept, as after a power cut; the file system reads its own journal first."""
        self._unmount()
        self._kept.replace(self._image)
        self._mount()

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.place)], check=True)
        found = subprocess.run(
            ["findmnt", "--noheadings", "--output", "SOURCE", str(self.place)],
            check=True,
            capture_output=True,
            text=True,
        )
        self._device = Path("/sys/block", Path(found.stdout.strip()).name)

    def _unmount(self) -> None:
        def unmounted() -> bool:
            return subprocess.run(["umount", str(self.place)], capture_output=True, check=False).returncode == 0

        assert eventually(unmounted, UNMOUNTED_WITHIN_S), f"{self.place} is in use"

    def _writes(self) -> int:
        """Writes that ended so far (Documentation/block/stat.rst)."""
        return int((self._device / "stat").read_text().split()[4])

    def _under_way(self) -> int:
        return int((self._device / "inflight").read_text().split()[1])
