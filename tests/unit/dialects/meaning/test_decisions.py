"""What users and guards decided, read from how texts begin."""

from __future__ import annotations

import pytest

from tapegit.dialects.meaning.decisions import GUARD, USER, Decision, find_decision, read_policy
from tapegit.dialects.parts import Failure, Text, ToolCall, ToolResult

REFUSED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). "
)

RESULTS = {
    REFUSED + "STOP what you are doing": Decision(USER, "rejected"),
    f"Error: {REFUSED}To tell you how to proceed, the user said:\nEntire Inc.": Decision(
        USER, "rejected", "Entire Inc."
    ),
    "The user doesn't want to take this action right now. STOP": Decision(USER, "rejected"),
    "exec command rejected by user": Decision(USER, "rejected"),
    "patch rejected by user": Decision(USER, "rejected"),
    "The user rejected permission to use this specific tool call.": Decision(USER, "rejected"),
    "The user rejected permission to use this specific tool call with the following feedback: "
    "no": Decision(USER, "rejected"),
    "[Operation Cancelled] Reason: User did not allow tool call": Decision(USER, "rejected"),
    "User has approved your plan. You can now start coding.": Decision(USER, "approved"),
    "Permission to use Bash has been denied because Claude Code is running in don't ask "
    "mode.": Decision(GUARD, "denied"),
    "Permission to use Bash with command rm -rf / has been denied.": Decision(GUARD, "denied"),
    "Claude requested permissions to use Bash, but you haven't granted it yet.": Decision(
        GUARD, "denied"
    ),
    "PreToolUse:Bash hook error: [guard.sh]: no force\n": Decision(
        GUARD, "denied", "[guard.sh]: no force"
    ),
    "The user has specified a rule which prevents you from using this specific tool "
    "call.": Decision(GUARD, "denied"),
    "approval policy is Never; reject command — you cannot ask": Decision(GUARD, "denied"),
    "12 passed": None,
    "grep: exec command rejected by user": None,
    f'"{REFUSED}"': None,
    "": None,
}


@pytest.mark.parametrize(("text", "decision"), RESULTS.items())
def test_a_result_tells_of_a_decision_by_how_it_begins(text, decision):
    """In the words that harnesses use; words that stand within a result are none."""
    assert find_decision(ToolResult(text=text)) == decision


def test_a_person_does_not_decide_by_quoting():
    """Only an interruption stands in a text of its own, or in an event."""
    assert find_decision(Text(text=REFUSED)) is None
    interrupted = Decision(USER, "interrupted")
    assert find_decision(Text(text="[Request interrupted by user for tool use]")) == interrupted
    assert find_decision(Failure(text="turn aborted: interrupted")) == interrupted
    assert find_decision(ToolCall(name="Bash", arguments=REFUSED)) is None


POLICIES = {
    ("claude-code", b'{"type":"user","permissionMode":"acceptEdits"}\n'): {
        "permissionMode": "acceptEdits"
    },
    (
        "codex",
        b'{"type":"turn_context","payload":{"approval_policy":"never","sandbox_policy":{"mode":"x"}}}',
    ): {"approval_policy": "never", "sandbox_policy": '{"mode":"x"}'},
    ("codex", b'{"type":"turn_context","payload":{"approval_policy":null}}'): {},
    ("codex", b'{"type":"turn_context","payload":["\xff'): {},
    ("claude-code", b'{"type":"user"}'): {},
    ("pi", b'{"permissionMode":"acceptEdits"}'): {},
}


@pytest.mark.parametrize(("record", "policy"), POLICIES.items())
def test_what_needs_no_asking_is_read_from_records(record, policy):
    """As the source has it; what is no record says nothing."""
    assert read_policy(*record) == policy
