"""The same random graph as turns and as commits: what git lists, merges and parses, we do.

Dates of a first kind grow along every chain and are all different, so that git's order leaves
nothing to chance and ours must be the same. Dates of a second kind run backwards: there only
the sets can be compared, for git trusts clocks where we do not.
"""

from __future__ import annotations

import random
import subprocess
from functools import cache
from typing import NamedTuple

import pytest

from tests.builders import make_repo, set_ref
from tests.command import Runner, run_here
from tests.graphs import Node, build

SEEDS = (4, 7, 8)  # in these the tips have much in common; without any git forgets --left-only
COUNT = 60
ORDERED = (
    "--date-order B{0}",
    "B{0}",
    "--topo-order B{0}",
    "--topo-order --all",
    "--all",
    "--reverse --all",
    "-n 7 --skip=3 --all",
    "--reverse -n 7 B{0}",
    "-5 --topo-order B{0} B{1}",
    "--first-parent B{0}",
    "--first-parent --parents B{0} ^B{1}",
    "B{0}..B{1}",
    "B{0}...B{1}",
    "--left-right B{0}...B{1}",
    "--left-right --topo-order B{0}...B{1}",
    "--left-only B{0}...B{1}",
    "--right-only -n 4 B{0}...B{1}",
    "--count --left-right B{0}...B{1}",
    "--count --all",
    "--count B{0} ^B{1} ^B{2}",
    "B{0} --not B{1} B{2}",
    "--all --not B{1}",
    "B{0} --not --branches=t1?",
    "--branches=t1?",
    "--parents B{0} ^B{2}",
    "--merges --all",
    "--no-merges B{0}",
    "--min-parents=1 --max-parents=1 B{0}",
    "--max-parents=0 --all",
    "--no-walk B{0} B{1} B{2}",
    "--since=@{old} B{0}",
    "--until=@{old} B{0}",
    "--since=@{old} --until=@{new} --topo-order --all",
    "--max-count=0 --all",
    "B{0}^@",
    "B{0}^!",
    "B{0}^-",
    "--quiet B{0}",
    "--all --since=@{old} -n 3",
)
UNORDERED = ("B{0}", "B{0}..B{1}", "B{0}...B{1}", "B{0} ^B{1} ^B{2}", "--all --not B{1}", "B{0}^@")
PARSED = (
    "B{0}",
    "B{0}~2",
    "B{0}^^",
    "B{0}^2",
    "B{0}~1^2~1",
    "B{0}..B{1}",
    "..B{1}",
    "B{0}...B{1}",
    "B{0}^@ B{1}",
    "B{0}^!",
    "B{0}^-",
    "^B{0} B{1}",
    "--not B{0} B{1}",
    "--all",
    "--branches=t1?",
    "--symbolic-full-name --all",
    "--symbolic-full-name B{0} HEAD B{0}~1 B{1}..B{0} @",
    "--abbrev-ref HEAD B{0} B{0}~1 heads/B{1}",
    "--symbolic B{0} B{0}~1 B{1}..B{0}",
    "--verify B{0}^0",
    "--verify B{0}^@{{0}}",
    "--verify B{0} B{1}",
    "--verify B{0}..B{1}",
    "--verify -q nonsense",
    "--verify -q B{0}~999",
    "--default B{1}",
    "--default B{1} B{0}",
    "",
)
BASES = (
    "B{0} B{1}",
    "--all B{0} B{1}",
    "--all B{0} B{1} B{2}",
    "--octopus --all B{0} B{1} B{2}",
    "--octopus B{0} B{1} B{2} B{3}",
    "--is-ancestor B{0} B{1}",
    "--is-ancestor B{0}~2 B{0}",
    "--is-ancestor B{0} B{0}",
    "--independent B{0} B{1} B{0}~1 B{2}",
    "B{0} island",
    "--all B{0} island",
)


class Twins(NamedTuple):
    """One graph twice; `name` maps commits to the ids of the same turns."""

    git: object
    tapes: Runner
    to_turn: dict
    nodes: list
    branches: list


def random_nodes(seed, *, steady):
    """Return a graph with many merges and a few roots."""
    rng = random.Random(seed)
    nodes = []
    for number in range(COUNT):
        count = rng.choices((1, 2, 3), (6, 4, 1))[0] if number else 0
        if number and rng.random() < 0.04:
            count = 0
        near = range(max(0, number - 12), number)
        parents = tuple(rng.sample(near, min(count, len(near))))
        time = 1_700_000_000 + (number * 60 if steady else rng.randrange(5000))
        nodes.append(Node(parents, time * 1000))
    return nodes


@cache
def commits(seed, steady):
    """Return the graph and its tips; several tips reach much in common."""
    nodes = random_nodes(seed, steady=steady)
    return nodes, [COUNT - 1, COUNT - 2, COUNT - 5, COUNT - 9]


def make_git(path, nodes, branches):
    """Store the graph as commits; return the ids by number."""
    subprocess.run(["git", "init", "-q", "-b", "t1a", str(path)], check=True)
    lines = []
    for number, node in enumerate(nodes):
        when = f"Test <test@example.com> {node.time // 1000} +0000"
        # A ref of its own for each commit: fast-import would go on from the branch otherwise.
        lines += [f"commit refs/all/{number}", f"mark :{number + 1}", f"committer {when}"]
        message = f"turn {number}"
        lines += [f"data {len(message)}", message]
        for index, parent in enumerate(node.parents):
            lines.append(f"{'merge' if index else 'from'} :{parent + 1}")
        lines.append("")
    for name, number in branches.items():
        lines += [f"reset refs/heads/{name}", f"from :{number + 1}", ""]
    marks = path / "marks"
    subprocess.run(
        ["git", "-C", str(path), "fast-import", "--quiet", f"--export-marks={marks}"],
        input="\n".join(lines).encode(),
        check=True,
    )
    found = dict(line.split() for line in marks.read_text().splitlines())
    refs = "".join(f"delete refs/all/{number}\n" for number in range(len(nodes)))
    subprocess.run(
        ["git", "-C", str(path), "update-ref", "--stdin"], input=refs.encode(), check=True
    )
    return [found[f":{number + 1}"] for number in range(len(nodes))]


