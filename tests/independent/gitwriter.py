"""A second writer of the commits that tapes are in git, from tapesformat-git(5) alone.

It shares no code with the program. Git objects are (type, data); an id is 40 digits.
"""

import hashlib
import json
import re

WHITE = re.compile(
    "[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"  # of summaries
)
TIME_MAX_S = 4102444799
WHO = "tapes <tapes@tapes.invalid>"


def git_id(kind, data):
    """Return the id of a git object."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).hexdigest()


def make_tree(entries):
    """Return the data of a tree of (mode, name, id): ascending, a tree as if it ended in `/`."""
    ordered = sorted(set(entries), key=lambda e: e[1] + ("/" if e[0] == "40000" else ""))
    return b"".join(f"{m} {name}".encode() + b"\0" + bytes.fromhex(i) for m, name, i in ordered)


def make_commit(entries, parents, times, subject, trailers):
    """Return the commit and the tree of it, as ids; `times` are those of author and committer."""
    tree = git_id("tree", make_tree(entries))
    lines = [f"tree {tree}", *(f"parent {each}" for each in parents)]
    lines += [
        f"{who} {WHO} {s} +0000" for who, s in zip(("author", "committer"), times, strict=True)
    ]
    lines += ["", subject, "", *trailers, "Tape-Mapping: 0", ""]
    return git_id("commit", "\n".join(lines).encode()), tree


def write_turn(data, oid, parents, content):
    """Return commit, tree and subject of a turn.

    `parents` are (commit, its committer's time) in order, `content` (id, kind, id in git).
    """
    turn = json.loads(data)
    time_s = min(max(turn["time"] // 1000, 0), TIME_MAX_S) if "time" in turn else 0
    summary = WHITE.sub(" ", turn.get("summary", "")).strip(" ")
    subject = f"{turn['role']}: {summary}" if summary else turn["role"]
    entries = [("100644", "turn", git_id("blob", data))]
    for named, kind, place in content:
        entries.append(("40000" if kind == "rope" else "100644", f"{kind}-{named}", place))
    times = (time_s, max([time_s, *(c for _, c in parents)]))
    ids = [commit for commit, _ in parents]
    return *make_commit(entries, ids, times, subject, [f"Tape-Turn: {oid}"]), subject


def write_session(refs, folder, parents):
    """Return commit, tree and subject of a session; `parents` as of a turn, by their turns."""
    time_s = max(c for _, c in parents)
    subject = f"session: {folder}"
    entries = [("100644", "refs", git_id("blob", refs))]
    ids = [commit for commit, _ in parents]
    return *make_commit(entries, ids, (time_s, time_s), subject, []), subject


def write_meta(data):
    """Return commit, tree and subject of what a repository says of itself, line feed and all."""
    entries = [("100644", "tapes.json", git_id("blob", data))]
    return *make_commit(entries, [], (0, 0), "tapes", []), "tapes"
