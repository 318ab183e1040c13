"""Hypothesis strategies for the values of the core."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from tapegit.objects.canonical import INTEGER_MAX
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.oid import ObjectId
from tapegit.objects.tag import Tag, Tagger
from tapegit.objects.turn import (
    Call,
    CodeRepository,
    RawPiece,
    Redacted,
    Session,
    Turn,
    Usage,
    clean_summary,
)

oids = st.binary(min_size=32, max_size=32).map(ObjectId)
hexes = oids.map(str)
kinds = st.sampled_from(list(Kind))
counts = st.integers(0, INTEGER_MAX)
integers = st.integers(-INTEGER_MAX, INTEGER_MAX)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
filled_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
summaries = filled_texts.map(clean_summary).filter(bool)
blobs = st.binary(max_size=2000)


def maybe(strategy):
    """Return the strategy, or None."""
    return st.none() | strategy


raw_pieces = st.builds(RawPiece, hexes, maybe(integers))
usages = st.builds(
    Usage,
    cache_read=maybe(counts),
    cache_write_1h=maybe(counts),
    input=maybe(counts),
    output=counts,
)
calls = st.builds(
    Call,
    request=maybe(hexes),
    response=maybe(hexes),
    outcome=st.sampled_from(["ok", "error", "client_gone", "upstream_cut"]),
    request_headers=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    system=st.lists(counts, max_size=3).map(tuple),
    status=maybe(counts),
    url=maybe(texts),
)
sessions = st.builds(
    Session,
    id=filled_texts,
    cwd=maybe(texts),
    harness=maybe(texts),
    command=st.lists(texts, max_size=3).map(tuple),
    repository=maybe(st.builds(CodeRepository, branch=texts)),
)
redactions = st.builds(
    Redacted, rules=st.lists(st.tuples(filled_texts, counts), max_size=2).map(tuple), version=counts
)
turns = st.builds(
    Turn,
    role=st.sampled_from(["session", "system", "user", "assistant", "tool", "event"]),
    parents=st.lists(hexes, unique=True, max_size=4).map(tuple),
    raw=st.lists(raw_pieces, max_size=4).map(tuple),
    dialect=st.sampled_from(["claude-code@1", "anthropic.messages@1"]),
    summary=maybe(summaries),
    time=maybe(integers),
    model=maybe(texts),
    tools=st.lists(texts, max_size=3).map(tuple),
    usage=maybe(usages),
    call=maybe(calls),
    session=maybe(sessions),
    redacted=maybe(redactions),
)
"""Turns that `encode_turn` takes."""

_words = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,20}", fullmatch=True)
tags = st.builds(
    Tag,
    oids,
    kinds,
    _words,
    maybe(st.builds(Tagger, _words, integers)),
    texts,
)

ref_names = st.lists(
    st.from_regex(r"[a-z0-9_][a-z0-9_%]{3,12}", fullmatch=True), min_size=1, max_size=4
).map(lambda parts: "refs/heads/" + "/".join(parts))
"""Full names that are valid; none is an id, a device or ends in `.lock`."""

_json_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
json_values = st.recursive(
    _json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def requests(draw) -> bytes:
    """Draw a request body: a JSON object with messages, tools and other members."""
    body = draw(st.dictionaries(texts, _json_scalars, max_size=3))
    for name in draw(
        st.sets(st.sampled_from(["messages", "input", "contents", "tools", "system"]))
    ):
        body[name] = draw(st.lists(json_values, max_size=8))
    indent = draw(st.sampled_from([None, 1, 2]))
    return json.dumps(body, indent=indent, ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "replace"
    )


@st.composite
def objects(draw) -> tuple[ObjectId, Kind, bytes]:
    """Draw a blob with its id and kind."""
    data = draw(blobs)
    return object_id(Kind.BLOB, data), Kind.BLOB, data


@st.composite
def turn_graphs(draw, count_max: int = 12) -> list[tuple[int, ...]]:
    """Draw the parents of each turn of a graph, as the numbers of earlier turns."""
    count = draw(st.integers(1, count_max))
    graph: list[tuple[int, ...]] = [()]
    for number in range(1, count):
        parents = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3))
        graph.append(tuple(parents))
    return graph


_steps = st.sampled_from(["~", "^", "~2", "^2", "^0", "^{}", "^{turn}", "@{0}", "@{1}", "#1"])
revision_texts = st.builds(
    lambda start, steps: start + "".join(steps),
    st.sampled_from(["HEAD", "main", "refs/heads/main", "@"]) | ref_names,
    st.lists(_steps, max_size=3),
)
"""Texts in the revision syntax; most of them name nothing."""
