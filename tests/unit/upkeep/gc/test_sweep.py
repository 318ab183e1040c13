"""What is deleted for good: old trash and what dead processes left behind."""

from __future__ import annotations

import os

import pytest

from tapegit.files.trash import Trash
from tapegit.upkeep.gc.sweep import TMP_AGE_MS, sweep

NOW_MS = 1_800_000_000_000
DEAD = 2**22 + 1
"""More than any process id of Linux."""


def sweep_all(root, *, trash_before_ms=0):
    """Sweep at the time of these tests."""
    return sweep(root, trash_before_ms=trash_before_ms, now_ms=NOW_MS)


def leave(root, name, *, age_ms=TMP_AGE_MS + 1000):
    """Leave a file of some age in tmp/."""
    path = root / "tmp" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left over")
    stamp = (NOW_MS - age_ms) / 1000
    os.utime(path, (stamp, stamp))
    return path


def test_trash_goes_by_the_time_of_its_batch(shop):
    """A batch older than asked for is deleted with all its files; a younger one is not."""
    for time_ms in (NOW_MS - 10, NOW_MS - 5):
        path = shop.root / "objects/00" / f"{time_ms:062d}"
        path.write_bytes(b"12345")
        Trash(shop.root).open_batch(time_ms).put(path)
    swept = sweep_all(shop.root, trash_before_ms=NOW_MS - 5)
    assert swept.trash_bytes == 5
    assert len(shop.names("trash/*")) == 1


def test_strangers_and_what_salvage_put_aside_stay_in_the_trash(shop):
    """Only batches of gc are deleted from the trash, whatever else lies there."""
    for name in ("lost/objects/pack/broken", "note.txt", "123-abc/file"):
        path = shop.root / "trash" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    sweep_all(shop.root, trash_before_ms=NOW_MS)
    assert sum(path.is_file() for path in shop.root.glob("trash/**/*")) == 3


@pytest.mark.parametrize(
    ("name", "age_ms", "stays"),
    [
        (f"obj-{DEAD}-0123456789abcdef", TMP_AGE_MS + 1000, False),
        (f"obj-{DEAD}-0123456789abcdef", TMP_AGE_MS - 1000, True),
        (f"obj-{os.getpid()}-0123456789abcdef", 100 * TMP_AGE_MS, True),
        ("obj-99999999999999999999-ab", TMP_AGE_MS + 1000, False),
        ("something else", TMP_AGE_MS + 1000, False),
        ("from the future", -TMP_AGE_MS, True),
    ],
    ids=["dead", "dead but young", "of this process", "no process", "unnamed", "from the future"],
)
def test_left_over_file_goes_when_it_is_old_and_nobodys(shop, name, age_ms, stays):
    """A file in tmp/ is deleted a day after it was written, unless its process still runs."""
    path = leave(shop.root, name, age_ms=age_ms)
    swept = sweep_all(shop.root)
    assert path.exists() == stays
    assert swept.tmp_count == (not stays)


def test_left_over_folder_goes_whole_and_no_link_is_followed(shop, tmp_path):
    """A folder in tmp/ goes with its content; what a link leads to is not touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    folder = leave(shop.root, f"pack-{DEAD}-00/pack-1.pack").parent
    (folder / "link").symlink_to(outside)
    (shop.root / "tmp" / "link").symlink_to(outside)
    for path in (folder, shop.root / "tmp" / "link"):
        os.utime(path, (1, 1), follow_symlinks=False)
    sweep_all(shop.root)
    assert shop.names("tmp/*") == []
    assert (outside / "precious").exists()


def test_missing_folders_are_no_error(shop):
    """A store without tmp/ or trash/ is swept, which is to do nothing."""
    (shop.root / "tmp").rmdir()
    (shop.root / "trash").rmdir()
    assert sweep_all(shop.root) == (0, 0)
