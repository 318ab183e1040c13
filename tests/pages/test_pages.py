"""The worked example of every page of section 5, read out of the page and decoded.

A page with a new example needs one entry for each block of hexadecimal digits in `EXAMPLES`.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tapegit.formats import zstd
from tapegit.formats.pack import decode_directory, decode_footer
from tapegit.store.index_builder import build_index
from tests.vectors.formats import FORMATS, PackBytes
from tests.vectors.vector import MAN_DIR, read_man_examples

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[bytes], None]

BLOB = "c9a94c1a9145087554f265dc47aecd93fd8fe3bbac49d768cf69c6a816bf51ce"
ROPE = "953a9166a4f3879f2d0648d176a3aba89679204b64ce45c3465be43d833172d2"
TURN = "4a3f237ff8afc083c1a3ef08d2d3d0bc07a2f244f6f391a6aae3a48ef0ddb54c"
TAG = "698bd351d24df6e66b1294780a85410c95b972396e3361e9911d53d07bf82fe6"
WHOLE = "fa91679013bff909f66a9cc27bcb67be9e288f9f912d8011b7f8939d7cabebe9"
TIP = "8ae042331b20ce2fb94c74a3a015c1b86b9c19bd79c6b61ee00bbab707020543"
CRUFT_OF = bytes(range(32)).hex()
PACK_PAGE = "tapesformat-pack.5.md"


def means(name: str, value: Any, **headers: str) -> Check:
    """Return a check that a format decodes a block to a value, and encodes it back."""

    def check(block: bytes) -> None:
        row = FORMATS[name]
        assert row.decode(block, headers) == value
        if row.encode is not None:
            assert row.encode(value) == block

    return check


def is_frame(number: int) -> Check:
    """Return a check that a block is the content of a frame of the pack's example."""

    def check(block: bytes) -> None:
        pack = read_man_examples(PACK_PAGE)[0]
        footer = decode_footer(pack[-56:], file_size=len(pack), where=PACK_PAGE)
        tables = pack[footer.directory_offset : -56]
        frame = decode_directory(tables, footer, where=PACK_PAGE).frame(number)
        compressed = pack[frame.offset : frame.offset + frame.compressed_size]
        assert zstd.decompress(compressed, size_max=1 << 20, where=PACK_PAGE) == block

    return check


def is_index_of_pack(block: bytes) -> None:
    """Check that a block is the index of the pack's example, byte for byte."""
    pack = read_man_examples(PACK_PAGE)[0]
    assert build_index(PackBytes(pack)).encode() == block
    FORMATS["packindex"].decode(block, {})


def is_config(block: bytes) -> None:
    """Check what the example of the settings sets."""
    assert tomllib.loads(block.decode()) == {"gc": {"auto": 2000, "trash_expire": "30.days"}}


def is_git_tree(block: bytes) -> None:
    """Check that a block is the tree of the example turn, entry by entry, with git's own ids."""
    turn = read_man_examples("tapesformat-turn.5.md")[0]
    blob = b"hello\n"
    entries = [
        b"100644 %s\0" % name + bytes.fromhex(_git_blob_id(data))
        for name, data in ((b"blob-" + BLOB.encode(), blob), (b"turn", turn))
    ]
    assert b"".join(entries) == block


