"""`tapes update-ref`."""

from __future__ import annotations

import pytest

from tests.builders import write_blob

ZERO = "0" * 64

SCENARIOS = {
    "move": [("update-ref", "refs/heads/main", "main~1")],
    "create": [("update-ref", "refs/heads/new", "main")],
    "create by zeros": [("update-ref", "refs/heads/new", "main", ZERO)],
    "create by an empty old value": [("update-ref", "refs/heads/new", "main", "")],
    "create what exists": [("update-ref", "refs/heads/main", "main~1", ZERO)],
    "expected value": [("update-ref", "refs/heads/main", "main~1", "main")],
    "unexpected value": [("update-ref", "refs/heads/main", "main~1", "main~2")],
    "through HEAD": [("update-ref", "HEAD", "main~1")],
    "HEAD itself": [("update-ref", "--no-deref", "HEAD", "main~1"), ("symbolic-ref", "HEAD")],
    "delete": [("update-ref", "-d", "refs/heads/try/2")],
    "delete the expected": [("update-ref", "-d", "refs/heads/try/2", "try/2")],
    "delete the unexpected": [("update-ref", "-d", "refs/heads/try/2", "main")],
    "new value that is nothing": [("update-ref", "refs/heads/main", "nope")],
    "bad name": [("update-ref", "refs/heads/a..b", "main")],
    "name outside refs": [("update-ref", "main", "main~1")],
    "folder in the way": [("update-ref", "refs/heads/main/sub", "main")],
    "ref in the way": [("update-ref", "refs/heads/try", "main")],
    "empty reason": [("update-ref", "-m", "", "refs/heads/main", "main~1")],
    "too few": [("update-ref", "refs/heads/main")],
    "too many": [("update-ref", "refs/heads/main", "main", "main", "main")],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
def test_update_ref_does_what_git_does(twin, steps):
    """After each step, and whether it was refused or not, the refs are those that git has."""
    for step in steps:
        if step == ("update-ref", "main", "main~1"):
            twin.tapes(*step, code=14)  # git writes a file of that name beside HEAD
            continue
        twin.same(*step)
        twin.same("show-ref", "--head")


INPUTS = {
    "create and update": "create refs/heads/a {main}\nupdate refs/heads/main {main~1}\n",
    "old values": "update refs/heads/main {main~1} {main}\ndelete refs/heads/try/2 {try/2}\n",
    "one wrong old value": "create refs/heads/a {main}\nupdate refs/heads/main {main~1} {main~2}\n",
    "verify": "verify refs/heads/main {main}\ncreate refs/heads/a {main}\n",
    "verify that fails": "create refs/heads/a {main}\nverify refs/heads/main {main~1}\n",
    "verify absence": "verify refs/heads/none\ncreate refs/heads/a {main}\n",
    "verify absence that fails": "verify refs/heads/main\ncreate refs/heads/a {main}\n",
    "create what exists": "create refs/heads/main {main}\n",
    "update to zeros deletes": f"update refs/heads/try/2 {ZERO}\n",
    "create as zeros": f"create refs/heads/a {ZERO}\n",
    "delete zeros": f"delete refs/heads/try/2 {ZERO}\n",
    "the same ref twice": "update refs/heads/main {main~1}\nupdate refs/heads/main {main~2}\n",
    "names that collide": "create refs/heads/a {main}\ncreate refs/heads/a/b {main}\n",
    "no-deref": "option no-deref\nupdate HEAD {main~1}\n",
    "unknown option": "option nope\ncreate refs/heads/a {main}\n",
    "unknown command": "creat refs/heads/a {main}\n",
    "bad name": "create refs/heads/a..b {main}\n",
    "missing value": "create refs/heads/a\n",
    "extra value": "create refs/heads/a {main} {main}\n",
    "value that is nothing": "create refs/heads/a nope\n",
    "empty line": "\n",
    "nothing": "",
    "start, commit": "start\ncreate refs/heads/a {main}\ncommit\n",
    "start, prepare, commit": "start\ncreate refs/heads/a {main}\nprepare\ncommit\n",
    "start, abort": "start\ncreate refs/heads/a {main}\nabort\n",
    "start without an end": "start\ncreate refs/heads/a {main}\n",
    "two sessions": (
        "start\ncreate refs/heads/a {main}\ncommit\nstart\ndelete refs/heads/a\ncommit\n"
    ),
    "command after commit": "start\ncommit\ncreate refs/heads/a {main}\n",
    "command after prepare": "start\nprepare\ncreate refs/heads/a {main}\n",
    "two starts": "start\nstart\n",
}


@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("nul", [False, True], ids=["lines", "nul"])
def test_stdin_commands_do_what_git_s_do(twin, text, nul):
    """All of the commands happen, or none; answers and refs are those of git."""
    for name in ("main~2", "main~1", "main", "try/2"):
        oid = twin.translate(twin.git("rev-parse", name).stdout.strip())
        text = text.replace(f"{{{name}}}", oid)
    args = ("update-ref", "--stdin")
    if nul:
        args += ("-z",)
        text = as_nul(text)
    twin.same(*args, input=text)
    twin.same("show-ref", "--head")


def as_nul(text: str) -> str:
    """Return commands in the form of -z: NUL after each value and each command."""
    counts = {"update": 2, "create": 1, "delete": 1, "verify": 1}
    records = []
    for line in text.splitlines():
        words = line.split(" ")
        count = counts.get(words[0])
        if count is None or len(words) > count + 2:
            records.append(line)
            continue
        records.append(" ".join(words[:2]))
        values = words[2:] + [""] * (count - len(words[2:]))
        records += values
    return "".join(record + "\0" for record in records)


def test_refusal_moves_nothing_and_names_both_values(tapes, repository):
    """A ref that is elsewhere is code 20 and the error says where it is and was expected."""
    from tests.builders import make_tape

    chain = make_tape(repository, 3)

    result = tapes("update-ref", "refs/heads/main", chain[0], chain[1], code=20)

    assert chain[2].hex()[:7] in result.err
    assert chain[1].hex()[:7] in result.err
    assert tapes("show-ref", "-s", "refs/heads/main").oid == str(chain[2])


def test_reason_stands_in_the_reflog(tapes, repository):
    """What -m says is what the reflogs of the branch and of HEAD say."""
    from tests.builders import make_tape

    chain = make_tape(repository, 2)

    tapes("update-ref", "-m", "back to the plan", "refs/heads/main", chain[0])

    for name in ("main", "HEAD"):
        assert tapes("reflog", name).lines[0].endswith("@{0}: back to the plan")


def test_nothing_but_objects_of_the_store_can_be_named(tapes, store):
    """An id of no object is refused: a ref never points into nothing."""
    assert f"no object '{'ab' * 32}'" in tapes("update-ref", "refs/heads/a", "ab" * 32, code=12).err


@pytest.mark.parametrize(
    "args", [("--stdin", "refs/heads/a"), ("-z", "refs/heads/a", "x"), ("--stdin", "-d")]
)
def test_modes_do_not_mix(tapes, store, args):
    """Options that contradict each other are a usage error."""
    tapes("update-ref", *args, code=2)


def test_answers_come_as_each_step_is_done(store, work):
    """A program at the other end of a pipe hears of each step when it is done."""
    import subprocess
    import sys

    process = subprocess.Popen(
        [sys.executable, "-m", "tapegit", "update-ref", "--stdin"],
        cwd=work,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for verb in (b"start", b"prepare", b"commit"):
        process.stdin.write(verb + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == verb + b": ok\n"
    process.communicate()
    assert process.returncode == 0


def test_a_line_without_an_end_is_bounded(tapes, store):
    """Endless input is an error, not memory."""
    assert "too long" in tapes("update-ref", "--stdin", input=b"x" * (1 << 18), code=30).err


def test_a_branch_and_head_hold_turns_alone(tapes, repository):
    """As git keeps branches to commits; any other ref may name any object."""
    blob = str(write_blob(repository, b"x"))
    for name in ("refs/heads/topic", "HEAD"):
        said = tapes("update-ref", name, blob, code=14).err
        assert f"cannot move '{name}' to '{blob}': it is a blob, not a turn" in said
    tapes("update-ref", "refs/kept/topic", blob)
    assert tapes("show-ref").lines == [f"{blob} refs/kept/topic"]
