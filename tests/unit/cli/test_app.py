"""What a command is given."""

from __future__ import annotations

import pytest

from tapegit.cli.app import App
from tapegit.errors import ConfigError, IntegrityError, RepositoryNotFoundError
from tapegit.ui.terminal import Terminal


def make_app(**environ: str) -> App:
    """Return an app with this environment alone."""
    return App(Terminal(), environ)


def test_clock_is_the_machine_s_unless_fixed():
    """TAPES_DATE replaces the clock; without it the time is now."""
    assert make_app(TAPES_DATE="12345").clock() == 12345
    assert make_app().clock() > 1_700_000_000_000


@pytest.mark.parametrize("text", ["now", "-5", "1.5", "9" * 16])
def test_clock_refuses_what_is_no_time(text):
    """A date that cannot be read is an error that names the variable."""
    with pytest.raises(ConfigError) as raised:
        make_app(TAPES_DATE=text).clock()

    assert raised.value.fields["key"] == "TAPES_DATE"


def test_actor_is_given_or_made_up_of_user_and_machine():
    """TAPES_ACTOR wins; else the login name and the machine's name."""
    assert make_app(TAPES_ACTOR="me", USER="u").actor == "me"
    assert make_app(USER="u").actor.startswith("u@")
    assert make_app(LOGNAME="l").actor.startswith("l@")
    assert make_app().actor.startswith("unknown@")


def test_root_is_found_only_when_asked_for(work, monkeypatch):
    """An app without a store is no error until a command needs one."""
    monkeypatch.chdir(work)
    app = make_app()

    with pytest.raises(RepositoryNotFoundError):
        _ = app.root


def test_tapes_dir_wins_over_the_directory(store, tmp_path, monkeypatch):
    """TAPES_DIR names a store wherever one is."""
    monkeypatch.chdir(tmp_path)

    assert store == make_app(TAPES_DIR=str(store)).root


def test_broken_refs_are_reported_after_the_others(capsys):
    """The first error is raised at the end, the further ones are warnings."""
    app = make_app()
    app.note_broken("refs/heads/a", IntegrityError("a is broken"))
    app.note_broken("refs/heads/b", IntegrityError("b is broken"))

    with pytest.raises(IntegrityError, match="a is broken"):
        app.raise_broken()

    assert capsys.readouterr().err == "tapes: warning: b is broken\n"


def test_broken_packed_refs_stop_at_once():
    """If the file that holds most refs is damaged, nothing is listed as if it were all."""
    with pytest.raises(IntegrityError):
        make_app().note_broken("packed-refs", IntegrityError("torn"))
