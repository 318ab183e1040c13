"""`tapes config`."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_home(home):
    """Let each test have settings of its own."""


def test_a_setting_is_set_read_and_unset(tapes, store):
    """In the store; what is not set prints nothing and ends with 1."""
    assert tapes("config", "gc.auto", code=1).out == ""
    assert tapes("config", "gc.auto", "5").out == ""
    assert tapes("config", "gc.auto").out == "5\n"
    assert tapes("config", "--get", "gc.auto").out == "5\n"
    tapes("config", "--unset", "gc.auto")
    assert tapes("config", "--get", "gc.auto", code=1).out == ""
    assert "not set" in tapes("config", "--unset", "gc.auto", code=15).err


def test_the_store_overrules_the_user(tapes, store, home):
    """Both are listed, with the file they are from."""
    tapes("config", "--user", "gc.auto", "7")
    assert tapes("config", "gc.auto").out == "7\n"
    tapes("config", "gc.auto", "5")
    assert tapes("config", "gc.auto").out == "5\n"
    assert tapes("config", "--user", "gc.auto").out == "7\n"
    assert tapes("config", "--list").out == "gc.auto=7\ngc.auto=5\n"
    assert tapes("config", "-l", "--show-origin").lines == [
        f"file:{home}/config/tapegit/config.toml\tgc.auto=7",
        f"file:{store}/config\tgc.auto=5",
    ]
    assert tapes("config", "--store", "--list").out == "gc.auto=5\n"


def test_records_can_be_told_apart_whatever_they_hold(tapes, store):
    """With -z as in git, and as JSON."""
    tapes("config", "a.b.c", "one\ntwo=3")
    assert tapes("config", "-lz").data == b"a.b.c\none\ntwo=3\0"
    assert tapes("config", "-z", "a.b.c").data == b"one\ntwo=3\0"
    assert tapes("config", "-lz", "--show-origin").data.startswith(b"file:/")
    assert tapes("config", "--list", "--json").records == [
        {
            "schema": 1,
            "key": "a.b.c",
            "value": "one\ntwo=3",
            "layer": "store",
            "path": f"{store}/config",
        }
    ]


def test_the_users_settings_need_no_store(tapes, home):
    """They are read and set anywhere; a store that is asked for must be there."""
    tapes("config", "--user", "gc.auto", "7")
    assert tapes("config", "gc.auto").out == "7\n"
    tapes("config", "gc.auto", "5", code=10)
    tapes("config", "--store", "--list", code=10)
    tapes("--tapes-dir", "none", "config", "--list", code=10)


@pytest.mark.parametrize(
    "args",
    [["gc.auto", "x"], ["nokey"], ["A.b", "1"], ["a.b.", "1"], ["gc.prune_expire", "soon"]],
)
def test_what_no_key_can_be_or_hold_is_exit_code_15(tapes, store, args):
    """And is not written."""
    tapes("config", *args, code=15)
    assert (store / "config").read_bytes() == b""


@pytest.mark.parametrize("args", [[], ["--list", "a.b"], ["--get", "a.b", "c"], ["--unset"]])
def test_a_wrong_use_is_exit_code_2(tapes, store, args):
    """With how it is used."""
    tapes("config", *args, code=2)


def test_a_damaged_file_is_named(tapes, store):
    """With its path, for whoever needs settings; others go on."""
    (store / "config").write_bytes(b"[gc\n")
    assert str(store / "config") in tapes("config", "--list", code=15).err
    tapes("config", "gc.auto", "5", code=15)
    tapes("status")
