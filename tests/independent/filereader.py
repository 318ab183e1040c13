"""Second readers of the small files of a store, written from their pages of section 5 alone.

They share no code with the program: where both agree on every vector, the pages say enough.
Each takes the bytes of a file and returns what they mean, in the form of fixtures/vectors.
"""

import re
import struct
import unicodedata

import blake3

ID = re.compile(r"[0-9a-f]{64}")
REASONS = {1: "redacted", 2: "forgotten", 3: "expired"}
MOVE = re.compile(
    rb"(([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9]{1,16}) ([A-Za-z0-9._@+%-]{1,256})\t([^\t\n]*))"
    rb"\t([0-9a-f]{8})"
)
ESCAPES = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r"}
FILE_SIZE_MAX = 1 << 28
UNPRINTED = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")


class BadFileError(Exception):
    """The file breaks a rule of its page."""


def require(condition, rule):
    """Refuse the file unless a rule holds."""
    if not condition:
        raise BadFileError(rule)


def read_text(data):
    """Return UTF-8 as text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadFileError("UTF-8") from error


def read_lines(data, first):
    """Return the lines of a file between its first line and its checksum."""
    require(len(data) <= FILE_SIZE_MAX and data.endswith(b"\n"), "size and end of the file")
    *lines, last = data[:-1].split(b"\n")
    end = len(data) - len(last) - 1
    require(last == b"# blake3 " + blake3.blake3(data[:end]).hexdigest().encode(), "checksum")
    require(lines and lines[0] == first, "first line")
    return [read_text(line) for line in lines[1:]]


def is_name(name):
    """Tell whether a name is one of tapesformat-refs(5)."""
    parts = name.split("/")
    if name != "HEAD" and not (parts[0] == "refs" and len(parts) > 2):
        return False
    if len(name.encode()) > 255 or unicodedata.normalize("NFC", name) != name:
        return False
    if any(unicodedata.category(each) in UNPRINTED for each in name):
        return False
    if re.search(r'[ ~^:?*\[\\#"<>|]|\.\.|@\{', name):
        return False
    if re.fullmatch(r"refs/(heads|tags)/([0-9a-fA-F]{40}|[0-9a-fA-F]{64}|HEAD)", name):
        return False
    device = r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?"
    bad = re.compile(rf"|@|[.-].*|.*\.|.*\.lock|{device[4:]}", re.IGNORECASE)
    return not any(bad.fullmatch(part) for part in parts)


def read_marker(data):
    """Read `format`: tapesformat-store(5)."""
    require(len(data) <= 4096 and data.endswith(b"\n"), "size and end")
    version, *features = read_text(data[:-1]).split("\n")
    require(re.fullmatch(r"[1-9][0-9]*", version, re.ASCII) and int(version) == 1, "version")
    found = [re.fullmatch(r"requires ([a-z0-9][a-z0-9-]{0,63})", line) for line in features]
    require(all(found) and len(set(features)) == len(features), "form of features")
    require(not features, "no feature exists yet")
    return {"version": 1, "requires": []}


def read_reffile(data):
    """Read a ref file: tapesformat-refs(5)."""
    require(len(data) <= 512 and data.endswith(b"\n"), "size and end")
    text = read_text(data[:-1])
    if text.startswith("ref: "):
        require(is_name(text[5:]) and text[5:] != "HEAD", "a name below refs/")
        return {"symbolic": text[5:]}
    require(ID.fullmatch(text), "id")
    return {"oid": text}


def read_reflog(data):
    """Read a reflog: tapesformat-reflog(5)."""
    require(len(data) <= FILE_SIZE_MAX, "size of the file")
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
    moves = [read_move(line) for line in lines]
    if moves and moves[-1] is None:
        whole = MOVE.match(lines[-1])
        is_merged = whole and lines[-1][whole.end() :] and read_move(whole[0] + b"\n")
        require(not is_merged, "a line feed became another byte")
        moves.pop()
    require(None not in moves, "a damaged line")
    return moves


def read_move(line):
    """Return what a line of a reflog says, or None where it does not match its checksum."""
    fields = MOVE.fullmatch(line[:-1]) if line.endswith(b"\n") and len(line) <= 4096 else None
    if fields is None:
        return None
    body, *texts, check = fields.groups()
    if blake3.blake3(body).hexdigest()[:8].encode() != check:
        return None
    old, new, time, who, message = map(read_text, texts)
    who = bytes.fromhex(re.sub("%(..)|(.)", lambda m: m[1] or f"{ord(m[2]):02x}", who)).decode()
    escape = re.compile(r"\\(?:u([0-9a-f]{4})|([\\ntr]))")
    message = escape.sub(lambda m: chr(int(m[1], 16)) if m[1] else ESCAPES[m[2]], message)
    return [old, new, int(time), "" if who == "-" else who, message]


def read_packedrefs(data):
    """Read `packed-refs`: tapesformat-packedrefs(5)."""
    refs = []
    for line in read_lines(data, b"# tapes packed-refs 1 sorted"):
        oid, _, name = line.partition(" ")
        if line.startswith("^"):
            require(refs and len(refs[-1]) == 2 and ID.fullmatch(line[1:]), "line after a tag")
            refs[-1].append(line[1:])
        else:
            require(ID.fullmatch(oid) and is_name(name) and name != "HEAD", "ref")
            require(not refs or refs[-1][0].encode() < name.encode(), "order")
            refs.append([name, oid])
    return refs


def read_shallow(data):
    """Read `shallow`: tapesformat-shallow(5)."""
    found = []
    for line in read_lines(data, b"# tapes shallow 1"):
        form = r"([0-9a-f]{64}) (0|[1-9][0-9]*)((?: [0-9a-f]{40})+)"
        fields = re.fullmatch(form, line, re.ASCII)
        require(fields and (not found or found[-1][0] < fields[1]), "form and order")
        found.append([fields[1], int(fields[2]), *fields[3].split()])
    return found


def read_rewriting(data):
    """Read `rewriting`: tapesformat-rewriting(5)."""
    words = ("drop", "map", "name", "delete", "mark")
    found = {word: [] for word in words}
    lines = read_lines(data, b"# tapes rewriting 1")
    require(len(lines) >= 2 and lines[0].startswith("reason "), "reason")
    reason = lines[0][7:]
    require(
        reason in REASONS.values() and re.fullmatch("time (0|[1-9][0-9]*)", lines[1]),
        "reason, time",
    )
    rows = [line.split(" ") for line in lines[2:]]
    places = [words.index(row[0]) if row[0] in words else -1 for row in rows]
    require(places == sorted(places) and -1 not in places, "words and their order")
    for word, *rest in rows:
        require(len(rest) == (2 if word in ("map", "name") else 1), "fields")
        is_good = is_name if word in ("name", "delete") else ID.fullmatch
        require(all(is_good(each) for each in rest), "names and ids")
        found[word].append(rest if len(rest) == 2 else rest[0])
    require(found["drop"] == sorted(set(found["drop"])), "order of ids")
    for pairs in (found["map"], found["name"]):
        require(len({old for old, _ in pairs}) == len(pairs), "one successor for each")
    return {"reason": reason, "time": int(lines[1][5:]), **found}


def read_tombstones(data):
    """Read `tombstones`: tapesformat-tombstones(5)."""
    require(len(data) >= 64, "size")
    magic, version, count, zero = struct.unpack("<4sII20s", data[:32])
    require((magic, version, zero) == (b"TOMB", 1, bytes(20)), "header")
    require(len(data) == 64 + 80 * count, "size")
    require(blake3.blake3(data[:-32]).digest() == data[-32:], "checksum")
    records = struct.iter_unpack("<32s32sqB7x", data[32:-32])
    return [
        [oid.hex(), other.hex() if any(other) else None, time, REASONS[reason]]
        for oid, other, time, reason in records
    ]


def read_cruft(data, of_pack, of_count):
    """Read the cruft file of a pack: tapesformat-cruft(5)."""
    require(len(data) >= 80, "size")
    magic, version, count, zero, pack = struct.unpack("<4sII4s32s", data[:48])
    require((magic, version, zero) == (b"TCRF", 1, bytes(4)), "header")
    require((pack.hex(), count) == (of_pack, of_count), "the pack that it is of")
    require(len(data) == 80 + 8 * count, "size")
    require(blake3.blake3(data[:-32]).digest() == data[-32:], "checksum")
    return {"pack": pack.hex(), "times": list(struct.unpack(f"<{count}q", data[48:-32]))}


def read_bundlehead(data):
    """Read the text before the pack of a bundle: tapesformat-bundle(5)."""
    require(len(data) <= 1 << 24 and data.endswith(b"\n\n"), "size and end")
    first, *lines = data[:-2].split(b"\n")
    require(first == b"# v1 tapes bundle", "signature")
    require(all(len(line) < 4096 for line in lines), "length of a line")
    texts = [read_text(line) for line in lines]
    require(not any(unicodedata.category(each) == "Cc" for each in "".join(texts)), "control")
    needs = [re.fullmatch("-([0-9a-f]{64})(?: (.{1,120}))?", line) for line in texts]
    count = next((n for n, each in enumerate(needs) if each is None), len(texts))
    needs = [[each[1], each[2] or ""] for each in needs[:count]]
    refs = [line.partition(" ")[::2] for line in texts[count:]]
    require(refs and all(ID.fullmatch(oid) and is_name(name) for oid, name in refs), "refs")
    ids, names = [each[0] for each in needs], [name.encode() for _, name in refs]
    require(ids == sorted(set(ids)) and names == sorted(set(names)), "order")
    return {"needs": needs, "refs": [[name, oid] for oid, name in refs]}


READERS = {
    "bundlehead": read_bundlehead,
    "cruft": read_cruft,
    "marker": read_marker,
    "packedrefs": read_packedrefs,
    "reffile": read_reffile,
    "reflog": read_reflog,
    "rewriting": read_rewriting,
    "shallow": read_shallow,
    "tombstones": read_tombstones,
}
