"""A file system of its own in a file: it can be cut off from power, and it can be full.

Rules: needs root and loop devices; `reason_against` says what is missing. A power cut is the
ioctl FS_IOC_SHUTDOWN without a flush of the log: from that instant on nothing more reaches the
medium, and what was not flushed before is gone; the next mount replays the journal.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FS_IOC_SHUTDOWN: Final = 0x8004587D
NO_LOG_FLUSH: Final = 2
IMAGE_SIZE_BYTES: Final = {"ext4": 128 << 20, "xfs": 320 << 20}
MAKE: Final = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}


def reason_against(kind: str) -> str | None:
    """Return why this machine cannot have such a volume, or None where it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if kind == "tmpfs":
        return None
    if shutil.which(MAKE[kind][0]) is None:
        return f"{MAKE[kind][0]} is not here"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    return None


def _call(*argv: str | Path) -> None:
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)


class Volume:
    """An image of a file system, mounted at `top`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.image = folder / f"{kind}.img"
        self.top = folder / "top"
        self.top.mkdir(exist_ok=True)
        self._is_mounted = False

    def make(self) -> None:
        """Make a new, empty file system and mount it."""
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_SIZE_BYTES[self.kind])
        _call(*MAKE[self.kind], self.image)
        self.mount()

    def copy_from(self, other: Path) -> None:
        """Take over the image of another volume of this kind, and mount it."""
        _call("cp", "--sparse=always", other, self.image)
        self.mount()

    def mount(self) -> None:
        """Mount the image, as after a start of the machine."""
        _call("mount", "-o", "loop", self.image, self.top)
        self._is_mounted = True

    def cut(self) -> None:
        """Cut the power."""
        number = os.open(self.top, os.O_RDONLY)
        try:
            fcntl.ioctl(number, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(number)

    def unmount(self) -> None:
        """Unmount; harmless where it is not mounted."""
        if self._is_mounted:
            self._is_mounted = False
            _call("umount", self.top)


class SmallMemory:
    """A file system in memory, mounted at `top`, whose size is changed while it is used."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "small"
        self.top.mkdir()
        _call("mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=20000", "tmpfs", self.top)

    def leave_space(self, size_bytes: int) -> None:
        """Let this much room be left."""
        info = os.statvfs(self.top)
        used = (info.f_blocks - info.f_bfree) * info.f_frsize
        # No size at all would mean no limit.
        size_bytes = max(used + size_bytes, info.f_frsize)
        _call("mount", "-o", f"remount,size={size_bytes}", self.top)

    def leave_files(self, count: int) -> None:
        """Let room be left for this many files."""
        info = os.statvfs(self.top)
        used = info.f_files - info.f_ffree
        _call("mount", "-o", f"remount,nr_inodes={used + count}", self.top)

    def give_room(self) -> None:
        """Let there be enough of everything."""
        _call("mount", "-o", "remount,size=64m,nr_inodes=20000", self.top)

    def unmount(self) -> None:
        """Unmount it, with all that is in it."""
        _call("umount", self.top)