def _git_blob_id(data: bytes) -> str:
    """Return the id that git itself gives a blob."""
    done = subprocess.run(
        ["git", "hash-object", "--stdin"], input=data, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


SIZES = {"blob": 6, "rope": 78, "turn": 163, "tag": 134}
KINDS = {"blob": BLOB, "rope": ROPE, "turn": TURN, "tag": TAG}
INDEX_PAGE = "tapesformat-index.5.md"
"""The bytes of the index are SQLite's; its page gives the schema."""
SEARCH_PAGE = "tapesformat-search.5.md"
"""SQL, which `tests/unit/search` asks."""
SOURCES_PAGE = "tapesformat-sources.5.md"
"""Text, whose example `tests/unit/index/test_sources.py` reads."""

REWRITING_PAGES = ("tapesformat-tombstones.5.md", "tapesformat-rewriting.5.md")
"""Their examples are read by `tests/unit/formats/test_tombstones.py`."""

EXAMPLES: dict[str, list[Check]] = {
    "tapesformat-bundle.5.md": [
        means(
            "bundlehead",
            {"needs": [[TIP, "ask for a test"]], "refs": [["refs/heads/main", TIP]]},
        )
    ],
    "tapesformat-config.5.md": [is_config],
    "tapesformat-cruft.5.md": [
        means(
            "cruft",
            {"pack": CRUFT_OF, "times": [1767323045678, 1767409445678, 0]},
            pack=CRUFT_OF,
            count="3",
        )
    ],
    "tapesformat-loose.5.md": [
        means("loose", {"kind": "blob", "size": 6, "data": b"hello\n".hex()}, oid=BLOB)
    ],
    "tapesformat-object.5.md": [
        means("framed", {"kind": "blob", "data": b"hello\n".hex(), "oid": BLOB})
    ],
    PACK_PAGE: [
        means(
            "pack",
            {
                "sections": [[0, 1, 2, 3, 4, 0, 0, 0]],
                "objects": [[kind, oid, SIZES[kind]] for kind, oid in KINDS.items()],
            },
        ),
        is_frame(0),
        is_frame(1),
        is_frame(2),
    ],
    "tapesformat-shallow.5.md": [
        means("shallow", [[BLOB, 1780000000, bytes(range(20)).hex(), bytes(range(32, 52)).hex()]])
    ],
    "tapesformat-packedrefs.5.md": [
        means("packedrefs", [["refs/heads/main", BLOB], ["refs/tags/v1", TAG, BLOB]])
    ],
    "tapesformat-git.5.md": [is_git_tree],
    "tapesformat-packindex.5.md": [is_index_of_pack],
    "tapesformat-reflog.5.md": [
        means("reflog", [["0" * 64, BLOB, 1760000000000, "ada@x.org", "import: first\ttry\n"]])
    ],
    "tapesformat-refs.5.md": [
        means("reffile", {"oid": BLOB}),
        means("reffile", {"symbolic": "refs/heads/main"}),
    ],
    "tapesformat-rope.5.md": [
        means(
            "rope",
            {
                "level": 0,
                "size": 11,
                "whole": WHOLE,
                "entries": [[b">>".hex()], [BLOB, 6], [b"<<\n".hex()]],
            },
        )
    ],
    "tapesformat-store.5.md": [
        means("marker", {"version": 1, "requires": []}),
        means("reffile", {"symbolic": "refs/sessions/claude-code/0b7e1c52/file/main"}),
    ],
    "tapesformat-tag.5.md": [
        means(
            "tag",
            {
                "object": BLOB,
                "type": "blob",
                "tag": "v1",
                "who": "Ada <ada@x.org>",
                "time_ms": 1780000000000,
                "message": "First.\n",
            },
        )
    ],
    "tapesformat-turn.5.md": [
        means(
            "turn",
            {
                "dialect": "claude-code@1",
                "raw": [{"oid": BLOB}],
                "role": "user",
                "summary": "hello",
                "time": 1780000000000,
            },
        )
    ],
}


def test_every_page_of_a_format_has_its_examples_here():
    """No page of section 5 is without an example, and no example is without a check."""
    pages = {
        path.name: read_man_examples(path.name)
        for path in MAN_DIR.glob("*.5.md")
        if path.name not in (INDEX_PAGE, SEARCH_PAGE, SOURCES_PAGE, *REWRITING_PAGES)
    }

    assert {page: len(blocks) for page, blocks in pages.items()} == {
        page: len(checks) for page, checks in EXAMPLES.items()
    }
    assert all(pages.values())


def test_every_folder_of_vectors_is_named_by_a_page():
    """Who reads a page finds the vectors of its format, and no page names others."""
    text = "".join(path.read_text(encoding="utf-8") for path in MAN_DIR.glob("*.5.md"))

    assert set(re.findall(r"`fixtures/vectors/([a-z]+)`", text)) == set(FORMATS)


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page, checks in EXAMPLES.items() for number in range(len(checks))],
)
def test_example_of_a_page_is_what_the_page_says(page, number):
    """The bytes in the page decode to what its text says of them."""
    EXAMPLES[page][number](read_man_examples(page)[number])


@pytest.mark.parametrize("kind", KINDS)
def test_example_of_an_object_has_the_id_in_its_page(kind):
    """The id that a page states is that of its example, and other pages use the same."""
    page = "object" if kind == "blob" else kind
    (block,) = read_man_examples(f"tapesformat-{page}.5.md")
    data = block.partition(b"\0")[2] if kind == "blob" else block

    raw = b"%s %d\0" % (kind.encode(), len(data)) + data

    assert FORMATS["framed"].decode(raw, {})["oid"] == KINDS[kind]
    assert KINDS[kind] in (MAN_DIR / f"tapesformat-{page}.5.md").read_text(encoding="utf-8")
