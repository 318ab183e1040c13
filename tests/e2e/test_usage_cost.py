"""`tapes usage`: its views, limits and forms; tests/independent has real sessions."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

DAY_MS = 86_400_000


def spend(record, day, model="claude-opus-4-5", **usage):
    """Return a record of an answer on a day of January, with what it used."""
    record["message"] |= {"usage": usage, "model": model}
    return {**record, "timestamp": f"2026-01-{day:02}T12:00:00Z"}


@pytest.fixture
def spent(tapes, store, work):
    """Give two sessions, of two models, on three days; the second of a model without a price."""
    one = [
        {**user("go", "u1"), "cwd": "/home/user/one", "gitBranch": "trunk"},
        spend(assistant("a", "m1"), 5, input_tokens=1000, output_tokens=100),
        spend(
            assistant("b", "m2"),
            6,
            input_tokens=10,
            output_tokens=200,
            cache_read_input_tokens=900_000,
            cache_creation_input_tokens=90,
        ),
    ]
    two = [
        {**user("go", "u1"), "cwd": "/home/user/two"},
        spend(assistant("c", "m3"), 14, "model-of-nobody", input_tokens=7, output_tokens=3),
    ]
    (work / "one.jsonl").write_bytes(jsonl([{**row, "sessionId": "one-one"} for row in one]))
    (work / "two.jsonl").write_bytes(jsonl([{**row, "sessionId": "two-two"} for row in two]))
    tapes("import", "one.jsonl", "two.jsonl")


COST = (1010 * 5 + 300 * 25) * 1_000_000 + 900_000 * 500_000 + 90 * 6_250_000


def groups(found):
    """Return name, calls and cost of each group; the total is the last."""
    return [(each["name"], each["calls"], each.get("cost_micro_usd")) for each in found.records]


def test_by_model(tapes, spent):
    """A model without a price is unpriced, never 0."""
    micro = (COST + 500_000) // 1_000_000
    assert groups(tapes("usage", "--json")) == [
        ("claude-opus-4-5", 2, micro),
        ("model-of-nobody", 1, None),
        ("total", 3, micro),
    ]
    shown = tapes("usage").lines
    assert shown[0].split()[:4] == ["model", "calls", "input", "output"]
    assert shown[1].split()[-1] == "$0.46"
    assert shown[2].split()[-1] == "unpriced"
    assert shown[3].endswith("$0.46 + 1 unpriced")


@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("daily", ["2026-01-05", "2026-01-06", "2026-01-14"]),
        ("day", ["2026-01-05", "2026-01-06", "2026-01-14"]),
        ("weekly", ["2026-01-05", "2026-01-12"]),
        ("monthly", ["2026-01"]),
        ("session", ["one-one", "two-two"]),
        ("harness", ["claude-code"]),
        ("project", ["/home/user/one", "/home/user/two"]),
        ("branch", ["trunk", "-"]),
    ],
)
def test_views(tapes, spent, view, names):
    """Each sums the same calls by something else."""
    found = tapes("usage", view, "--json").records
    assert [each["name"] for each in found] == [*names, "total"]
    assert sum(each["calls"] for each in found[:-1]) == found[-1]["calls"] == 3


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--since", "2026-01-06"), 2),
        (("--until", "2026-01-06"), 1),
        (("--model", "opus"), 2),
        (("--harness", "codex"), 0),
        (("--cwd", "/home/user"), 3),
        (("--cwd", "/home/user/one"), 2),
        (("--cwd", "/home/user/o"), 0),
        (("--session", "two"), 1),
    ],
)
def test_limits(tapes, spent, options, count):
    """Only the calls that were asked for."""
    assert tapes("usage", "--json", *options).records[-1]["calls"] == count


def test_what_is_not_stated_is_absent(tapes, spent):
    """Not 0: nobody said that nothing was written to a cache."""
    (nobody,) = [
        each for each in tapes("usage", "--json").records if each["name"] == "model-of-nobody"
    ]
    assert nobody["usage"] == {"input": 7, "output": 3}
    assert nobody["unpriced"] == 1


def test_comma_separated(tapes, spent):
    """With a head, and empty where nothing is known."""
    rows = list(csv.DictReader(io.StringIO(tapes("usage", "--csv").out)))
    assert [row["name"] for row in rows] == ["claude-opus-4-5", "model-of-nobody"]
    assert rows[1]["cost_micro_usd"] == ""
    assert rows[0]["cache_read"] == "900000"


def test_one_line_for_a_prompt(tapes, spent):
    """The newest session of this directory, and today."""
    noon = {"TAPES_DATE": str(20_459 * DAY_MS + DAY_MS // 2)}  # 2026-01-06
    line = tapes("usage", "statusline", env=noon).out
    assert line.startswith("session unpriced · today $0.4")
    assert json.loads(tapes("usage", "statusline", "--json", env=noon).lines[0])["calls"] == 2


def test_prices_of_one_s_own(tapes, spent):
    """They take the place of the table's, and what is none is named."""
    tapes("config", "price.model-of-nobody.input", "2000000")
    tapes("config", "price.model-of-nobody.output", "1000000")
    assert groups(tapes("usage", "--json"))[1] == ("model-of-nobody", 1, 17)
    tapes("config", "price.model-of-nobody.output", "cheap")
    refused = tapes("usage", code=15)
    assert "price.model-of-nobody.output" in refused.err
    assert "3000000" in refused.err


