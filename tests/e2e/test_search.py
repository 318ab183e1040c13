"""`tapes search`: what is found is what a look at every turn finds."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tapegit.files.locks import Lock
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.search.conditions import Limits, make_condition
from tapegit.search.documents import read_document
from tapegit.search.indexer import open_words
from tapegit.search.query import parse_query
from tests.builders import make_tape
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

if TYPE_CHECKING:
    from tapegit.objects.turn import Session, Turn
    from tapegit.search.documents import Document

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
SHARED = Path(__file__).parents[3] / "shared" / "data"


def stamp(record, minute, **more):
    """Return a record with a time, and what else it states."""
    return {**record, "timestamp": f"2026-01-01T00:{minute:02}:00.000Z", **more}


def records(session="0123456789ab", **told):
    """Return a session: #1 a prompt, #2 a call, #3 its failed result, #4 an answer."""
    edit = call("Edit", "m1", file_path="/home/user/src/billing.py", new_string="amount = -amount")
    edit["message"]["model"] = "claude-x-1"
    last = assistant("The Café refund_order flag was inverted.", "m2")
    last["message"] |= {"model": "claude-y-2", "stop_reason": "max_tokens"}
    rows = [
        stamp(user("Refund order 1042, please", "u1"), 1),
        stamp(edit, 2),
        stamp(result("AssertionError: 20 != -20", is_error=True), 3),
        stamp(last, 4),
    ]
    told = {"sessionId": session, "cwd": "/home/user/shop", **told}
    return [{**row, **told} for row in rows]


@pytest.fixture
def session(tapes, store, work):
    """Give a store with two sessions."""
    (work / "one.jsonl").write_bytes(jsonl(records()))
    other = [
        stamp(user("Say 100%_sure \x1b[31mthings", "u9"), 9, sessionId="zzzzzzzzzz", cwd="/srv")
    ]
    (work / "two.jsonl").write_bytes(jsonl(other))
    tapes("import", "one.jsonl", "two.jsonl")


def steps(found) -> list[str]:
    """Return session and step of each hit, sorted."""
    return sorted(f"{hit['session'][:4]}#{hit['step']}" for hit in found.records)


QUERIES = {
    "refund": ["0123#1", "0123#4"],
    "REFUND": ["0123#1", "0123#4"],
    "cafe": ["0123#4"],
    "refund_order": ["0123#1", "0123#4"],
    '"refund order"': ["0123#1", "0123#4"],
    '"order refund"': [],
    "ref*": ["0123#1", "0123#4"],
    "refund -flag": ["0123#1"],
    "refund NOT flag": ["0123#1"],
    "AssertionError OR please": ["0123#1", "0123#3"],
    "(AssertionError OR please) order": ["0123#1"],
    "amount": ["0123#2"],
    "role:user": ["0123#1", "zzzz#1"],
    "role:user refund": ["0123#1"],
    "role:u*": ["0123#1", "zzzz#1"],
    "role:us": [],
    "tool:edit": ["0123#2"],
    "tool:ed*": ["0123#2"],
    "tool:ed": [],
    "tool:": ["0123#2"],
    "model:claude-x": ["0123#2"],
    "model:claude": ["0123#2", "0123#4"],
    "harness:claude-code refund": ["0123#1", "0123#4"],
    "harness:codex": [],
    "session:01234567 refund": ["0123#1", "0123#4"],
    "cwd:/home/user refund": ["0123#1", "0123#4"],
    "cwd:/home/user/shop/ please": ["0123#1"],
    "cwd:/home/use please": [],
    "file:billing.py": ["0123#2"],
    'file:"src/billing"': ["0123#2"],
    "file:bill*": ["0123#2"],
    "file:": ["0123#2"],
    "file:amount": [],
    "error:": ["0123#3", "0123#4"],
    "error:tool": ["0123#3"],
    "error:cut": ["0123#4"],
    "error:api": [],
    "-error: role:assistant": ["0123#2"],
    "100": ["zzzz#1"],
    "sure": ["zzzz#1"],
    "model:%": [],
    "session:_": [],
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.items())
def test_a_query_finds_what_the_page_says(tapes, session, query, expected):
    """Words, phrases, prefixes, operators and every field."""
    found = tapes("search", "--json", "--", query, code=0 if expected else 1)
    assert steps(found) == expected


