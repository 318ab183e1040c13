"""Sources that are read on: what is made of them is what reading them anew makes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from tapegit.formats.zstd import compress
from tapegit.objects.kind import Kind
from tapegit.recorder.sources.files import SourceFile
from tapegit.recorder.sources.growing import SOURCE_COUNT_MAX, GrowingSources
from tapegit.recorder.sources.source import recognise, record_source
from tapegit.redact.redactor import default_redactor
from tests.claude_records import assistant, user
from tests.recordings import FIXTURES, Recordings, jsonl, record_ends
from tests.transcripts import conversations, transcripts

PATHS = [
    pytest.param(path, id=f"{folder}-{path.stem}")
    for folder in ("claude-code", "codex", "gemini-cli", "pi")
    for path in sorted((FIXTURES.parent / folder).glob("*.jsonl"))
]
STEP_COUNT = 12


class Reader:
    """Reads one file on and on, and keeps count of what was stored."""

    def __init__(self, path):
        self.path = path
        self.growing = GrowingSources()
        self.recordings = Recordings()
        self.stored = 0
        self.rules = "rules"

    def write(self, kind, data):
        """Store an object and return its id."""
        self.stored += len(data)
        return self.recordings.objects.write(kind, data)

    def is_here(self, oid):
        """Return whether an object is in the store."""
        return self.recordings.objects.find(oid) is not None

    def read(self):
        """Return what is made of the file now, and check that it is what it has to be."""
        with SourceFile(str(self.path)) as file:
            harness = recognise(file)
            if harness is None or harness.document is not None:
                return None
            source = self.growing.record(
                harness, file, self.write, self.is_here, default_redactor(), self.rules
            )
            anew = Recordings()
            assert source == record_source(harness, file, anew.objects.write, is_growing=True)
        for tape in source.tapes:
            for tip in (tape.tip, *tape.left_behind):
                assert self.recordings.line(tip) == anew.line(tip)
                for turn in anew.line(tip):
                    assert self.recordings.parts(turn) == anew.parts(turn)
        return source

    def read_at(self, ends, data):
        """Let the file grow to each of some sizes, and read it there."""
        for before, end in pairwise([0, *ends]):
            with self.path.open("ab") as file:
                file.write(data[before:end])
            self.read()


@pytest.fixture
def reader(tmp_path):
    """Return a reader of a file that is not there yet."""
    return Reader(tmp_path / "s.jsonl")


def talk(count, word="say"):
    """Return a session with so many prompts, each answered."""
    made, parent = [], None
    for number in range(count):
        made.append(user(f"ask {number}", f"u{number}", parent, sessionId="s"))
        made.append(assistant(f"{word} {number}" * 20, f"m{number}", f"a{number}", f"u{number}"))
        parent = f"a{number}"
    return jsonl(made)


@pytest.mark.parametrize("path", PATHS)
def test_real_source_is_read_on(reader, path):
    """A real transcript that grows, also in the middle of lines, is read as if read anew."""
    data = path.read_bytes()
    ends = record_ends(data)
    ends = ends[:: max(len(ends) // STEP_COUNT, 1)]
    reader.read_at(sorted({*ends, *(end + 7 for end in ends if end + 7 < len(data))}), data)


@settings(max_examples=40)
@given(conversations() | transcripts())
def test_any_source_is_read_on(tmp_path_factory, data):
    """Whatever is in a transcript, reading on makes what reading anew makes."""
    reader = Reader(tmp_path_factory.mktemp("growing") / "s.jsonl")
    ends = record_ends(data)
    reader.read_at(sorted({*ends[:: max(len(ends) // 4, 1)], max(len(data) - 3, 0)}), data)


def test_only_what_is_new_is_stored(reader):
    """What was read before is neither read nor stored again."""
    data = talk(200)
    reader.path.write_bytes(data)
    reader.read()
    whole, reader.stored = reader.stored, 0
    with reader.path.open("ab") as file:
        file.write(talk(201)[len(data) :])
    source = reader.read()
    assert source.tapes[0].turn_count == 402
    assert source.size_bytes == len(talk(201))
    assert 0 < reader.stored < whole / 50


@pytest.mark.parametrize("change", ["shorter", "other", "replaced", "rules"])
def test_what_is_no_longer_the_same_is_read_anew(reader, change):
    """A file that became shorter, or another, or is to be read by other rules."""
    reader.path.write_bytes(talk(9))
    reader.read()
    if change == "shorter":
        reader.path.write_bytes(talk(4))
    elif change == "other":
        reader.path.write_bytes(talk(10, "tell"))
    elif change == "replaced":
        other = reader.path.with_name("other")
        other.write_bytes(talk(10, "tell"))
        other.rename(reader.path)
    else:
        reader.rules = "others"
    before, reader.stored = reader.stored, 0
    reader.read()
    assert reader.stored > before / 4


@pytest.mark.parametrize("is_growing", [True, False])
def test_what_the_store_has_lost_is_stored_again(reader, is_growing):
    """A store that is not the one it was gets the whole source."""
    data = talk(9)
    reader.path.write_bytes(data)
    reader.read()
    reader.recordings = Recordings()
    if is_growing:
        reader.path.write_bytes(talk(10))
    reader.read()


def test_piece_of_an_open_message_that_was_lost_is_stored_again(reader):
    """What an open message has is in no turn yet: a store may have dropped it."""
    made = [
        user("ask", "u", sessionId="s"),
        assistant("one", "m", "a", "u"),
        user("aside", "v", "a", isMeta=True),
        assistant("two", "m", "b", "a"),
        user("more", "w", "b"),
        assistant("end", "n", "c", "w"),
    ]
    lines = jsonl(made).splitlines(keepends=True)
    reader.path.write_bytes(b"".join(lines[:4]))
    source = reader.read()
    kept = Recordings()
    for tape in source.tapes:
        for turn in reader.recordings.line(tape.tip):
            for piece in turn.raw:
                found = reader.recordings.objects.find(piece.oid)
                if found is not None:
                    kept.objects.write(Kind.BLOB, found.data)
    reader.recordings = kept
    reader.path.write_bytes(b"".join(lines))
    reader.read()


def test_compressed_source_is_read_anew(reader):
    """What is compressed has no end to go on from."""
    for count in (3, 5):
        reader.path.write_bytes(compress(talk(count)))
        assert reader.read().tapes[0].turn_count == 2 * count
    assert not reader.growing._kept


def test_few_sources_are_kept(tmp_path):
    """The memory for half-read sources is bounded."""
    growing = GrowingSources()
    for number in range(SOURCE_COUNT_MAX + 3):
        reader = Reader(tmp_path / f"s{number}.jsonl")
        reader.growing = growing
        reader.path.write_bytes(talk(2))
        reader.read()
    assert len(growing._kept) == SOURCE_COUNT_MAX
    growing.forget()
    assert not growing._kept
