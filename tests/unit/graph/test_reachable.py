"""What objects need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import FormatError, ObjectNotFoundError
from tapegit.graph.reachable import (
    iter_reachable,
    iter_reachable_objects,
    iter_with_content,
    sort_tips,
)
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.tag import Tag, encode_tag
from tapegit.objects.turn import RawPiece, Turn, encode_turn
from tests.graphs import HoleSource, chain, dags

ORDER = [Kind.TAG, Kind.TURN]


def _content(number):
    """Return bytes that are a rope, and share pieces with those of other numbers."""
    pieces = [b'"%s"' % (b"%d" % (number // step) * 900) for step in (1, 2, 4, 8, 3)]
    return b'{"messages":[' + b",".join(pieces) + b"]}"


def _build(nodes, source):
    """Store the turns of a graph, each with a rope or a blob, and a tag of each third."""
    oids, tags = [], []
    for number, node in enumerate(nodes):
        content = _content(number) if number % 3 else b"%d" % (number // 6)
        for built in iter_content_objects(content):
            raw = source.write(built.kind, built.data)  # the last one is the whole
        turn = Turn(
            role="user",
            dialect="test@1",
            parents=tuple(str(oids[parent]) for parent in node.parents),
            raw=(RawPiece(str(raw)),),
            time=node.time,
            summary=f"turn {number}",
        )
        oids.append(source.write(Kind.TURN, encode_turn(turn)))
        if number % 3 == 0:
            data = encode_tag(Tag(oids[-1], Kind.TURN, f"t{number}", None, ""))
            tags.append(source.write(Kind.TAG, data))
    return oids, tags


def _closure(source, tips):
    """Return everything that tips need, found by links alone."""
    seen = set()
    waiting = list(tips)
    while waiting:
        oid = waiting.pop()
        found = source.find(oid)
        if oid not in seen and found is not None:
            seen.add(oid)
            waiting.extend(link.oid for link in iter_links(found.kind, found.data))
    return seen


@given(dags(count_max=8), st.data())
def test_reachable_is_the_closure_of_links(nodes, data):
    """Everything needed, each once, tags first, then turns, and ropes before their pieces."""
    source = HoleSource()
    oids, tags = _build(nodes, source)
    tips = data.draw(st.lists(st.sampled_from([*oids, *tags]), min_size=1, max_size=3))
    found = list(iter_reachable(source, tips))
    assert {item.oid for item in found} == _closure(source, tips)
    assert len({item.oid for item in found}) == len(found)
    kinds = [item.kind for item in found]
    ranks = [ORDER.index(kind) if kind in ORDER else len(ORDER) for kind in kinds]
    assert ranks == sorted(ranks)
    assert all(source.find(item.oid).kind is item.kind for item in found)
    assert list(iter_reachable_objects(source, tips)) == [item.oid for item in found]


@given(dags(count_max=8), st.data())
def test_excluded_history_is_left_out(nodes, data):
    """No turn is yielded that the excluded reach, and nothing is left out that is needed."""
    source = HoleSource()
    oids, _ = _build(nodes, source)
    tips = data.draw(st.lists(st.sampled_from(oids), min_size=1, max_size=2))
    exclude = data.draw(st.lists(st.sampled_from(oids), min_size=1, max_size=2))
    found = set(iter_reachable_objects(source, tips, exclude=exclude))
    everything, hidden = _closure(source, tips), _closure(source, exclude)
    assert everything - hidden <= found <= everything
    assert not found & set(oids) & hidden


@given(dags(count_max=8), st.data())
def test_what_is_missing_is_told_or_refused(nodes, data):
    """Each missing object is told once or more with what needs it; the rest is still found."""
    source = HoleSource()
    oids, tags = _build(nodes, source)
    everything = sorted(_closure(source, [*oids, *tags]))
    tips = data.draw(st.lists(st.sampled_from([*oids, *tags]), min_size=1, max_size=3))
    needed = _closure(source, tips)
    holes = data.draw(st.sets(st.sampled_from(everything), min_size=1, max_size=3))
    source.missing = holes
    told = {}
    found = set(iter_reachable_objects(source, tips, on_missing=told.setdefault))
    assert found == _closure(source, [tip for tip in tips if tip not in holes])
    assert set(told) <= holes & needed
    assert bool(told) == bool(holes & needed)
    for oid, referrer in told.items():
        assert referrer is None or oid in {link.oid for link in iter_links(*source.find(referrer))}
    if told:
        with pytest.raises(ObjectNotFoundError) as caught:
            list(iter_reachable_objects(source, tips))
        assert caught.value.fields["oid"] in holes


def test_link_to_another_kind_is_damage():
    """A turn whose raw is a turn, and one whose parent is a blob, are refused."""
    source = HoleSource()
    blob = source.write(Kind.BLOB, b"x")
    first = source.write(Kind.TURN, encode_turn(Turn(role="user")))
    bad = Turn(role="user", dialect="test@1", raw=(RawPiece(str(first)),))
    for turn in (bad, Turn(role="user", parents=(str(blob),))):
        oid = source.write(Kind.TURN, encode_turn(turn))
        with pytest.raises(FormatError):
            list(iter_reachable(source, [oid]))


def test_chosen_turns_come_with_their_content():
    """Turns as they are given, then what they need but for what is hidden."""
    source = HoleSource()
    oids, _ = _build(chain(4), source)
    found = list(iter_with_content(source, [oids[2], oids[1]], hidden_turns=[oids[0]]))
    assert [item.oid for item in found[:2]] == [oids[2], oids[1]]
    content = {item.oid for item in found[2:]}
    raw = {oid for turn in oids[1:3] for oid in _closure(source, [turn])} - set(oids)
    assert content <= raw
    assert not content & _closure(source, [oids[0]])


def test_tips_are_sorted_by_kind():
    """Tags are followed through other tags to what they end at."""
    source = HoleSource()
    oids, tags = _build(chain(1), source)
    outer = source.write(Kind.TAG, encode_tag(Tag(tags[0], Kind.TAG, "o", None, "")))
    blob = source.write(Kind.BLOB, b"x")
    sorted_tips = sort_tips(source, [outer, blob])
    assert [list(ids) for ids in sorted_tips] == [[outer, tags[0]], oids, [blob]]
    with pytest.raises(ObjectNotFoundError):
        sort_tips(source, [ObjectId(bytes(32))])
