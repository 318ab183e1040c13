"""Reading settings."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import ConfigError
from tapegit.repository.config import load_config, parse_toml, read_settings
from tapegit.repository.config_keys import KEYS, parse_value, split_key, verify_value
from tests.vectors.vector import read_man_examples


@pytest.fixture
def layers(tmp_path):
    """Give a function that writes the two files and loads them."""

    def load(store=b"", user=b""):
        (tmp_path / "config").write_bytes(store)
        (tmp_path / "user.toml").write_bytes(user)
        return load_config(tmp_path, user_path=tmp_path / "user.toml")

    return load


def test_without_files_the_defaults_hold(tmp_path):
    """Neither file need exist."""
    config = load_config(tmp_path, user_path=tmp_path / "none")

    assert list(config.iter_settings()) == []
    assert config.integer("gc.auto") == 6700
    assert config.text("gc.prune_expire") == "14.days"


def test_the_store_goes_before_the_user(layers):
    """A key that only one file has is taken from it."""
    config = layers(b"[gc]\nauto = 1\n", b"[gc]\nauto = 2\nauto_pack_limit = 3\n")

    assert config.integer("gc.auto") == 1
    assert config.integer("gc.auto_pack_limit") == 3
    assert config.find("gc.auto").layer == "store"
    assert [(item.key, item.value, item.layer) for item in config.iter_settings()] == [
        ("gc.auto", 2, "user"),
        ("gc.auto_pack_limit", 3, "user"),
        ("gc.auto", 1, "store"),
    ]


def test_a_subsection_may_hold_dots(layers):
    """Section and name are what is before the first and after the last dot."""
    config = layers(b'[remote."my.host"]\nurl = "x"\n')

    assert config.find("remote.my.host.url").value == "x"
    assert split_key("remote.my.host.url") == ["remote", "my.host", "url"]


def test_keys_of_tomorrow_are_kept(layers):
    """A key that is not in the table is listed and harms nobody."""
    config = layers(b"[moon]\nphase = true\n")

    assert config.find("moon.phase").value is True
    assert config.integer("gc.auto") == 6700


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x", "expected"),
        (b"[gc]\nauto = 1\nauto = 2\n", "overwrite"),
        (b"\xff", "UTF-8"),
        (b"[gc]\nauto = 1.5\n", "'gc.auto' is no setting"),
        (b"[gc]\nauto = [1]\n", "'gc.auto' is no setting"),
        (b"[gc]\nauto = 1979-05-27\n", "'gc.auto' is no setting"),
        (b"auto = 1\n", "'auto' is no setting"),
        (b"[a.b.c]\nd = 1\n", "is no setting"),
        (b"[A]\nd = 1\n", "is no key"),
        (b"[a]\n'x y' = 1\n", "is no key"),
        (b"[a]\nx = " + b"[" * 3000, "nested too deep"),
        (b"a." * 30000 + b"a = 1\n", "longer than 4096"),
        (b"# " + b"x\n" * 40000, "larger than 65536"),
        (b"[a]\nx = 'a\rb'\n", "invalid character"),
    ],
)
@pytest.mark.timeout(5)
def test_a_damaged_file_is_one_error_that_names_it(layers, tmp_path, data, reason):
    """Whatever is wrong, at once, with exit code 15 and without a traceback."""
    with pytest.raises(ConfigError) as caught:
        layers(data)

    assert reason.lower() in caught.value.message.lower()
    assert caught.value.exit_code == 15


@pytest.mark.parametrize("text", ["", "\n", "  \r\n\t\n"])
def test_an_empty_file_is_not_parsed(text, monkeypatch, tmp_path):
    """The file that init makes costs nothing."""
    monkeypatch.setattr("tomllib.loads", None)
    assert parse_toml(text, tmp_path) == {}


def test_a_wrong_value_is_an_error_for_who_asks(layers):
    """With the file, the key, what it must be, and the default."""
    config = layers(b'[gc]\nauto = "many"\n')

    assert config.text("gc.prune_expire") == "14.days"
    with pytest.raises(ConfigError, match=r"'gc\.auto' is 'many'") as caught:
        config.integer("gc.auto")
    assert caught.value.fields["path"].name == "config"
    assert "6700" in caught.value.hint


@pytest.mark.parametrize("value", ["true", "1.5", "-1", "''", "'x'"])
def test_a_number_that_is_none_is_refused(layers, value):
    """Neither a boolean, which Python takes for one, nor a negative one."""
    with pytest.raises(ConfigError):
        layers(b"[gc]\nauto = " + value.encode()).integer("gc.auto")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("gc.auto", "0", 0),
        ("gc.auto", "12", 12),
        ("gc.prune_expire", "now", "now"),
        ("gc.prune_expire", "never", "never"),
        ("gc.prune_expire", "2 weeks", "2 weeks"),
        ("gc.prune_expire", "1.day", "1.day"),
        ("x.y", "7", 7),
        ("x.y", "-7", -7),
        ("x.y", "007", "007"),
        ("x.y", "true", True),
        ("x.y", "True", "True"),
        ("x.y", "a b", "a b"),
        ("x.y", "9" * 30, "9" * 30),
    ],
)
def test_text_becomes_the_value_of_its_key(key, text, value):
    """By the key's type, or by its look."""
    assert parse_value(key, text) == value
    assert type(parse_value(key, text)) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("gc.auto", "-1"),
        ("gc.auto", "x"),
        ("gc.auto", "true"),
        ("gc.auto", ""),
        ("gc.prune_expire", "soon"),
        ("gc.prune_expire", "14"),
        ("gc.prune_expire", "14.days; rm"),
        ("gc.prune_expire", "1234567.days"),
    ],
)
def test_text_that_a_key_cannot_hold_is_refused(key, text):
    """Before it is written."""
    with pytest.raises(ConfigError):
        parse_value(key, text)


