"""`tapes fsck`: what it prints and its exit codes."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests import packs
from tests.builders import make_tape, set_ref, write_blob, write_turn


def damage(path, offset):
    """Change one byte of a file of a store."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))


@pytest.fixture
def pack(store, repository):
    """Give the one pack of the store, which a session needs."""
    objects = packs.sample(20)
    summary = packs.write_pack(store, objects)
    set_ref(repository, "refs/sessions/claude-code/abc/file/main", packs.oid_of(objects[-3]))
    return summary.path


def test_sound_store_prints_nothing_that_is_wrong(tapes, repository):
    """Exit code 0, and notices only."""
    make_tape(repository, 3)

    for options in ([], ["--full"], ["--connectivity-only"]):
        lines = tapes("fsck", *options).lines
        assert all(line.startswith("notice: ") for line in lines)


def test_new_store_is_sound(tapes, store):
    """HEAD is unborn, which is a notice, as in git."""
    assert "notice: HEAD points to an unborn branch (main)" in tapes("fsck").lines


def test_dangling_and_unreachable_are_listed_as_git_does(tapes, repository):
    """`dangling <kind> <id>`; with --unreachable everything that no ref needs."""
    blob = write_blob(repository, b"dangling")
    tip = make_tape(repository, 2, name=None)[-1]

    lines = tapes("fsck", "--full").lines
    assert {f"dangling blob {blob}", f"dangling turn {tip}"} <= set(lines)
    assert sum(line.startswith("dangling") for line in lines) == 2
    lines = tapes("fsck", "--unreachable").lines
    assert sum(line.startswith("unreachable") for line in lines) == 5
    assert not any("dangling" in line for line in tapes("fsck", "--no-dangling").lines)


def test_shape_of_dangling_lines_is_gits(tapes, repository, tmp_path):
    """The same line from git, but for the id."""
    git = tmp_path / "git"
    subprocess.run(["git", "init", "-q", git], check=True)
    made = subprocess.run(
        ["git", "-C", git, "hash-object", "-w", "--stdin"],
        input=b"x",
        capture_output=True,
        check=True,
    )
    listed = subprocess.run(
        ["git", "-C", git, "fsck"], capture_output=True, check=True, text=True
    ).stdout
    oid = write_blob(repository, b"x")

    line = next(line for line in listed.splitlines() if line.startswith("dangling"))
    assert line.replace(made.stdout.decode().strip(), str(oid)) in tapes("fsck").lines


def test_missing_object_prints_link_and_object(tapes, repository):
    """`broken link from … to …` on two lines and `missing …`, exit code 2."""
    raw = write_blob(repository, b"soon gone")
    turn = write_turn(repository, raw=(raw,))
    set_ref(repository, "refs/heads/main", turn)
    repository.objects.loose.path_of(raw).unlink()

    lines = tapes("fsck", code=2).lines

    at = lines.index(f"broken link from    turn {turn}")
    assert lines[at + 1] == f"              to  object {raw}"
    assert f"missing object {raw}" in lines


def test_damaged_pack_names_file_objects_and_sessions(tapes, pack):
    """The frame, every id it cost, and what to import again; bits 1 and 4."""
    damage(pack, 40)

    result = tapes("fsck", "--full", code=5)

    corrupt = [line for line in result.lines if line.startswith("corrupt ")]
    assert any(f"objects/pack/{pack.name}: frame 0" in line for line in corrupt)
    lost = [line for line in result.lines if line.startswith(("lost ", "damaged "))]
    assert len(lost) == 20
    assert (
        "  needed by refs/sessions/claude-code/abc/file/main"
        " (import session abc of claude-code again)" in result.lines
    )


def test_salvage_gets_the_rest_and_says_what_it_did(tapes, pack):
    """The damaged pack is put aside, what is left is read from the new one."""
    damage(pack, pack.stat().st_size - 10)

    result = tapes("fsck", "--salvage")

    assert any(line.startswith("notice: 62 objects are now in 'pack-") for line in result.lines)
    assert tapes("fsck", "--full").code == 0


def test_json_has_an_object_per_finding(tapes, pack, repository):
    """Absent is unknown; the sort of a finding has no spaces."""
    raw = write_blob(repository, b"soon gone")
    turn = write_turn(repository, raw=(raw,))
    set_ref(repository, "refs/heads/main", turn)
    repository.objects.loose.path_of(raw).unlink()
    damage(pack, 40)

    records = tapes("fsck", "--full", "--json", code=7).records

    assert {"broken-link", "missing", "corrupt"} <= {record["finding"] for record in records}
    link = next(record for record in records if record["finding"] == "broken-link")
    assert link == {
        "schema": 1,
        "finding": "broken-link",
        "kind": "turn",
        "oid": str(turn),
        "target": str(raw),
    }


def test_lost_found_holds_what_dangles(tapes, repository, store):
    """A blob as its bytes, anything else as its id, in folders as git has them."""
    blob = write_blob(repository, b"was it this?")
    turn = write_turn(repository, "or this?")

    tapes("fsck", "--lost-found")

    assert (store / "lost-found/other" / str(blob)).read_bytes() == b"was it this?"
    assert (store / "lost-found/turn" / str(turn)).read_text() == f"{turn}\n"
    assert tapes("fsck").code == 0


def test_ref_to_nowhere_has_its_own_bit(tapes, repository, store):
    """Exit code 8."""
    make_tape(repository, 1)
    (store / "refs/heads/bad").write_text("1" * 64 + "\n")

    lines = tapes("fsck", code=8).lines

    assert f"ref refs/heads/bad: its object {'1' * 64} is missing" in lines


@pytest.mark.parametrize(
    "options",
    [
        ("--connectivity-only", "--full"),
        ("--connectivity-only", "--salvage"),
        ("--salvage", "--lost-found"),
    ],
)
def test_options_that_exclude_each_other(tapes, store, options):
    """A usage error."""
    tapes("fsck", *options, code=2)


def test_control_characters_of_names_do_not_reach_a_terminal(tapes, store):
    """A stranger's file name is escaped."""
    (store / "refs/heads/\x1b[2J").write_text("x")

    assert "\x1b" not in tapes("fsck").out


def test_real_process_exits_with_the_code(run_tapes, pack):
    """As a script sees it."""
    damage(pack, 40)

    assert run_tapes("fsck", "--full", code=None).code == 5


@pytest.mark.parametrize("name", ["objects/pack", "objects"])
def test_folder_that_is_not_one_is_named(tapes, repository, store, name, tmp_path):
    """A link in place of a folder of the store: a named error or finding, no traceback."""
    make_tape(repository, 2)
    os.rename(store / name, tmp_path / "moved")
    os.symlink(tmp_path / "moved", store / name)

    tapes("fsck", "--full", code=None)