def test_copies_add_nothing(tapes, spent, work):
    """A session that was resumed in a copy has only its new calls counted."""
    before = tapes("usage", "--json").records[-1]
    rows = [json.loads(line) for line in (work / "one.jsonl").read_bytes().splitlines()]
    new = spend(assistant("d", "m9"), 20, input_tokens=1, output_tokens=1)
    copy = [{**row, "sessionId": "three-three"} for row in [*rows, new]]
    (work / "three.jsonl").write_bytes(jsonl(copy))
    tapes("import", "three.jsonl")
    after = tapes("usage", "--json").records[-1]
    assert after["calls"] == before["calls"] + 1
    assert after["usage"]["output"] == before["usage"]["output"] + 1


def test_a_message_in_several_records_counts_once_as_the_last_says(tapes, store, work):
    """Neither the sum of its records nor the first of them."""
    rows = [
        user("go", "u1"),
        spend(assistant("a", "m1"), 5, input_tokens=5, output_tokens=1),
        spend(assistant("b", "m1"), 5, input_tokens=5, output_tokens=40),
    ]
    (work / "one.jsonl").write_bytes(jsonl(rows))
    tapes("import", "one.jsonl")
    total = tapes("usage", "--json").records[-1]
    assert (total["calls"], total["usage"]) == (1, {"input": 5, "output": 40})


def test_stats_is_another_name_for_it(tapes, spent):
    """As other tools call it."""
    assert tapes("stats", "daily").out == tapes("usage", "daily").out


def test_tools(tapes, store, work):
    """Calls once, errors, what has no result, and what was only said again."""

    def told(record, second, **more):
        return {**record, "timestamp": f"2026-01-05T12:00:{second:02}Z", **more}

    def ask(number, second, name="Bash", **arguments):
        record = call(name, f"m{number}", **arguments)
        record["message"]["content"][0]["id"] = f"toolu_{number}"
        return told(record, second)

    def tell(number, second, **more):
        record = result("x", **more)
        record["message"]["content"][0]["tool_use_id"] = f"toolu_{number}"
        return told(record, second)

    rows = [
        told(user("go", "u1"), 0),
        ask(1, 1, command="ls"),
        tell(1, 3),
        ask(2, 4, command="ls"),
        tell(2, 5, is_error=True),
        ask(3, 6, command="ls"),
        tell(3, 7),
        ask(4, 8, command="pwd"),
        tell(4, 9),
        ask(5, 10, "Read", file_path="a.py"),
    ]
    for session in ("one", "copy"):
        told_rows = [{**row, "sessionId": session} for row in rows]
        (work / f"{session}.jsonl").write_bytes(jsonl(told_rows))
    tapes("import", "one.jsonl", "copy.jsonl")
    bash, read = tapes("usage", "tool", "--json").records
    assert bash == {
        "schema": 1,
        "by": "tool",
        "name": "Bash",
        "calls": 4,
        "errors": 1,
        "unanswered": 0,
        "repeats": 2,
        "longest_run": 3,
        "loops": 1,
        "retries": 1,
        "usage": {},
        "duration_ms": 1000,
        "cost_micro_usd": 0,
    }
    assert (read["calls"], read["unanswered"]) == (1, 1)
    shown = tapes("usage", "tool").lines[1].split()
    assert shown == ["Bash", "4", "1", "0", "2", "3", "1", "1", "1.0", "s", "-", "-"]
    assert tapes("usage", "tool", "--csv").lines[2] == "Read,1,0,1,0,1,0,0,,,,,,,,0,"
    assert tapes("usage", "tool", "--json", "--harness", "codex").out == ""