def test_a_hit_is_shown_with_where_it_is(tapes, session):
    """Id, session and step, which are a revision, day, role and snippet."""
    (line,) = tapes("search", "please").lines
    oid = tapes("rev-parse", "01234567#1").oid
    assert line == f"{oid[:7]}  01234567#1  2026-01-01  user  Refund order 1042, please"


def answer(text, minute, stop=None, **more):
    """Return an answer that ended so."""
    record = assistant(text, f"m{minute}")
    record["message"]["stop_reason"] = stop
    return stamp(record, minute, **more)


def test_every_kind_of_failure_is_found(tapes, store, work):
    """What a provider, a filter, a limit or a user made of an answer; and what the harness says."""
    rows = [
        stamp(user("go"), 1),
        answer("done", 2, "end_turn"),
        answer("never", 3, "refusal"),
        answer("too lo", 4, "model_context_window_exceeded"),
        answer("API Error: 529 overloaded", 5, "stop_sequence", isApiErrorMessage=True),
    ]
    (work / "one.jsonl").write_bytes(jsonl([{**row, "sessionId": "0123456789"} for row in rows]))
    pi = [
        {"type": "session", "id": "p" * 10, "timestamp": "2026-01-01T00:00:00Z", "cwd": "/w"},
        {"type": "message", "message": {"role": "user", "content": "go"}},
        {
            "type": "message",
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "half"}],
                "stopReason": "aborted",
                "errorMessage": "Request was aborted",
            },
        },
    ]
    (work / "pi.jsonl").write_bytes(jsonl(pi))
    tapes("import", "one.jsonl", "pi.jsonl")
    found = {
        kind: steps(tapes("search", "--json", f"error:{kind}"))
        for kind in ("refusal", "cut", "api", "")
    }
    assert found == {
        "refusal": ["0123#3"],
        "cut": ["0123#4", "pppp#2"],
        "api": ["0123#5"],
        "": ["0123#3", "0123#4", "0123#5", "pppp#2"],
    }


def test_failures_are_shown_by_what_failed(tapes, session):
    """Not by the beginning of the turn."""
    assert tapes("search", "error:tool").out.endswith("AssertionError: 20 != -20\n")


def test_what_was_found_is_marked(tapes, session):
    """In colour on a terminal, by place in JSON."""
    shown = tapes("--color=always", "search", "please").out
    assert "\x1b[1;31mplease\x1b[m" in shown
    (hit,) = tapes("search", "--json", "please").records
    ((start, end),) = hit["matches"]
    assert hit["snippet"][start:end] == "please"


def test_sessions_alone(tapes, session):
    """With how many turns each has."""
    (line,) = tapes("search", "-l", "refund").lines
    assert line.startswith("0123456789ab  claude-code  2 turns  ")
    (found,) = tapes("search", "-l", "--json", "refund").records
    assert (found["session"], found["turns"]) == ("0123456789ab", 2)


def test_turns_around_it(tapes, session):
    """With -C, on its own tape."""
    lines = tapes("search", "-C", "1", "AssertionError").lines
    assert [re.sub(r"^\s*[0-9a-f]{7}\s+", "", line)[:10] for line in lines] == [
        "#2  assist",
        "01234567#3",
        "#4  assist",
        "--",
    ]
    (hit,) = tapes("search", "-C", "9", "--json", "AssertionError").records
    assert (len(hit["before"]), len(hit["after"])) == (3, 1)


def test_limits(tapes, session):
    """Dates, a branch, and how many."""
    tapes("branch", "early", "01234567#1")
    assert steps(tapes("search", "--json", "--branch", "early", "refund")) == ["0123#1"]
    assert steps(tapes("search", "--json", "--since", "2026-01-01T00:03Z", "refund")) == ["0123#4"]
    assert steps(tapes("search", "--json", "--until", "2026-01-01T00:03Z", "refund")) == ["0123#1"]
    assert len(tapes("search", "--json", "-n", "1", "refund").records) == 1
    tapes("search", "--branch", "nope", "refund", code=12)


