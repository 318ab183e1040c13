"""The order in which gc writes: what is needed first, chains from their start, nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.upkeep.gc.order import iter_in_order
from tapegit.upkeep.gc.stock import take_stock
from tests.builders import (
    make_tape,
    set_ref,
    turn_data,
    write_blob,
    write_bytes,
    write_tag,
    write_turn,
)

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId


def list_in_order(shop, *, wanted=None) -> list[ObjectId]:
    """Return the ids in the order in which gc would write them."""
    stock = take_stock(shop.reopen())
    marks = stock.marks if wanted is None else stock.links.new_marks()
    for oid in wanted or ():
        marks[stock.links.find(oid)] = 1
    return [stock.links.oid_of(n) for n in iter_in_order(stock.links, stock.tips(), marks)]


def rich_store(shop):
    """Make a store with a rope that two turns share, a merge, tags of tags and a note's mention."""
    repository = shop.repository
    main = make_tape(repository, 4)
    side = make_tape(repository, 2, start=main[1], label="side", name="refs/heads/side")
    items = b",".join(b'{"role":"user","content":"%s"}' % (b"%05d" % n * 30) for n in range(300))
    rope = write_bytes(repository, b'{"messages":[' + items + b"]}")
    one = write_turn(repository, "one", parents=(main[-1], side[-1]), raw=(rope,))
    two = write_turn(repository, "two", parents=(one,), raw=(rope, write_blob(repository, b"b")))
    set_ref(repository, "refs/heads/merge", two)
    tag = write_tag(repository, two, "inner")
    set_ref(repository, "refs/tags/outer", write_tag(repository, tag, "outer"))


def test_everything_comes_once_and_after_what_it_needs(shop):
    """Each object is yielded once, and all it needs before it, loose and packed alike."""
    rich_store(shop)
    for _ in range(2):
        order = list_in_order(shop)
        contents = shop.contents()
        assert sorted(order) == sorted(contents)
        place = {oid: number for number, oid in enumerate(order)}
        for oid, found in contents.items():
            for link in iter_links(found.kind, found.data):
                assert place[link.oid] < place[oid]
        shop.gc()


def test_tapes_stand_one_after_the_other_oldest_turn_first(shop):
    """Turns of one tape are neighbours, each right after its own content."""
    tapes = [make_tape(shop.repository, 3, label=n, name=f"refs/heads/{n}") for n in "bac"]
    contents = shop.contents()
    order = list_in_order(shop)
    turns = [oid for oid in order if contents[oid].kind is Kind.TURN]
    # The first tape is the one HEAD leads to or, as it leads nowhere here, the first ref's.
    assert turns == [*tapes[1], *tapes[0], *tapes[2]]
    kinds = [contents[oid].kind for oid in order]
    assert kinds == [Kind.BLOB, Kind.TURN] * 9


def test_only_what_is_wanted_comes(shop):
    """A subset comes in the same order as it has among all."""
    rich_store(shop)
    order = list_in_order(shop)
    assert list_in_order(shop, wanted=order[::3]) == order[::3]


def test_what_no_root_reaches_comes_last(shop):
    """Unreachable objects that are wanted follow, still with what they need before them."""
    tape = make_tape(shop.repository, 2)
    lost = make_tape(shop.repository, 3, label="lost", name=None)
    order = list_in_order(shop, wanted=[*tape, *reversed(lost)])
    assert order[:2] == tape
    assert order[2:] == lost


def test_long_chain_does_not_recurse(shop):
    """Twenty thousand turns in a row are ordered without deep recursion."""
    parent = None
    with shop.reopen().transaction("test", bulk=True, threads=1) as txn:
        for number in range(20_000):
            data = turn_data(f"{number}", parents=() if parent is None else (parent,))
            parent = txn.write(Kind.TURN, data)
    set_ref(shop.reopen(), "refs/heads/main", parent)
    order = list_in_order(shop)
    assert len(order) == 20_000
    assert order[-1] == parent