@pytest.mark.parametrize(
    "key", ["", "a", "a.", ".a", "a..b", "A.b", "a.B", "a.b-c", "1.a", "a b.c", "a.x\ny.c", "a.é"]
)
def test_what_is_no_key_is_refused(key):
    """With exit code 15."""
    with pytest.raises(ConfigError, match="is no key"):
        split_key(key)


def test_every_default_is_of_its_keys_type():
    """And no key can be told to run anything."""
    for key, rule in KEYS.items():
        assert verify_value(key, rule.default) == rule.default
        assert not any(word in key for word in ("command", "hook", "program", "editor", "pager"))


def test_every_key_is_in_the_page():
    """tapesformat-config(5) and tapesmaintenance(7) list each key with its default."""
    from tests.vectors.vector import MAN_DIR

    for page in ("tapesformat-config.5.md", "tapesmaintenance.7.md"):
        text = (MAN_DIR / page).read_text()
        for key, rule in KEYS.items():
            rows = [line.replace("`", " ").strip(" |") for line in text.splitlines()]
            (row,) = [row for row in rows if row.startswith(f"{key} ")]
            assert f"{rule.default}" in row, key


@given(st.text(max_size=200) | st.text("[]a.=\"'1\n {}", max_size=60))
def test_any_text_is_settings_or_a_config_error(tmp_path_factory, text):
    """No file makes the reader raise anything else."""
    path = tmp_path_factory.getbasetemp() / "config"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = read_settings(path, "user")
    except ConfigError:
        return
    assert all(split_key(setting.key) for setting in found)


def test_the_example_of_the_page_decodes(layers):
    """The file in tapesformat-config(5) sets what the page says."""
    (data,) = read_man_examples("tapesformat-config.5.md")
    config = layers(data)

    assert config.integer("gc.auto") == 2000
    assert config.text("gc.trash_expire") == "30.days"


def test_reading_does_not_load_what_writes():
    """The library that edits is only for who edits."""
    import subprocess

    code = "import sys, tapegit.repository.config; sys.exit('tomlkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