def test_a_regular_expression(tapes, session):
    """In linear time, whatever it is; a query chooses where to look."""
    assert steps(tapes("search", "--json", "-E", "[0-9]+ != -[0-9]+")) == ["0123#3"]
    assert steps(tapes("search", "--json", "-E", "refund", "-i")) == ["0123#1", "0123#4"]
    assert steps(tapes("search", "--json", "-E", "efund", "role:user")) == ["0123#1"]
    assert steps(tapes("search", "--json", "-E", "Café|(z*)*q{3}")) == ["0123#4"]
    assert steps(
        tapes("search", "--json", "-E", "The CAF[ÉÈ] refund.order .{13}rted[.]$", "-i")
    ) == ["0123#4"]
    tapes("search", "-E", "nothing of it", code=1)
    refused = tapes("search", "-E", "ab(?=x)", code=18)
    assert "the pattern is none: invalid perl operator: (?=, at character 3" in refused.err
    refused = tapes("search", "-E", "é(", code=18)
    assert "the pattern is none: missing ): é(, at character 1" in refused.err
    refused = tapes("search", "-E", "ab\udcff", code=18)
    assert "a byte that is no UTF-8, at character 3 of the pattern" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("-E", "(" * 900 + "zzz" + ")" * 900),
        ("-E", "(x+x+)+y(.*.*)*=(.*)*"),
        ("-E", "((((a{0,30}){0,30})*)*)*b{9}"),
        (" OR ".join(f"{a}{b}*" for a in "abcdefghij" for b in "abcdefghijklmnopqrst"),),
        ("NOT " * 199 + "refund",),
        ("(" * 50 + "zzz" + ")" * 50,),
        ('"' + "a " * 4000 + '"',),
    ],
    ids=["groups", "backtracking", "repetitions", "prefixes", "negations", "parentheses", "phrase"],
)
def test_no_query_takes_long(tapes, session, work, words):
    """Whatever it is: the time is that of the text, and there are limits to what can be asked."""
    rows = [stamp(user("ax" * 200_000), 1, sessionId="0000000000")]
    (work / "long.jsonl").write_bytes(jsonl(rows))
    tapes("import", "long.jsonl")
    tapes("search", *words, code=None)


@pytest.mark.parametrize(
    ("query", "what", "where"),
    [
        ("one (two", "'(' is not closed", 5),
        ("one two)", "')' was never opened", 8),
        ("one AND", "a word is expected after this", 8),
        ("OR one", "'OR' stands where a word is expected", 1),
        ("one ()", "')' stands where a word is expected", 6),
        ('one "two', 'a phrase has no closing "', 5),
        ("one colour:red", "there is no field 'colour:'", 5),
        ("one error:big", "'error:big' is no kind of failure", 5),
        ("one *", "'*' has no letter or digit to search for", 5),
        ("one file:!", "'!' has no letter or digit to search for", 5),
        ("(" * 51 + "one", "parentheses are nested too deep", 51),
        ("a " * 201, "the query has more than 200 terms", 401),
        ("one \udcff", "a byte that is no UTF-8", 5),
    ],
)
def test_what_is_wrong_with_a_query_is_said(tapes, session, query, what, where):
    """With the character, and on standard error alone."""
    refused = tapes("search", "--", query, code=18)
    assert f"tapes: error: {what}, at character {where} of the query" in refused.err
    assert refused.out == ""


def test_an_empty_query_is_none(tapes, session):
    """And says what to do."""
    assert tapes("search", code=18).err.startswith("tapes: error: the query is empty")


def test_hostile_content_is_escaped(tapes, session):
    """What was found cannot command the terminal."""
    assert "\x1b" not in tapes("search", "sure").out
    assert "\x1b" not in tapes("search", "-C", "1", "sure").out


def test_what_is_recorded_later_is_found(tapes, session, work):
    """And what no ref reaches any more is not."""
    tapes("search", "refund")
    (work / "three.jsonl").write_bytes(jsonl(records("cccccccccc")))
    tapes("import", "three.jsonl")
    assert steps(tapes("search", "--json", "refund role:user")) == ["0123#1", "cccc#1"]
    tapes("update-ref", "-d", "refs/sessions/claude-code/0123456789ab/file/main")
    assert steps(tapes("search", "--json", "refund role:user")) == ["cccc#1"]


def test_grep_is_another_name_for_it(tapes, session):
    """As fingers have it."""
    assert tapes("grep", "please").out == tapes("search", "please").out


def test_an_empty_store_has_nothing(tapes, store):
    """Exit code 1, no error."""
    assert tapes("search", "anything", code=1).err == ""


def index_file(store: Path) -> Path:
    """Return the file of words."""
    return store / "index" / "search.sqlite"


