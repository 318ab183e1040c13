"""What a store consists of: the names in a `.tapes` directory.

Source: tapesformat-store(5), "Diagram".
"""

from __future__ import annotations

from typing import Final

STORE_NAME: Final = ".tapes"
"""The directory that is a store, in the directory that it belongs to."""

HEAD_NAME: Final = "HEAD"
LATEST_NAME: Final = "LATEST"
FORMAT_NAME: Final = "format"
CONFIG_NAME: Final = "config"
GITIGNORE_NAME: Final = ".gitignore"
OBJECTS_NAME: Final = "objects"
PACK_NAME: Final = "objects/pack"
TMP_NAME: Final = "tmp"
INDEX_NAME: Final = "index"
TRASH_NAME: Final = "trash"
LOCKS_NAME: Final = "locks"
RECORDINGS_NAME: Final = "recordings"
TOMBSTONES_NAME: Final = "tombstones"
REWRITING_NAME: Final = "rewriting"
SHALLOW_NAME: Final = "shallow"
LOST_FOUND_NAME: Final = "lost-found"
REMOTE_NAME: Final = "remote"
LEFT_PREFIX: Final = "left-"
"""Begins the files in `remote` that stay when history is rewritten."""

GC_LOCK: Final = "locks/gc"
TURNSTILE_LOCK: Final = "locks/turnstile"
CONFIG_LOCK: Final = "locks/config"
SHALLOW_LOCK: Final = "locks/shallow"
SEARCH_LOCK: Final = "locks/search"
WATCH_LOCK: Final = "locks/watch"

FANOUT_NAMES: Final = tuple(f"{number:02x}" for number in range(256))
FOLDER_NAMES: Final = (
    TMP_NAME,
    OBJECTS_NAME,
    "refs",
    "logs",
    "trash",
    INDEX_NAME,
    "remote",
    LOCKS_NAME,
    *(f"refs/{name}" for name in ("heads", "sessions", "tags", "notes", "remotes")),
    PACK_NAME,
    *(f"objects/{name}" for name in FANOUT_NAMES),
)
"""Every folder of a new store, a folder before what is in it."""

LOCAL_NAMES: Final = (OBJECTS_NAME, "refs", "logs", TMP_NAME, "trash", LOCKS_NAME)
"""The folders that are written to; none may be a link."""

TOP_NAMES: Final = frozenset(
    {name for name in FOLDER_NAMES if "/" not in name}
    | {HEAD_NAME, LATEST_NAME, FORMAT_NAME, CONFIG_NAME, GITIGNORE_NAME}
    | {"packed-refs", "gc.log", LOST_FOUND_NAME, RECORDINGS_NAME}
    | {TOMBSTONES_NAME, REWRITING_NAME, SHALLOW_NAME}
)
"""Everything that has a name of ours at the top of a store."""

MAIN_BRANCH: Final = "refs/heads/main"
