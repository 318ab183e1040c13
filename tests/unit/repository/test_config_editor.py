"""Changing settings."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.errors import ConfigError, LockedError
from tapegit.files.locks import Lock
from tapegit.repository.config import read_settings
from tapegit.repository.config_editor import edit_setting

TEXT = """# mine
[gc]  # rubbish
auto = 1  # few

# the other
[a."b.c"]
x = "old"
"""


@pytest.fixture
def edit(tmp_path):
    """Give a function that changes a file and returns its text and settings."""
    path = tmp_path / "config"

    def change(key, value, text=None):
        if text is not None:
            path.write_bytes(text.encode())
        edit_setting(path, key, value, tmp_dir=tmp_path, lock=tmp_path / "lock")
        settings = {item.key: item.value for item in read_settings(path, "store")}
        return path.read_bytes().decode(), settings

    return change


def test_a_value_changes_and_nothing_else(edit):
    """Comments, order and spaces stay."""
    text, settings = edit("gc.auto", 2, TEXT)

    assert text == TEXT.replace("auto = 1", "auto = 2")
    assert settings == {"gc.auto": 2, "a.b.c.x": "old"}


def test_a_new_key_joins_its_section(edit):
    """Without a second heading."""
    text, settings = edit("gc.prune_expire", "now", TEXT)

    assert text.count("[gc]") == 1
    assert "# the other" in text
    assert settings == {"gc.auto": 1, "gc.prune_expire": "now", "a.b.c.x": "old"}


@pytest.mark.parametrize("key", ["new.key", "new.sub.key", "new.s.u.b.key", "a.d.key", "a.key"])
def test_a_new_section_is_made(edit, key):
    """Also a subsection, beside or below what is there."""
    text, settings = edit(key, True, TEXT)

    assert text.startswith("# mine\n[gc]  # rubbish\nauto = 1  # few\n")
    assert settings == {"gc.auto": 1, "a.b.c.x": "old", key: True}


def test_a_file_that_is_missing_is_made(edit):
    """With the key alone."""
    text, settings = edit("gc.auto", 5)

    assert text == "[gc]\nauto = 5\n"
    assert settings == {"gc.auto": 5}


def test_a_key_is_removed(edit):
    """And nothing else."""
    text, settings = edit("gc.auto", None, TEXT)

    assert settings == {"a.b.c.x": "old"}
    assert "# mine" in text
    assert "# the other" in text


def test_removing_what_is_not_set_changes_nothing(edit, tmp_path):
    """Not even the file's time."""
    (tmp_path / "config").write_text(TEXT)
    before = (tmp_path / "config").stat()
    done = edit_setting(tmp_path / "config", "x.y", None, tmp_dir=tmp_path, lock=tmp_path / "lock")

    assert not done
    assert (tmp_path / "config").stat() == before


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[a]\nb = 1\n", "a.b.c"),
        ("[a.b]\nc = 1\n", "a.b"),
        ("[[a]]\nb = 1\n", "a.b"),
        ("a = 1\n", "a.b"),
        ("junk", "a.b"),
        ("[a]\nb = 1.5\n", "a.c"),
    ],
)
def test_what_is_in_the_way_is_an_error_and_stays(edit, tmp_path, text, key):
    """A file that cannot be changed safely is not changed."""
    with pytest.raises(ConfigError):
        edit(key, 1, text)

    assert (tmp_path / "config").read_text() == text


def test_dotted_keys_and_inline_tables_are_changed_right_or_not_at_all(edit):
    """Whatever TOML offers, afterwards exactly the one key is another."""
    for text in ("gc.auto = 1\ngc.x = 2\n", "gc = {auto = 1, x = 2}\n", "[gc]\nauto=1\nx=2"):
        try:
            _, settings = edit("gc.auto", 7, text)
        except ConfigError:
            continue
        assert settings == {"gc.auto": 7, "gc.x": 2}


middles = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), middles)
@example('"]\nx = 1\n[gc]\nauto = 0\n', "a")
@example("a\r", "a")
@example("\r\n", 'x"]\\')
@example("'''", "'")
@example('"""\\', "]")
@example("\x00\x1b[31m\x7f\x85\u2028", "é")
def test_any_text_comes_back_and_sets_nothing_else(tmp_path_factory, value, middle):
    """A value with quotes and line ends in it stays a value (CVE-2025-48384)."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / "config"
    path.write_text(TEXT)
    key = f"remote.{middle}.url"
    try:
        edit_setting(path, key, value, tmp_dir=folder, lock=folder / "lock")
    except ConfigError:
        assert path.read_text() == TEXT
        assert middle.startswith(".") or middle.endswith(".")
        return
    found = {item.key: item.value for item in read_settings(path, "store")}

    assert found == {"gc.auto": 1, "a.b.c.x": "old", key: value}


def test_two_never_change_a_file_at_once(edit, tmp_path, monkeypatch):
    """Who finds the lock held says so."""
    monkeypatch.setattr("tapegit.files.locks.time.monotonic", iter(range(0, 10**6, 20)).__next__)
    with Lock(tmp_path / "lock").exclusive(), pytest.raises(LockedError):
        edit("gc.auto", 2, TEXT)