def _garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = os.urandom(len(data) // 2)
    path.write_bytes(data)


def _make_newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def _drop_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE turn")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a database, but long enough to be looked at\n" * 99),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 5000),
        _garble,
        _make_newer,
        _drop_table,
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: shutil.rmtree(path.parent),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
    ],
    ids=[
        "gone",
        "empty",
        "text",
        "half",
        "head",
        "garbled",
        "newer",
        "table",
        "folder",
        "all",
        "link",
    ],
)
def test_whatever_happened_to_the_index_the_answer_is_right(tapes, session, store, damage):
    """It is made anew, or done without."""
    before = tapes("search", "refund").out
    damage(index_file(store))
    assert tapes("search", "refund").out == before


def test_wherever_bytes_of_the_index_are_wrong_no_search_fails_twice(tapes, session, store):
    """What is found to be damaged is made anew, also where it is found late."""
    before = tapes("search", "refund").out
    sound = index_file(store).read_bytes()
    for seed in range(40):
        chance = random.Random(seed)
        data = bytearray(sound)
        for _ in range(40):
            data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        index_file(store).write_bytes(data)
        tapes("search", "refund", code=None)
        tapes("search", "file:a OR NOT tool:b", "-C", "1", code=None)
        index_file(store).unlink(missing_ok=True)
        assert tapes("search", "refund").out == before


def test_while_another_process_adds_the_answer_is_right(tapes, session, store, work):
    """What is missing is looked up in memory."""
    before = tapes("search", "refund").out
    (work / "three.jsonl").write_bytes(jsonl(records("cccccccccc")))
    tapes("import", "three.jsonl")
    with Lock(store / "locks" / "search").exclusive():
        assert steps(tapes("search", "--json", "refund role:user")) == ["0123#1", "cccc#1"]
        index_file(store).unlink()
        assert steps(tapes("search", "--json", "refund role:user")) == ["0123#1", "cccc#1"]
    assert before != tapes("search", "refund").out


def _search(folder: Path, count: int) -> None:
    from click.testing import CliRunner

    from tapegit.cli.main import cli

    os.chdir(folder)
    for _ in range(count):
        outcome = CliRunner().invoke(cli, ["search", "--json", "refund"])
        if outcome.exit_code or outcome.stdout.count("\n") != 2:
            os._exit(1)
    os._exit(0)


def test_several_searches_at_once_agree(tapes, session, work):
    """The first ones make the index together."""
    processes = [
        multiprocessing.get_context("fork").Process(target=_search, args=(work, 3))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def test_a_turn_that_cannot_be_read_is_named_and_the_rest_is_found(tapes, repository):
    """Each time, as it is tried again."""
    chain = make_tape(repository, 3)
    path = repository.root / "objects" / str(chain[1])[:2] / str(chain[1])[2:]
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    for _ in range(2):
        found = tapes("search", "--json", "turn", code=None)
        assert str(chain[1]) in found.err
        assert {hit["oid"] for hit in found.records} >= {str(chain[2])}


def test_the_index_never_keeps_a_turn_of_a_store_alive(tapes, session, store):
    """Gc does not look at it, and nothing of it is in the store."""
    tapes("search", "refund")
    tapes("gc", "--prune=now")
    assert tapes("search", "refund").out.count("\n") == 2
    shutil.rmtree(store / "index")
    assert tapes("search", "refund").out.count("\n") == 2


WORDS = ("the", "file", "error", "test", "a", "run", "def", "import", "main", "2026")


class Said(NamedTuple):
    """What a turn says, looked at without an index: its words with a space around each."""

    words: str
    files: tuple[str, ...]
    turn: Turn
    document: Document
    session: Session

    def holds(self, words, *, is_prefix=False):
        """Return whether words stand next to one another in it."""
        return f" {words}" + ("" if is_prefix else " ") in self.words


def plain_words(text):
    """Return the words of a text, by Python's own idea of letters, without case and accents."""
    bare = text
    if not text.isascii():
        decomposed = unicodedata.normalize("NFD", text)
        bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(["", *re.findall(r"[^\W_]+", bare.lower()), ""])


def read_all(repository, graph):
    """Return what each turn of a store says."""
    said = {}
    for oid in walk(graph, [ref.oid for ref in repository.refs.iter_refs("refs/sessions/")]):
        turn = graph.read_turn(oid)
        document = read_document(repository.objects.find, turn)
        said[oid] = Said(
            plain_words("\n".join(document.texts)),
            tuple(map(plain_words, document.files)),
            turn,
            document,
            graph.read_turn(graph.find_leader(oid)).session,
        )
    return said


def word_queries():
    """Yield queries for words, and what is true of the turns that they find."""
    for one, two in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True):
        yield one, lambda said, one=one: said.holds(one)
        yield f"{one}*", lambda said, one=one: said.holds(one, is_prefix=True)
        pair = (one, two)
        yield f"{one} {two}", lambda said, pair=pair: all(map(said.holds, pair))
        yield f"{one} OR {two}", lambda said, pair=pair: any(map(said.holds, pair))
        yield f'"{one} {two}"', lambda said, pair=pair: said.holds(" ".join(pair))
        yield (
            f"{one} NOT {two}",
            lambda said, pair=pair: said.holds(pair[0]) and not said.holds(pair[1]),
        )


