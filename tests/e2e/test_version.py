"""`tapes version`."""

from __future__ import annotations

import re

from tapegit import __version__


def test_version_says_which_program_this_is(run_tapes):
    """Another program is called tapes too: the line names the distribution."""
    assert run_tapes("version").lines == [
        f"tapes version {__version__} (tapegit, git for agent sessions)"
    ]


def test_build_options_name_what_it_runs_on(tapes):
    """For a report of a fault: Python, the system and the libraries."""
    text = tapes("version", "--build-options").out

    assert re.search(r"^python: 3\.\d+\.\d+", text, re.MULTILINE)
    assert re.search(r"^zstandard: \d", text, re.MULTILINE)


def test_json_has_the_same(tapes):
    """--json gives program, distribution and version."""
    (record,) = tapes("version", "--json", "--build-options").records

    assert (record["program"], record["distribution"]) == ("tapes", "tapegit")
    assert record["version"] == __version__
    assert "python" in record
