"""The clients that can be made to go on from a turn.

To add one: a module with a `Resume`, a line here, a section in tapes-resume(1), tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.harness.resume.claude_code import CLAUDE_CODE_RESUME
from tapegit.harness.resume.codex import CODEX_RESUME
from tapegit.harness.resume.gemini_cli import GEMINI_CLI_RESUME
from tapegit.harness.resume.opencode import OPENCODE_RESUME
from tapegit.harness.resume.pi import PI_RESUME

if TYPE_CHECKING:
    from tapegit.harness.resume.continuation import Resume

RESUMES: Final[tuple[Resume, ...]] = (
    CLAUDE_CODE_RESUME,
    CODEX_RESUME,
    OPENCODE_RESUME,
    PI_RESUME,
    GEMINI_CLI_RESUME,
)


def find_resume(name: str) -> Resume | None:
    """Return the client of a harness's name, or of its program's, or None."""
    return next((each for each in RESUMES if name in {each.name, each.program}), None)
