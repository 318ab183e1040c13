"""A source that grows, in every way it can be cut: the same refs as importing it once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings import Recordings, record_ends
from tests.transcripts import conversations, transcripts

sources = conversations() | transcripts()
whole_sources = conversations() | transcripts(head_count_max=0)
randoms = st.randoms(use_true_random=False)


def record_once(data: bytes) -> dict:
    """Return the refs of importing a source once."""
    recordings = Recordings()
    recordings.add(data)
    return recordings.refs


def without_unnamed(refs: dict) -> dict:
    """Return refs without those of heads that do not know their session yet."""
    return {name: oid for name, oid in refs.items() if "/unnamed-" not in name}


@settings(max_examples=80)
@given(sources, randoms)
def test_prefix_then_whole_gives_the_refs_of_the_whole(data, random):
    """Importing any beginning of a file and then the file ends in the refs of the file alone."""
    cut = random.randrange(len(data) + 1)
    recordings = Recordings()
    recordings.add(data[:cut])
    recordings.add(data)
    assert recordings.refs == record_once(data)


@settings(max_examples=60)
@given(sources, randoms)
def test_prefixes_one_after_the_other_give_the_refs_of_the_whole(data, random):
    """A file imported again and again while it grows ends in the refs of importing it once."""
    recordings = Recordings()
    cuts = sorted({*record_ends(data), *(random.randrange(len(data)) for _ in range(5))})
    for cut in cuts:
        recordings.add(data[:cut])
    recordings.add(data)
    assert recordings.refs == record_once(data)


@settings(max_examples=80)
@given(sources, randoms)
def test_whole_then_prefix_changes_nothing(data, random):
    """Importing a beginning of what is recorded moves no ref of its session."""
    cut = random.randrange(len(data) + 1)
    recordings = Recordings()
    recordings.add(data)
    recordings.add(data[:cut])
    assert without_unnamed(recordings.refs) == record_once(data)


@settings(max_examples=50)
@given(whole_sources, whole_sources, randoms)
def test_order_of_imports_makes_no_difference(one, other, random):
    """Two sources and whole records of them end in the same refs, whatever the order."""
    states = [one, other, *(data[: random.choice(record_ends(data))] for data in (one, other))]
    states = [state.rstrip() + b"\n" for state in states]
    forward, shuffled = Recordings(), Recordings()
    for source in states:
        forward.add(source)
    random.shuffle(states)
    for source in states:
        shuffled.add(source)
    assert forward.refs == shuffled.refs


@given(sources)
def test_importing_again_writes_nothing(data):
    """A source that is recorded adds no object and moves no ref."""
    recordings = Recordings()
    recordings.add(data)
    objects, refs = list(recordings.objects.iter_oids()), dict(recordings.refs)
    assert not recordings.add(data)
    assert list(recordings.objects.iter_oids()) == objects
    assert recordings.refs == refs
