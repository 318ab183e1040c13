"""Text to make transcripts of: a project's files, prose, and commands with their output.

Rules: everything is drawn from the Python standard library's own sources through one
`random.Random`, so that one seed gives the same text wherever the same Python is installed.
Identifiers are renamed per project, because two real projects share idioms but not names; that is
what brings the ratio of a general compressor near the one measured on real transcripts.
"""

from __future__ import annotations

import functools
import re
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

FILE_SIZE_MIN_BYTES = 1_500
FILE_SIZE_MAX_BYTES = 32_000
RENAMED_SHARE = 0.25
"""Share of a file's identifiers that get a new name; tuned on the ratios in README.md."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{3,}")
_SENTENCE = re.compile(r"[A-Z][^.\n{}\\`<>|=]{30,140}\.")
_SYLLABLE_TEXT = """
ar ba be bin cal chan con cor da del den dis dor el en er fa fer fin for gar gen gra
har in is jo kel ker la len lin lo man mer min mod na ne nor ob on or pa per pin pol
pre qua ra re rin ro sa sel ser sin sol sta sub ta ten ter tor tra un ur va ven ver
vis wa win xe yor za
"""
_SYLLABLES = _SYLLABLE_TEXT.split()


@functools.cache
def read_sources() -> tuple[str, ...]:
    """Return the standard library's source files of a usual size, in order of their paths."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts or "lib2to3" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        if len(text) >= FILE_SIZE_MIN_BYTES:
            found.append(text)
    return tuple(found)


@functools.cache
def read_sentences() -> tuple[str, ...]:
    """Return the sentences of the sources' comments and docstrings, each once."""
    seen: dict[str, None] = {}
    for text in read_sources():
        for sentence in _SENTENCE.findall(text):
            if sentence.count(" ") >= 5:
                seen.setdefault(sentence)
    return tuple(seen)


@functools.cache
def read_words() -> tuple[str, ...]:
    """Return the words of the sentences that are long enough to carry meaning."""
    words: dict[str, None] = {}
    for sentence in read_sentences():
        for word in re.findall(r"[a-z]{4,}", sentence):
            words.setdefault(word)
    return tuple(words)


def make_name(random: Random) -> str:
    """Return an identifier that reads like one and occurs nowhere else."""
    parts = [
        "".join(random.choices(_SYLLABLES, k=random.choice((1, 2, 2, 3))))
        for _ in range(random.choice((1, 1, 2, 2, 3)))
    ]
    return "_".join(parts)


class Project:
    """The files of one made-up project, which change as a session edits them."""

    def __init__(self, random: Random, file_count: int, edit_count: int = 0) -> None:
        self._random = random
        self._names: dict[str, str] = {}
        self.root = f"/home/{make_name(random)}/src/{make_name(random)}"
        self.branch = f"{make_name(random)}/{make_name(random)}"
        self.files: dict[str, list[str]] = {}
        for _ in range(file_count):
            folder = random.choice(("core", "app/views", "tests", "lib/io", "cmd/server", "pkg"))
            path = f"{self.root}/{folder}/{make_name(random)}.py"
            self.files[path] = self._make_text().splitlines()
        for _ in range(edit_count):
            self.edit(self.choose_path())

    def hand_to(self, random: Random, file_count: int) -> None:
        """Let a session go on from here with its own luck, seeing at most `file_count` files."""
        self._random = random
        paths = list(self.files)
        kept = random.sample(paths, min(file_count, len(paths)))
        self.files = {path: self.files[path] for path in kept}

    def _rename(self, match: re.Match[str]) -> str:
        word = match.group()
        renamed = self._names.get(word)
        if renamed is None:
            random = self._random
            renamed = make_name(random) if random.random() < RENAMED_SHARE else word
            self._names[word] = renamed
        return renamed

    def _make_text(self) -> str:
        random = self._random
        text = random.choice(read_sources())
        size = min(FILE_SIZE_MAX_BYTES, int(random.lognormvariate(9.0, 0.8)))
        start = random.randrange(max(1, len(text) - size))
        start = text.rfind("\n", 0, start) + 1
        return _IDENTIFIER.sub(self._rename, text[start : start + size])

    def make_lines(self, count: int) -> list[str]:
        """Return new lines of source in this project's vocabulary."""
        text = self._random.choice(read_sources())
        lines = text.splitlines()
        start = self._random.randrange(max(1, len(lines) - count))
        return [_IDENTIFIER.sub(self._rename, line) for line in lines[start : start + count]]

    def choose_path(self) -> str:
        """Return the path of a file; a few files are visited far more often than the rest."""
        paths = list(self.files)
        return paths[min(int(self._random.expovariate(4 / len(paths))), len(paths) - 1)]

    def edit(self, path: str) -> tuple[list[str], list[str], int]:
        """Replace a few lines of a file; return old ones, new ones and the first's number."""
        random = self._random
        lines = self.files[path]
        count = min(len(lines), random.randint(1, 12))
        start = random.randrange(max(1, len(lines) - count))
        old = lines[start : start + count]
        new = [line for line in old if random.random() < 0.6] + self.make_lines(
            random.randint(1, 9)
        )
        self.files[path] = lines[:start] + new + lines[start + count :]
        return old, new, start + 1

    def make_prose(self, size: int) -> str:
        """Return about `size` characters of sentences that name this project's things."""
        random = self._random
        sentences = read_sentences()
        words = read_words()
        names = list(self._names.values()) or ["main"]
        out: list[str] = []
        length = 0
        while length < size:
            picked = random.choice(sentences).split(" ")
            for index, word in enumerate(picked):
                chance = random.random()
                if chance < 0.07:
                    picked[index] = random.choice(words)
                elif chance < 0.10 and len(word) > 4:
                    picked[index] = f"`{random.choice(names)}`"
            sentence = " ".join(picked)
            out.append(sentence)
            length += len(sentence) + 1
            if random.random() < 0.18:
                out.append("\n\n" if random.random() < 0.6 else "\n- ")
        return " ".join(out)

    def make_output(self, line_count: int) -> str:
        """Return what a command printed: test results, matches, logs, other people's source."""
        random = self._random
        style = random.randrange(4)
        if style == 3:
            return "\n".join(self.make_lines(line_count))
        format_line = (self._format_result, self._format_match, self._format_log)[style]
        paths = list(self.files)
        names = list(self._names.values()) or ["main"]
        return "\n".join(
            format_line(random.choice(paths), random.choice(names)) for _ in range(line_count)
        )

    def _format_result(self, path: str, name: str) -> str:
        took = self._random.randint(1, 90_000) / 1000
        return f"ok  \t{path[len(self.root) + 1 :]}::{name}\t{took}s"

    def _format_match(self, path: str, _name: str) -> str:
        source = self.files[path]
        number = self._random.randrange(max(1, len(source)))
        text = source[number] if source else ""
        return f"{path[len(self.root) + 1 :]}:{number + 1}:{text}"

    def _format_log(self, _path: str, name: str) -> str:
        random = self._random
        words = " ".join(random.choices(read_words(), k=random.randint(2, 7)))
        return (
            f"2026-01-{random.randint(1, 28):02d}T{random.randint(0, 23):02d}:"
            f"{random.randint(0, 59):02d}:{random.randint(0, 59):02d} {name}: {words} "
            f"{random.getrandbits(32):08x}"
        )
