"""`tapes init`."""

from __future__ import annotations

import os

from tests.builders import litter


def test_a_store_is_made_where_one_stands(tapes, work):
    """The path is printed; a second run says that it is there."""
    assert tapes("init").out == f"Initialized empty tapes store in {work}/.tapes\n"
    assert tapes("init").out == f"Existing tapes store in {work}/.tapes\n"
    assert tapes("status").lines[0] == "On branch main"


def test_a_directory_can_be_named_and_is_made(tapes, work):
    """As git does."""
    assert tapes("init", "a/b", "-q").out == ""
    assert (work / "a/b/.tapes/HEAD").read_text() == "ref: refs/heads/main\n"
    (record,) = tapes("init", "a/b", "--json").records
    assert record == {"schema": 1, "path": f"{work}/a/b/.tapes", "new": False}


def test_the_store_that_was_named_is_made(tapes, work):
    """With the option, and in the environment."""
    tapes("--tapes-dir", "one", "init")
    tapes("init", env={"TAPES_DIR": "two"})
    assert (work / "one/HEAD").exists()
    assert (work / "two/HEAD").exists()


def test_the_users_own_store_serves_where_there_is_no_other(tapes, home, work):
    """`init --user` makes it in the platform's data folder."""
    path = home / "data/tapegit/.tapes"
    result = tapes("init", "--user")
    assert result.out == f"Initialized empty tapes store in {path}\n"
    assert tapes("status", "--json").records[0]["store"] == str(path)
    tapes("init", "--user", "x", code=2)
    tapes("init")
    assert tapes("status", "--json").records[0]["store"] == f"{work}/.tapes"


def test_without_any_store_commands_say_how_to_get_one(tapes, home):
    """Exit code 10 and both commands."""
    result = tapes("status", code=10)
    assert result.out == ""
    assert result.err == (
        "tapes: error: no store here, and none of your own\n"
        "hint: 'tapes init --user' makes one store for all projects\n"
        "hint: 'tapes init' makes one for this directory\n"
    )


def test_the_first_branch_can_be_named(tapes):
    """A bad name is refused before anything is made."""
    tapes("init", "-b", "a..b", code=14)
    tapes("status", code=10)
    tapes("init", "-b", "trunk")
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/trunk\n"


def test_a_store_in_a_git_repository_is_hidden_and_its_owner_is_warned(tapes, work):
    """Git ignores it, but `git clean -fdx` does not."""
    (work / ".git").mkdir()
    result = tapes("init")
    assert "git clean -fdx" in result.err
    assert "tapes init --user" in result.err
    assert (work / ".tapes/.gitignore").read_text() == "*\n"
    assert tapes("init").err == ""


def test_in_a_linked_worktree_the_main_one_is_recommended(tapes, work):
    """A store goes with the worktree that it is in; that of the main one serves them all."""
    known = work / "main/.git/worktrees/side"
    known.mkdir(parents=True)
    (known / "commondir").write_text("../..\n")
    (known / "gitdir").write_text(f"{work}/side/.git\n")
    (work / "side/below").mkdir(parents=True)
    (work / "side/.git").write_text(f"gitdir: {known}\n")

    result = tapes("init", "-b", "x", cwd=work / "side/below")

    assert "git worktree remove" in result.err
    assert f"'tapes init {work}/main'" in result.err
    assert "git clean" not in result.err


def test_another_programs_directory_is_named_and_left(tapes, work):
    """Nothing is written into it."""
    (work / ".tapes").mkdir()
    (work / ".tapes/tapes.sqlite").write_bytes(b"x")
    result = tapes("init", code=1)
    assert "belongs to another program" in result.err
    assert "tapes init --user" in result.err
    assert os.listdir(work / ".tapes") == ["tapes.sqlite"]


def test_a_file_in_the_place_of_the_store_is_named_and_left(tapes, work):
    """The hint says what can be done."""
    (work / ".tapes").write_text("mine")
    result = tapes("init", code=16)
    assert "something else has this name" in result.err
    assert "hint: move it away" in result.err
    assert (work / ".tapes").read_text() == "mine"


def test_strangers_in_a_store_are_no_obstacle(tapes, store):
    """Files that others left in it stay."""
    litter(store)
    assert tapes("init").out.startswith("Existing")
    assert (store / "stranger.txt").exists()


def test_a_synchronised_folder_is_warned_of(tapes, work):
    """No program may exchange single files of a store."""
    assert "synchronised" in tapes("init", "Dropbox/x").err
