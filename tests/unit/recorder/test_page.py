"""The worked example of tapesdialect-claude-code(7): its bytes give its turns."""

from __future__ import annotations

import re
from pathlib import Path

from tests.recordings import Recordings

PAGE = Path(__file__).parents[3] / "man" / "tapesdialect-claude-code.7.md"


def test_example_of_the_page_gives_its_turns():
    """The bytes in the page, recorded, give the turns and the ids in the page."""
    example = PAGE.read_text().split("# EXAMPLE\n", 1)[1].split("# REASONS")[0]
    block = re.search(r"```hex\n(.*?)```", example, re.DOTALL)
    assert block is not None
    data = b"".join(bytes.fromhex(line.partition("#")[0]) for line in block[1].splitlines())
    shown = re.findall(r"^    ([0-9a-f]{64})\n    (\{.*\})$", example, re.MULTILINE)
    assert len(shown) == 4
    recordings = Recordings()
    (tape,) = recordings.record(data).tapes
    oid = tape.tip
    turns = []
    while oid is not None:
        found = recordings.objects.find(oid)
        turns.append((str(oid), found.data.decode()))
        parents = recordings.line(oid)[-1].parent_ids
        oid = parents[0] if parents else None
    assert turns[::-1] == shown
