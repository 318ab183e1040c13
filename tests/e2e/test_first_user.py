"""What a first-time user types who knows git, and every word that is answered.

The transcript is the test: each command is run in turn, in one store, and what it prints is
compared as a whole. Ids stand as numbers in the order in which they first appear. Lines of
standard error come after those of standard output; a last line in brackets is the exit status.
"""

from __future__ import annotations

import re
import shlex

from tests.e2e.test_resume import SESSION, chain
from tests.recordings import jsonl

TRANSCRIPT = r"""
$ tapes init
Initialized empty tapes store in <work>/.tapes
$ tapes import session.jsonl
new	old	7 turns	session.jsonl
1 new, 0 grown, 0 unchanged, 0 skipped, 0 unreadable records
$ tapes sessions
old  claude-code  in the future  7  closed  claude-test  -  first
$ tapes log --oneline
<1> assistant: That was it.
<2> tool: three
<3> assistant: Bash: true
<4> tool: two
<5> assistant: Bash: true
<6> user: first
<7> session: claude-code 2.1.0 in /old
tapes: HEAD is unborn: showing sessions/claude-code/old/file/main, the newest of all directories
$ tapes branch
$ tapes checkout -b fix old#3
Switched to a new branch 'fix'
hint: the code was in /old; none of your files was touched
hint: 'tapes resume' lets an agent go on from here
$ tapes branch -v
* fix <4> tool: two
$ tapes amend --text fixed
[fix <8>] tool: fixed
hint: 'tapes reset fix@{1}' goes back to what was
$ tapes log --oneline
<8> tool: fixed
<5> assistant: Bash: true
<6> user: first
<7> session: claude-code 2.1.0 in /old
$ tapes diff old fix
diff --tapes a#3 b#3
index <4>..<8> tool
--- a#3
+++ b#3
@@ -1 +1 @@ result
-two
+fixed
diff --tapes a#4
deleted turn
index <3>..<none> assistant
--- a#4
+++ /dev/null
@@ -1 +0,0 @@ call Bash: command
-true
diff --tapes a#5
deleted turn
index <2>..<none> tool
--- a#5
+++ /dev/null
@@ -1 +0,0 @@ result
-three
diff --tapes a#6
deleted turn
index <1>..<none> assistant
--- a#6
+++ /dev/null
@@ -1 +0,0 @@ text
-That was it.
$ tapes reset old
HEAD is now at <1> assistant: That was it.
hint: 'tapes reset fix@{1}' goes back
$ tapes reset --hard old
HEAD is now at <1> assistant: That was it.
hint: none of your files was touched; 'git reset --hard' is for files
$ tapes reset fix@{1}
HEAD is now at <8> tool: fixed
hint: 'tapes reset fix@{1}' goes back
$ tapes switch -c main old
Switched to a new branch 'main'
hint: the code was in /old; none of your files was touched
hint: 'tapes resume' lets an agent go on from here
$ tapes switch -
Switched to branch 'fix'
hint: the code was in /old; none of your files was touched
hint: 'tapes resume' lets an agent go on from here
$ tapes tag v1
$ tapes tag
v1
$ tapes notes add -m 'a title' fix
$ tapes notes show fix
a title
$ tapes merge main
[fix <9>] user: That was it.
hint: 'tapes reset fix@{1}' goes back to what was
$ tapes log --graph --oneline
*   <9> user: That was it.
|\
| * <1> assistant: That was it.
| * <2> tool: three
| * <3> assistant: Bash: true
| * <4> tool: two
* | <8> tool: fixed
|/
* <5> assistant: Bash: true
* <6> user: first
* <7> session: claude-code 2.1.0 in /old
$ tapes reflog -n3
<9> HEAD@{0}: merge main: Merge made
<8> HEAD@{1}: checkout: moving from main to fix
<1> HEAD@{2}: checkout: moving from fix to main
$ tapes checkout session.jsonl README
tapes: error: tapes keeps no files of yours, so there is none to check out
hint: 'git checkout session.jsonl README' does that; 'tapes show <rev>' shows what an agent read and wrote
[1]
$ tapes branch -d fix
tapes: error: cannot delete branch 'fix': it is checked out
hint: 'tapes switch <branch>' checks out another one first
[1]
$ tapes stash
tapes: error: 'stash' is not a tapes command
hint: a conversation has nothing to put aside: 'tapes switch <branch>' leaves it as it is, and 'tapes switch -' goes back
[2]
$ tapes commit -m x
tapes: error: 'commit' is not a tapes command
hint: what agents do is recorded by 'tapes record', 'tapes import' and 'tapes watch'; there is nothing to stage or to commit
[2]
$ tapes rebase main
tapes: error: 'rebase' is not a tapes command
hint: 'tapes switch -c <name> <rev>' goes on from a turn; 'tapes merge <rev>' brings over what was found
[2]
$ tapes add .
tapes: error: 'add' is not a tapes command
hint: what agents do is recorded by 'tapes record', 'tapes import' and 'tapes watch'; there is nothing to stage or to commit
[2]
$ tapes resume --dry-run
<work>/.claude/projects/<w>/<session>.jsonl: <size> bytes
claude --resume <session>
hint: the code was in /old; none of your files was touched
$ tapes status
On branch fix
  <9> user: That was it.

Last recorded: claude-code old, in the future
  <1> assistant: That was it.
"""  # noqa: E501 - as they are printed

_ID = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{7})\b")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def shorten(text, work, numbers):
    """Return output with ids as numbers, and without what is of this machine."""
    text = text.replace(str(work), "<work>").replace(re.sub("[^A-Za-z0-9]", "-", str(work)), "<w>")
    text = _UUID.sub("<session>", text)
    text = re.sub(r"\b\d+ bytes", "<size> bytes", text)
    text = re.sub(r"\b0{7}\b", "<none>", text)
    return _ID.sub(lambda match: f"<{numbers.setdefault(match[0][:7], len(numbers) + 1)}>", text)


def run_all(tapes, work):
    """Return the transcript of the commands."""
    numbers = {}
    lines = []
    for line in TRANSCRIPT.splitlines():
        if line.startswith("$ tapes "):
            done = tapes(*shlex.split(line.removeprefix("$ tapes ")), code=None)
            lines += [line, *shorten(done.out + done.err, work, numbers).splitlines()]
            lines += [f"[{done.code}]"] if done.code else []
    return lines


def test_the_first_commands_of_a_user(tapes, work, monkeypatch):
    """Each does what git's does, or says what does; each says how to go back."""
    monkeypatch.setenv("HOME", str(work))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    (work / "session.jsonl").write_bytes(jsonl(chain(*map(dict, SESSION))))
    assert run_all(tapes, work) == TRANSCRIPT.strip().splitlines()
