"""packed-refs: sorted lines under one checksum, found by binary search, changed by splicing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    TruncatedError,
    UnsupportedVersionError,
)
from tapegit.formats.packedrefs import EMPTY_FILE, HEADER, PackedRef, PackedRefs, _seal
from tapegit.objects.oid import ObjectId
from tests.vectors.vector import read_man_examples


def oid(number: int) -> ObjectId:
    """Return an id for tests."""
    return ObjectId(number.to_bytes(32, "big"))


def build(*refs: PackedRef) -> PackedRefs:
    """Return a file that holds these."""
    return PackedRefs(PackedRefs(EMPTY_FILE).splice({ref.name: ref for ref in refs}))


REFS = [
    PackedRef("refs/heads/a", oid(1)),
    PackedRef("refs/heads/a-b", oid(2)),
    PackedRef("refs/heads/a/b", oid(3)),
    PackedRef("refs/heads/é", oid(4)),
    PackedRef("refs/tags/v1", oid(5), oid(6)),
    PackedRef("refs/tags/v2", oid(7)),
]
names = st.text("ab/-.é~", min_size=1, max_size=6).map(lambda text: f"refs/{text}")
records = st.builds(PackedRef, names, st.integers(0, 99).map(oid), st.none() | st.just(oid(7)))


def test_refs_come_back_in_bytewise_order():
    """A file lists what was put in, sorted by the bytes of the names."""
    packed = build(*reversed(REFS))
    packed.verify()

    assert list(packed.iter_refs()) == REFS
    assert [ref.name for ref in REFS] == packed.names()


@pytest.mark.parametrize("ref", REFS)
def test_each_ref_is_found_and_its_neighbours_are_not(ref):
    """A lookup finds exactly the name, peel line or not."""
    packed = build(*REFS)

    assert ref == packed.find(ref.name)
    assert packed.find(ref.name + "x") is None
    assert packed.find(ref.name[:-1] + "!") is None


def test_a_lookup_in_an_empty_file_finds_nothing():
    """A file without refs is a file."""
    packed = PackedRefs(EMPTY_FILE)

    assert packed.find("refs/heads/a") is None
    assert list(packed.iter_refs()) == []
    assert packed.names() == []


def test_a_prefix_lists_what_begins_with_it():
    """A prefix is a beginning of names, not a folder."""
    packed = build(*REFS)

    assert REFS[:3] == list(packed.iter_refs("refs/heads/a"))
    assert REFS[4:] == list(packed.iter_refs("refs/tags/"))
    assert list(packed.iter_refs("refs/x")) == []


@given(st.lists(st.dictionaries(names, st.none() | st.integers(0, 99), max_size=6), max_size=5))
def test_splicing_is_a_dictionary(rounds):
    """After any splices the file holds what a dictionary would, and finds each of it."""
    model: dict[str, PackedRef] = {}
    data = EMPTY_FILE
    for changes in rounds:
        spliced: dict[str, PackedRef | None] = {}
        for name, number in changes.items():
            peeled = oid(50) if number is not None and number % 2 else None
            ref = None if number is None else PackedRef(name, oid(number), peeled)
            spliced[name] = ref
            if ref is None:
                model.pop(name, None)
            else:
                model[name] = ref
        data = PackedRefs(data).splice(spliced)

    packed = PackedRefs(data)
    packed.verify()
    assert sorted(model.values(), key=lambda ref: ref.name.encode()) == list(packed.iter_refs())
    assert all(packed.find(name) == ref for name, ref in model.items())


def test_a_lookup_parses_a_few_lines_of_many():
    """One lookup among 20,000 refs looks at less than 40 of them."""
    packed = build(*(PackedRef(f"refs/sessions/x/{n:05d}/file/main", oid(n)) for n in range(20000)))
    seen = []
    record = packed._record
    packed._record = lambda offset: seen.append(offset) or record(offset)

    assert oid(12345) == packed.find("refs/sessions/x/12345/file/main").oid
    assert len(seen) < 40


def test_every_flipped_bit_is_an_error():
    """No bit of the file can change without an error when it is opened."""
    data = PackedRefs(EMPTY_FILE).splice({ref.name: ref for ref in REFS})
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            with pytest.raises(DataError):
                PackedRefs(bytes(flipped))


def test_every_cut_and_every_addition_is_an_error():
    """A file that lost its end, or has more after it, is refused."""
    data = PackedRefs(EMPTY_FILE).splice({ref.name: ref for ref in REFS})
    for end in range(len(data)):
        with pytest.raises(DataError):
            PackedRefs(data[:end])
    with pytest.raises(TruncatedError):
        PackedRefs(data + b"\n")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", FormatError),
        (b"\0" * 200, FormatError),
        (HEADER, TruncatedError),
        (b"# tapes packed-refs 2 sorted\n", UnsupportedVersionError),
        (b"# pack-refs with: peeled fully-peeled sorted\n", FormatError),
        (EMPTY_FILE.replace(b"\n", b"\r\n"), FormatError),
        (EMPTY_FILE[:-10] + b"000000000\n", IntegrityError),
    ],
)
def test_what_is_wrong_is_named(data, error):
    """Another file, another version, a lost end and a wrong hash are told apart."""
    with pytest.raises(error) as caught:
        PackedRefs(data, where="P")

    assert type(caught.value) is error
    assert "'P'" in caught.value.message


HEX = oid(1).hex().encode()


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([HEX + b" refs/b", HEX + b" refs/a"], 3),
        ([HEX + b" refs/a", HEX + b" refs/a"], 3),
        ([HEX + b" refs/a", b"junk"], 3),
        ([b"^" + HEX, HEX + b" refs/a"], 2),
        ([HEX.upper().replace(b"0", b"A") + b" refs/a"], 2),
        ([HEX + b" refs/a\r"], 2),
        ([HEX + b"  refs/a"], 2),
        ([HEX + b" "], 2),
    ],
)
def test_lines_that_are_none_are_named_by_number(lines, number):
    """A file that is sealed but wrong inside is refused by whoever reads it through."""
    packed = PackedRefs(_seal([HEADER, *(line + b"\n" for line in lines)]))

    with pytest.raises(FormatError) as caught:
        packed.verify()
    assert number == caught.value.fields["line"]


def test_a_name_that_is_not_utf8_is_refused():
    """Bytes that are no text are a format error, in lists and lookups."""
    packed = PackedRefs(_seal([HEADER, HEX + b" refs/\xff\n"]))

    with pytest.raises(FormatError):
        list(packed.iter_refs())
    with pytest.raises(FormatError):
        packed.names()


@given(st.lists(st.binary(max_size=90), max_size=6), st.text("refs/ab", max_size=8))
def test_any_sealed_lines_are_refs_or_a_format_error(lines, name):
    """Whatever stands under a right checksum, reading ends and raises nothing else."""
    packed = PackedRefs(_seal([HEADER, b"\n".join(lines)]))
    for read in (packed.verify, lambda: packed.find(name), lambda: packed.splice({name: None})):
        try:
            read()
        except FormatError:
            pass


def test_the_example_of_the_page_decodes():
    """The file in tapesformat-packedrefs(5) holds a branch and a tag with its end."""
    (data,) = read_man_examples("tapesformat-packedrefs.5.md")
    packed = PackedRefs(data)
    packed.verify()
    branch, tag = packed.iter_refs()

    assert (branch.name, branch.peeled) == ("refs/heads/main", None)
    assert ("refs/tags/v1", branch.oid) == (tag.name, tag.peeled)
