"""What a server refuses, over each transport: the ref, its own words cleaned, and a failure."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.builders import make_repo, make_tape, set_ref
from tests.command import Runner, run_here
from tests.git_servers import TRANSPORTS

SAYING = r'printf "\033]52;c;cm0K\007stay \033[31maway\r\nend\302\233m\342\200\256\010\n" >&2'
CLEANED = ("remote: ?]52;c;cm0K?stay ?[31maway", "remote: end?m??")
NOT_SHOWN = set("\x1b\x07\r\x9b\u202e\x08")
HEADS_AND_TAGS = (
    "while read old new name; do case $name in refs/heads/*|refs/tags/*) ;; "
    "*) echo only heads and tags >&2; exit 1;; esac; done"
)


class Refusal(NamedTuple):
    """How a server is set up, what it says of branch and tag, and which refs it has then."""

    hooks: tuple[tuple[str, str], ...] = ()
    settings: tuple[str, ...] = ()
    branch: str | None = None
    tag: str | None = None
    said: tuple[str, ...] = ()


DECLINED = "pre-receive hook declined"
HIDDEN = "deny updating a hidden ref"
REFUSALS = {
    "all, before": Refusal(
        (("pre-receive", f"{SAYING}; exit 1"),), branch=DECLINED, tag=DECLINED, said=CLEANED
    ),
    "one, by a hook": Refusal(
        (("update", f"case $1 in */tags/*) {SAYING}; exit 1;; esac"),),
        tag="hook declined",
        said=CLEANED,
    ),
    "hidden": Refusal(settings=("transfer.hideRefs=refs/tapes/tags",), tag=HIDDEN),
    "hidden to pushes": Refusal(settings=("receive.hideRefs=refs/tapes/heads",), branch=HIDDEN),
    "heads and tags only": Refusal(
        (("pre-receive", HEADS_AND_TAGS),),
        branch=DECLINED,
        tag=DECLINED,
        said=("remote: only heads and tags",),
    ),
    "nothing, after": Refusal((("post-receive", f"{SAYING}; exit 1"),), said=CLEANED),
    "nothing, however strict": Refusal(settings=("receive.fsckObjects=true",)),
}


@pytest.fixture
def tapes(tmp_path):
    """Give what runs tapes in a store with a branch and a tag."""
    folder = tmp_path / "one"
    folder.mkdir()
    repository = make_repo(folder / ".tapes")
    chain = make_tape(repository, 2)
    set_ref(repository, "refs/tags/v1", chain[0])
    return Runner(run_here, folder)


@pytest.fixture(params=TRANSPORTS)
def place(request, servers, monkeypatch):
    """Give a repository on a server of each kind."""
    server = servers.make()
    place = servers.place(request.param, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return place, server


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_is_told(refusal, place, tapes):
    """Each ref for itself; what was not refused is there."""
    (url, *_), server = place
    for name, script in refusal.hooks:
        server.hook(name, script)
    for setting in refusal.settings:
        server.git("config", *setting.split("="))
    refused = {"main": refusal.branch, "v1": refusal.tag}
    is_failed = any(refused.values())
    result = tapes("push", "--json", url, "main", "v1", code=42 if is_failed else 0)
    states = {record["source"]: record for record in result.records}
    for name, reason in refused.items():
        assert states[name].get("reason") == reason
        assert states[name]["state"] == ("rejected" if reason else "new")
        assert states[name].get("by") == ("remote" if reason else None)
    for line in refusal.said:
        assert line in result.err.splitlines(), result.err
    assert not NOT_SHOWN & set(result.err)
    there = {name.rpartition("/")[2] for name in server.git("for-each-ref").split("\n")}
    for name, reason in refused.items():
        assert (name in there) == (reason is None)
    server.verify()


def test_a_pack_that_is_too_large_is_refused_whole(place, tapes):
    """The server says why; nothing is there, and a second try without the limit succeeds."""
    (url, *_), server = place
    server.git("config", "receive.maxInputSize", "50")
    result = tapes("push", url, "main", code=None)
    assert result.code in (40, 42)
    assert result.err.count("tapes: error: ") == 1
    assert server.refs == {}
    server.git("config", "receive.maxInputSize", "0")
    tapes("push", url, "main")
    server.verify()


def test_a_remote_that_went_back_is_told_and_remembered(servers, tapes, tmp_path):
    """What was there before is in the reflog; what is gone is said, and kept until it is pruned."""
    server = servers.make()
    tapes("push", server.path, "main", "main:side")
    other = tmp_path / "two"
    other.mkdir()
    make_repo(other / ".tapes")
    run = Runner(run_here, other)
    run("remote", "add", "origin", server.path)
    run("fetch")
    seen = run("rev-parse", "origin/main").oid
    server.git("update-ref", "refs/tapes/heads/main", "refs/tapes/heads/main~1")
    server.git("update-ref", "-d", "refs/tapes/heads/side")
    assert "main -> origin/main (forced update)" in run("fetch").err
    assert run("rev-parse", "origin/main@{1}").oid == seen
    assert run("rev-parse", "origin/side").oid == seen
    assert "side" in run("remote", "show", "origin").out
    assert " - [deleted]" in run("fetch", "--prune").err
    assert run("cat-file", "-e", seen).code == 0
    assert run("branch", "-r").lines == ["  origin/main"]
