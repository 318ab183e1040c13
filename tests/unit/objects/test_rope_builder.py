"""From bytes to objects: trees that share, in bounded memory."""

from __future__ import annotations

import json
import mmap
import os
import random
import subprocess
import sys

import pytest

from tapegit.objects.kind import MIB, Kind, Object, object_id
from tapegit.objects.oid import hash_content
from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_builder import BuiltObject, iter_content_objects
from tapegit.objects.rope_reader import read_content


def build(data: bytes) -> list[BuiltObject]:
    """Return all objects of the bytes, having checked what holds for any bytes."""
    built = list(iter_content_objects(data))
    stored: dict[object, Object] = {}
    for oid, kind, content in built:
        assert object_id(kind, content) == oid
        assert oid not in stored
        if kind is Kind.ROPE:
            node = decode_rope(content)
            assert all(entry.oid is None or entry.oid in stored for entry in node.entries)
        stored[oid] = Object(kind, content)
    assert read_content(stored.get, built[-1].oid) == data
    return built


def conversation(count: int, *, skip: int = -1) -> bytes:
    """Return a request with this many messages of about 200 bytes."""
    rng = random.Random(5)
    messages = [{"role": "user", "text": rng.randbytes(90).hex()} for _ in range(count)]
    return json.dumps({"messages": messages[:skip] + messages[skip + 1 :], "stream": True}).encode()


@pytest.mark.parametrize("data", [b"", b"hello\n", b"x" * 5000, b"{}" * 4000])
def test_bytes_not_worth_cutting_are_one_blob(data):
    """The only object is the blob of the bytes."""
    assert build(data) == [BuiltObject(object_id(Kind.BLOB, data), Kind.BLOB, data)]


def test_root_states_the_whole():
    """The last object is a rope with size and hash of the bytes."""
    data = conversation(500)
    root = decode_rope(build(data)[-1].data)

    assert root.level >= 1
    assert root.size_bytes == len(data)
    assert root.whole == hash_content(data)


def test_same_bytes_give_the_same_objects():
    """Building is a pure function, of any buffer."""
    data = conversation(50)

    assert build(data) == list(iter_content_objects(bytearray(data)))
    assert build(data) == list(iter_content_objects(memoryview(data)))


def test_one_more_message_costs_few_new_objects():
    """The next call of a session shares all nodes but the last of each level."""
    seen = {item.oid for item in build(conversation(3000))}
    new = [item for item in build(conversation(3001)) if item.oid not in seen]

    assert sum(item.kind is Kind.BLOB for item in new) == 1
    assert sum(item.kind is Kind.ROPE for item in new) <= 2 * decode_rope(new[-1].data).level + 2


def test_a_removal_in_the_middle_changes_few_nodes():
    """Nodes close by content, so what comes after a change is shared again."""
    seen = {item.oid for item in build(conversation(3000))}
    new = [item for item in build(conversation(3000, skip=1500)) if item.oid not in seen]

    assert len(new) <= 12


def test_repeated_messages_are_one_object():
    """Equal pieces and equal nodes are yielded once, and still counted each time."""
    data = json.dumps({"messages": ["same " * 40] * 2000}).encode()
    built = build(data)

    assert sum(item.kind is Kind.BLOB for item in built) <= 3
    assert len(built) < 20


PROGRAM = """
import mmap, os, resource, sys
from tapegit.objects.rope_builder import iter_content_objects
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    count = total = 0
    for _, kind, data in iter_content_objects(mapped):
        count += 1
        total += len(data)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(count, total, int(status["RssAnon"].split()[0]) >> 10, kind)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_half_a_gigabyte_is_built_in_bounded_memory(tmp_path):
    """500 MB in a mapped file become objects with less than 100 MiB of own memory."""
    path = tmp_path / "large"
    block = b"".join(random.Random(1).randbytes(700).hex().encode() + b"\n" for _ in range(1500))
    with path.open("wb") as file:
        for number in range(250):
            file.write(b"%d\n" % number + block)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    count, total, own_mib, kind = done.stdout.split()

    assert int(count) > 1
    assert int(total) > 2 * MIB
    assert int(own_mib) < 100
    assert kind == "rope"


def test_mapped_files_are_built_alike(tmp_path):
    """A mapped file gives the objects of its bytes, and can be closed afterwards."""
    data = conversation(100)
    path = tmp_path / "body"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert list(iter_content_objects(mapped)) == build(data)