STEADY = [(seed, "steady") for seed in SEEDS]
SKEWED = [(seed, "skewed") for seed in SEEDS]


@pytest.fixture(scope="module", params=STEADY + SKEWED)
def twins(request, tmp_path_factory):
    """Give the graph in both stores, four branches and an island in each."""
    seed, kind = request.param
    nodes, tips = commits(seed, kind == "steady")
    island = len(nodes)
    nodes = [*nodes, Node((), 1_600_000_000_000)]
    branches = {f"t1{letter}": tip for letter, tip in zip("abcd", tips, strict=True)}
    branches["island"] = island
    path = tmp_path_factory.mktemp("twins")
    git_ids = make_git(path / "git", nodes, branches)
    repository = make_repo(path / "work" / ".tapes")
    with repository.transaction(message="test") as transaction:
        turn_ids = build(nodes, transaction)
    for name, number in branches.items():
        set_ref(repository, f"refs/heads/{name}", turn_ids[number])
    with repository.refs.transaction("test") as transaction:
        transaction.set_symbolic(*_names("HEAD", "refs/heads/t1a"))
    to_turn = dict(zip(git_ids, map(str, turn_ids), strict=True))
    return kind, Twins(path / "git", Runner(run_here, path / "work"), to_turn, nodes, branches)


def _names(*texts):
    from tapegit.refs.names import RefName

    return [RefName.parse(text) for text in texts]


def both(twins, command, line):
    """Run one line in both programs; return (code, lines) of each, in ids of turns."""
    times = sorted(node.time for node in twins.nodes)
    fields = {"old": times[COUNT // 4] // 1000, "new": times[COUNT // 2] // 1000}
    text = line.replace("B{0}", "t1a").replace("B{1}", "t1b").replace("B{2}", "t1c")
    text = text.replace("B{3}", "t1d").replace("{{0}}", "{0}")
    for name, value in fields.items():
        text = text.replace(f"@{{{name}}}", f"@{value}")
    git = subprocess.run(
        ["git", "-C", str(twins.git), command, *text.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = twins.tapes(command, *text.split(), code=None)
    return (git.returncode, translate(git.stdout, twins.to_turn)), (ours.code, ours.lines)


def translate(text, to_turn):
    """Return lines of git with its ids replaced by those of the same turns."""
    lines = []
    for line in text.splitlines():
        words = []
        for word in line.split(" "):
            mark = word[:1] if word[:1] in "<>^" else ""
            words.append(mark + to_turn.get(word[len(mark) :], word[len(mark) :]))
        lines.append(" ".join(words))
    return lines


@pytest.mark.parametrize("twins", STEADY, indirect=True)
@pytest.mark.parametrize("line", ORDERED)
def test_rev_list_lists_what_git_lists_in_its_order(twins, line):
    """Where dates agree with history, every line is git's."""
    theirs, ours = both(twins[1], "rev-list", line)
    assert ours == theirs


@pytest.mark.parametrize("line", UNORDERED)
def test_rev_list_lists_the_set_that_git_lists(twins, line):
    """Where clocks run backwards the sets are git's all the same."""
    theirs, ours = both(twins[1], "rev-list", line)
    assert (ours[0], sorted(ours[1])) == (theirs[0], sorted(theirs[1]))


@pytest.mark.parametrize("order", ["--topo-order", "--date-order"])
def test_rev_list_shows_children_before_parents(twins, order):
    """No turn comes before one of its children, whatever the clocks said."""
    _, pair = twins
    lines = pair.tapes("rev-list", order, "--parents", "--all").lines
    seen = set()
    for line in lines:
        oid, *parents = line.split()
        assert not seen.intersection(parents)
        seen.add(oid)
    assert len(lines) == len(set(pair.to_turn) & set(_git_all(pair)))


def _git_all(pair):
    done = subprocess.run(
        ["git", "-C", str(pair.git), "rev-list", "--all"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize("line", PARSED)
def test_rev_parse_prints_what_git_prints(twins, line):
    """Ids, names, ranges and failures are git's; but for the codes, which are ours."""
    theirs, ours = both(twins[1], "rev-parse", line)
    assert (ours[0] == 0) == (theirs[0] == 0)
    # Before it fails git prints what it cannot read; we print nothing.
    expected = theirs[1] if theirs[0] == 0 else []
    if "..." in line:  # several merge bases come by date
        assert (ours[1][:2], set(ours[1])) == (expected[:2], set(expected))
    else:
        assert ours[1] == expected
    if "-q" in line:
        assert ours[0] == theirs[0] == 1


@pytest.mark.parametrize("line", BASES)
def test_merge_base_finds_what_git_finds(twins, line):
    """The same bases, all of them, and the same answers and exit codes."""
    kind, pair = twins
    theirs, ours = both(pair, "merge-base", line)
    if theirs[0] == 128:
        assert ours[0] > 1
        return
    if "--independent" in line or "--all" in line:
        assert (ours[0], sorted(ours[1])) == (theirs[0], sorted(theirs[1]))
    elif kind == "steady" or "--is-ancestor" in line:
        assert ours == theirs
    else:
        # Which of several bases is the best one is a matter of dates.
        everything, _ = both(pair, "merge-base", "--all " + line)
        assert ours[0] == theirs[0]
        assert set(ours[1]) <= set(everything[1])