def lowered(texts):
    """Return texts in small letters, as fields are compared."""
    return [text.lower() for text in texts]


FIELD_QUERIES = {
    "role:tool": lambda said: said.turn.role == "tool",
    "role:ass* -role:user": lambda said: said.turn.role == "assistant",
    "tool:bash": lambda said: "bash" in lowered(said.document.tools),
    "tool:": lambda said: bool(said.document.tools),
    "tool:b*": lambda said: any(name.startswith("b") for name in lowered(said.document.tools)),
    "model:opus": lambda said: "opus" in (said.turn.model or "").lower(),
    "harness:pi": lambda said: said.session.harness == "pi",
    "NOT harness:pi": lambda said: said.session.harness != "pi",
    "session:01": lambda said: (said.session.id or "").startswith("01"),
    "cwd:/Users/soph/": lambda said: (said.session.cwd or "").startswith("/Users/soph/"),
    'file:"src"': lambda said: any(" src " in file for file in said.files),
    "file:m*": lambda said: any(" m" in file for file in said.files),
    "file:": lambda said: bool(said.files),
    "error:": lambda said: bool(said.document.errors),
    "error:tool": lambda said: "tool" in said.document.errors,
    "error:api OR error:cut": lambda said: bool({"api", "cut"} & {*said.document.errors}),
    "error:tool (test OR file) -role:user": lambda said: (
        "tool" in said.document.errors
        and (said.holds("test") or said.holds("file"))
        and said.turn.role != "user"
    ),
}


@pytest.mark.parametrize("source", ["fixtures", "shared"])
def test_the_same_is_found_as_by_a_look_at_every_turn(tapes, repository, source):
    """Words, phrases, prefixes, fields, times and their combinations, over real sessions."""
    folder = FIXTURES if source == "fixtures" else SHARED
    if not folder.exists():
        pytest.skip("the shared data is not here")
    tapes("import", *(folder / name for name in ("claude-code", "codex", "pi")), code=None)
    graph = TurnGraph(repository.objects)
    everything = read_all(repository, graph)
    assert len(everything) > 40
    times = sorted(each.turn.time for each in everything.values() if each.turn.time)
    middle = times[len(times) // 2]

    def expect(query, is_found, limits):
        node = parse_query(query) if query else None
        (file,) = words.files
        found = {turn.oid for turn in file.find(make_condition(node, limits))}
        assert found == {oid for oid, said in everything.items() if is_found(said)}, query
        return bool(found)

    with open_words(repository, graph, on_broken=fail, on_progress=ignore) as words:
        queries = [*word_queries(), *FIELD_QUERIES.items()]
        hits = [expect(*each, Limits()) for each in queries]
        expect("", lambda said: (said.turn.time or 0) >= middle, Limits(since_ms=middle))
        expect("", lambda said: 0 < (said.turn.time or 0) <= middle, Limits(until_ms=middle))
    assert sum(hits) > len(hits) / 3


def test_a_pattern_finds_what_a_look_at_every_turn_finds(tapes, repository):
    """In the texts of the parts, over kept sessions."""
    tapes("import", *(FIXTURES / name for name in ("claude-code", "codex", "pi")), code=None)
    everything = read_all(repository, TurnGraph(repository.objects))
    for pattern in (r"[0-9]{4}-[0-9]{2}", r"(?m)^def \w+\(", r"\.py\b", r"^\S+$"):
        expected = {
            str(oid)
            for oid, said in everything.items()
            if any(re.search(pattern, text, re.ASCII) for text in said.document.texts)
        }
        found = tapes("search", "--json", "-E", pattern, code=None)
        assert {hit["oid"] for hit in found.records} == expected, pattern


def fail(name, error):
    """Let what cannot be read fail the test; a stranger's file is no ref."""
    if name.endswith(".DS_Store"):
        return
    raise AssertionError(name) from error


def ignore(_count):
    """Take progress."""
