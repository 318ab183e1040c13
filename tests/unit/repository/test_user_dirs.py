"""Where a person's own files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapegit.errors import RepositoryNotFoundError, UserError
from tapegit.porcelain.maintenance.init import init
from tapegit.repository.config import load_config
from tapegit.repository.discover import discover
from tapegit.repository.user_dirs import find_user_config, find_user_store


def test_the_platform_decides(home):
    """On Linux by the XDG variables, which the fixture sets."""
    assert find_user_store() == home / "data/tapegit/.tapes"
    assert find_user_config() == home / "config/tapegit/config.toml"


def test_without_a_home_there_is_no_such_place(home, tmp_path, monkeypatch):
    """Nothing is made in a folder called `~`: the user's files are left out, or it is an error."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: (_ for _ in ()).throw(KeyError()))

    assert find_user_store() is None
    assert load_config(None).integer("gc.auto") == 6700
    with pytest.raises(RepositoryNotFoundError):
        discover(str(tmp_path))
    with pytest.raises(UserError, match="no home"):
        init(None, named_store=None, user=True, branch=None)
    assert not Path("~").exists()
