"""The cutter and the tree against a second reading of the page."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.objects.cutter import cut
from tapegit.objects.rope_builder import iter_content_objects
from tests.vectors.reference import build_by_page, cut_by_page

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=90) | st.just("p" * 300),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from(["messages", "input", "contents", "tools", "system", "model", "messages "])
requests = st.dictionaries(names, st.lists(values, max_size=40) | values, max_size=5)
tokens = st.sampled_from(
    [
        b'"messages"',
        b'"a"',
        b":",
        b",",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"\\"',
        b"1",
        b" ",
        b"\\",
        b"x" * 70,
    ]
)


def spans(data: bytes) -> list[list]:
    """Return the cut in the form of the reference."""
    return [[s.start, s.end, "literal" if s.is_literal else "blob"] for s in cut(data)]


@given(requests, st.sampled_from([None, 1]), st.integers(0, 300))
def test_requests_are_cut_as_the_page_says(request, indent, pad):
    """Both readings cut real-looking requests alike."""
    data = json.dumps(request | {"pad": "z" * 4000}, indent=indent).encode() + b" " * pad

    assert spans(data) == cut_by_page(data)


@given(st.lists(tokens, max_size=60))
@example([b'"messages"', b":", b"[", b'"\\"', b"]"])
def test_token_soup_is_cut_as_the_page_says(parts):
    """Both readings agree on what is out of the grammar."""
    data = b'{"messages":[' + b'"' + b"x" * 4096 + b'",' + b"".join(parts)

    assert spans(data) == cut_by_page(data)
    assert spans(data + b"]}") == cut_by_page(data + b"]}")


@given(st.binary(max_size=200), st.integers(0, 5000))
def test_any_change_is_cut_as_the_page_says(noise, place):
    """A good request with anything written over it is cut alike, or not at all."""
    data = json.dumps({"messages": [{"n": n, "t": "w" * 90} for n in range(50)]}).encode()
    place %= len(data)
    data = data[:place] + noise + data[place + len(noise) :]

    assert spans(data) == cut_by_page(data)


@given(requests, st.integers(1, 40))
def test_trees_are_built_as_the_page_says(request, repeat):
    """Both readings give the same objects in the same order, up to where nodes come."""
    data = json.dumps(request | {"messages": [[n, "m" * 70] for n in range(9 * repeat)]}).encode()
    data += b" " * 4096
    built = {(kind.value, bytes(oid), content) for oid, kind, content in iter_content_objects(data)}

    assert built == set(build_by_page(data))
    *_, (root, _, _) = iter_content_objects(data)
    assert root == build_by_page(data)[-1][1]


@pytest.mark.parametrize("seed", range(3))
def test_large_bytes_are_cut_as_the_page_says(seed):
    """17 MiB of lines of many lengths, also none for a long way, are cut alike."""
    rng = random.Random(seed)
    parts = []
    while sum(map(len, parts)) < (17 << 20):
        length = rng.choice([1, 30, 500, 5000, 3_000_000])
        count = rng.randrange(1, 3 if length > 10**6 else 4000)
        parts += [rng.randbytes(length).replace(b"\n", b"") + b"\n"] * count
    rng.shuffle(parts)
    data = b"".join(parts)

    assert spans(data) == cut_by_page(data)
