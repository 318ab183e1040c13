"""Objects as numbers: the same links as the objects themselves have, wherever they lie."""

from __future__ import annotations

import pytest

from tapegit.errors import ObjectNotFoundError
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.upkeep.gc.linkmap import LinkMap
from tapegit.upkeep.gc.packlinks import NONE
from tapegit.upkeep.inventory import read_inventory
from tests.builders import make_tape, turn_data, write_blob, write_bytes, write_tag, write_turn


def open_map(shop) -> LinkMap:
    """Return the map of the whole store."""
    repository = shop.reopen()
    inventory = read_inventory(shop.root, repository.objects.loose)
    views = [pack.view for pack in inventory.packs]
    return LinkMap(views, inventory.loose, repository.objects.loose)


def check(shop) -> LinkMap:
    """Compare kinds and links of every number with the objects; return the map."""
    links = open_map(shop)
    contents = shop.contents()
    assert {links.oid_of(n) for n in range(links.count)} == set(contents)
    for number in range(links.count):
        oid = links.oid_of(number)
        found = contents[oid]
        assert links.first_of(number) == links.find(oid)
        assert links.kind_of(number) is found.kind
        wanted = {link.oid for link in iter_links(found.kind, found.data)}
        assert {links.oid_of(n) for n in links.links_of(number)} == wanted
        assert all(links.first_of(n) == n for n in links.links_of(number))
    return links


def test_links_are_those_of_the_objects(shop):
    """Loose, in a pack, in several packs and in both, every object has the links of its data."""
    items = b",".join(b'{"role":"user","content":"%s"}' % (b"%05d" % n * 30) for n in range(300))
    for step in range(3):
        rope = write_bytes(shop.repository, b'{"messages":[%d,%s]}' % (step, items))
        tape = make_tape(shop.repository, 3, label=f"{step}", name=f"refs/heads/{step}")
        write_tag(shop.repository, write_turn(shop.repository, raw=(rope,), parents=tape[-1:]))
        check(shop)
        if step < 2:
            shop.gc(prune="never")
            check(shop)
    assert len(open_map(shop).packs) >= 2


def test_object_in_several_places_has_one_number_that_speaks_for_it(shop):
    """Links lead to the first copy, and packs come before loose files."""
    tape = make_tape(shop.repository, 3)
    loose = {path: path.read_bytes() for path in shop.root.glob("objects/??/*")}
    shop.gc()
    for path, data in loose.items():
        path.write_bytes(data)
    (pack,) = shop.root.glob("objects/pack/*.pack")
    with shop.reopen().transaction("test", bulk=True) as txn:
        txn.write(Kind.BLOB, b"another pack")
    links = check(shop)
    assert links.count == 13
    assert links.find(tape[0]) < links.loose_base
    assert pack.exists()


def test_missing_object_is_known_by_who_needs_it(shop):
    """What is nowhere is listed for the object that names it, and a strict walk stops at it."""
    blob = write_blob(shop.repository, b"gone")
    turn = write_turn(shop.repository, raw=(blob,))
    shop.repository.objects.loose.path_of(blob).unlink()
    links = open_map(shop)
    number = links.find(turn)
    assert list(links.links_of(number)) == [NONE]
    assert [missing.oid for missing in links.missing_of(number)] == [blob]
    with pytest.raises(ObjectNotFoundError) as info:
        links.mark([number], links.new_marks())
    assert info.value.fields == {"oid": blob, "needed_by": turn}
    marks = links.new_marks()
    links.mark([number], marks, lenient=True)
    assert marks[number]


@pytest.mark.parametrize("bulk", [False, True])
def test_what_a_note_is_about_may_be_missing(shop, bulk):
    """An id that a turn only mentions stops no walk, loose or packed, though no one has it."""
    about = "ab" * 32
    data = turn_data("a note").replace(b"{", b'{"about":"%s",' % about.encode(), 1)
    with shop.reopen().transaction("test", bulk=bulk) as txn:
        turn = txn.write(Kind.TURN, data)
    links = open_map(shop)
    links.mark([links.find(turn)], links.new_marks())


def test_what_a_note_is_about_is_kept_where_it_is_in_a_pack(shop):
    """A mention in a pack counts as a link, so gc keeps what a note speaks of."""
    subject = write_turn(shop.repository, "subject")
    data = turn_data("a note").replace(b"{", b'{"about":"%s",' % str(subject).encode(), 1)
    with shop.reopen().transaction("test", bulk=True) as txn:
        note = txn.write(Kind.TURN, data)
    links = open_map(shop)
    marks = links.new_marks()
    links.mark([links.find(note)], marks)
    assert marks[links.find(subject)]