def test_what_an_answer_spent_is_divided_among_its_calls(tapes, store, work):
    """Nothing gets lost: the parts are the whole, and answers without a call are told of too."""
    asks = call("Bash", "m1", command="ls")
    blocks = asks["message"]["content"]
    blocks += [{**blocks[0], "id": "t-2"}, {**blocks[0], "id": "t-3", "name": "Read"}]
    rows = [
        user("go", "u1"),
        spend(asks, 5, input_tokens=1000, output_tokens=101),
        spend(assistant("done", "m2"), 5, input_tokens=10, output_tokens=7),
    ]
    (work / "one.jsonl").write_bytes(jsonl(rows))
    tapes("import", "one.jsonl")
    tools = {each["name"]: each for each in tapes("usage", "tool", "--json").records}
    assert tools["Bash"]["usage"] == {"input": 334 + 333, "output": 34 + 34}
    assert tools["Read"]["usage"] == {"input": 333, "output": 33}
    assert tools["-"]["usage"] == {"input": 10, "output": 7}
    cost = tapes("usage", "--json").records[-1]["cost_micro_usd"]
    assert sum(each["cost_micro_usd"] for each in tools.values()) == cost == 1010 * 5 + 108 * 25


def test_calls_that_go_round_are_loops(tapes, store, work):
    """Two calls that come in turn, from the third time on."""
    rows = [user("go", "u1")]
    for number in range(8):
        name = ("Read", "Edit")[number % 2]
        rows.append(call(name, f"m{number}", file_path="a.py"))
        rows[-1]["message"]["content"][0]["id"] = f"toolu_{number}"
    (work / "one.jsonl").write_bytes(jsonl(rows))
    tapes("import", "one.jsonl")
    tools = {each["name"]: each for each in tapes("usage", "tool", "--json").records}
    assert {name: (each["repeats"], each["loops"]) for name, each in tools.items()} == {
        "Read": (0, 1),
        "Edit": (0, 2),
    }


def test_calls_that_went_wrong(tapes, store, work):
    """Refused, cut off and failed ones, of all attempts; a copy of the session adds none."""
    told = {"input_tokens": 5, "output_tokens": 1}
    rows = [user("go", "u1")] + [
        spend(assistant(f"a{number}", f"m{number}"), number, **told) for number in range(1, 5)
    ]
    rows[2]["message"]["stop_reason"] = "refusal"
    rows[3]["message"]["stop_reason"] = "max_tokens"
    failed = spend(assistant("API Error: 529", "m9"), 6, "<synthetic>", input_tokens=0)
    rows.append({**failed, "isApiErrorMessage": True})
    for session in ("one", "two"):
        told_rows = [{**row, "sessionId": session} for row in rows]
        (work / f"{session}.jsonl").write_bytes(jsonl(told_rows))
    tapes("import", "one.jsonl", "two.jsonl")
    total = tapes("usage", "--errors", "--json").records[-1]
    names = ("calls", "failed", "refused", "cut", "retries", "error_rate_permille")
    assert [total[name] for name in names] == [4, 1, 1, 1, 0, 600]
    assert "failed" not in tapes("usage", "--json").records[-1]
    assert tapes("usage", "--errors").lines[-1].split()[-5:] == ["1", "1", "1", "0", "60.0%"]
    (row,) = csv.DictReader(io.StringIO(tapes("usage", "harness", "--errors", "--csv").out))
    assert (row["failed"], row["error_rate_permille"]) == ("1", "600")


def test_nothing_spent(tapes, store):
    """A total of nothing, and no error."""
    assert groups(tapes("usage", "--json")) == [("total", 0, None)]
    assert tapes("usage").lines[-1].split()[:2] == ["total", "0"]


def test_a_hostile_name_is_escaped_and_no_formula(tapes, store, work):
    """A model's name cannot command a terminal or a spreadsheet."""
    rows = [
        user("go", "u1"),
        spend(assistant("a", "m1"), 5, "=cmd\x1b[31m", input_tokens=5, output_tokens=1),
    ]
    (work / "one.jsonl").write_bytes(jsonl(rows))
    tapes("import", "one.jsonl")
    assert "\x1b" not in tapes("usage").out
    assert tapes("usage", "--csv").lines[1].startswith("'=cmd")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("usage", "yearly"), 2),
        (("usage", "--csv", "--json"), 2),
        (("usage", "--since", "soon"), 14),
    ],
)
def test_what_is_no_question_is_refused(tapes, store, words, code):
    """With the code of the mistake."""
    tapes(*words, code=code)
