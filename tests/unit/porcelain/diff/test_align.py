"""Two tapes put side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tapegit.objects.oid import ObjectId, hash_content
from tapegit.porcelain.diff import align as aligning
from tapegit.porcelain.diff.align import align
from tapegit.porcelain.diff.steps import Step

ROLES = {"u": "user", "a": "assistant", "t": "tool", "e": "event", "s": "session"}


def steps(text: str) -> list[Step]:
    """Return the steps of a tape: for each word its role, then what it says, `,` between items.

    A word that ends in `!` restarts the context.
    """
    found = []
    context = b"0"
    for number, word in enumerate(text.split()):
        said = tuple(
            hash_content(item.encode()) for item in word[1:].rstrip("!").split(",") if item
        )
        role = ROLES[word[0]]
        is_message = role in {"user", "assistant", "tool"}
        for item in said if is_message else ():
            context = hash_content(context + role.encode() + item)
        if word.endswith("!"):
            context = b"0"
        found.append(
            Step(
                oid=ObjectId(hash_content(f"{number} {word}".encode())),
                number=number,
                role=role,
                dialect="claude-code",
                summary=word[1:].rstrip("!"),
                key=hash_content(role.encode() + b"".join(said)),
                items=said,
                context=context if is_message and said else b"",
                shape=role.encode(),
                restarts=word.endswith("!"),
                thinking=None,
                injected=None,
                settings={},
                call=None,
            )
        )
    return found


def shown(old: str, new: str) -> str:
    """Return an alignment: `=` for what is the same, `~` changed, `-` and `+` for one side."""
    words = []
    for entry in align(steps(old), steps(new)).entries:
        sides = [step.summary if step is not None else "" for step in entry[:2]]
        if entry.is_same:
            words.append(f"={'|'.join(dict.fromkeys(sides))}{'*' if entry.is_moved else ''}")
        elif entry.new is None:
            words.append(f"-{sides[0]}")
        elif entry.old is None:
            words.append(f"+{sides[1]}")
        else:
            words.append(f"~{sides[0]}|{sides[1]}")
    return " ".join(words)


def test_equal_tapes_are_the_same():
    """Turn by turn, in one context."""
    assert shown("s uq ax", "s uq ax") == "= =q =x"


def test_changed_result_and_what_followed():
    """The result is paired with the other one; what says the same after it was moved."""
    assert shown("uq ac tr ax uz", "uq ac tR aX uz") == "=q =c ~r|R ~x|X =z*"


def test_turns_of_one_side():
    """What the other tape lacks has no partner."""
    assert shown("uq ax uy az", "uq ax") == "=q =x -y -z"
    assert shown("uq ax", "uq am tn ax") == "=q +m +n =x*"


def test_pairs_have_one_role():
    """A turn is never paired with one of another role."""
    assert shown("uq ax", "uq tx") == "=q -x +x"


def test_pairs_are_as_alike_as_possible():
    """Of two turns the one that has more in common is the partner."""
    assert shown("uq ax,y uz", "uq am ax,n uz") == "=q +m ~x,y|x,n =z*"
    assert shown("uq ax,y uz", "uq ax,n am uz") == "=q ~x,y|x,n +m =z*"


def test_division_into_turns_makes_no_difference():
    """Two results are two turns here and one there, before and after something that differs."""
    assert shown("uq tx ty ae", "uq tx,y ae") == "=q =x| =y|x,y =e"
    assert shown("uq tx ty ae", "uQ tx,y ae") == "~q|Q =x|x,y* =y| =e*"


def test_events_are_compared_beside_the_conversation():
    """An event on one side is shown, and changes no context."""
    assert shown("uq eo ax", "uq ax") == "=q -o =x"
    assert shown("uq eo ax", "uq eO ax") == "=q ~o|O =x"


def test_restarted_context_hides_nothing():
    """After a compaction contexts are equal again; what was before is compared all the same."""
    assert shown("uq ax eo! us", "uq eo! us") == "=q -x =o =s"
    assert shown("uq ax eo! us", "us") == "-q -x -o =s"


def test_silent_turns_are_never_missed():
    """What says nothing that counts is on no side alone."""
    assert shown("uq a ax", "uq ax") == "=q =x"


def test_large_gaps_are_paired_by_role(monkeypatch):
    """Where there is too much to weigh, the alignment says so."""
    monkeypatch.setattr(aligning, "CELL_COUNT_MAX", 3)

    found = align(steps("uq ax ay"), steps("um an ao"))

    assert not found.is_exact
    assert [entry.is_same for entry in found.entries] == [False, False, False]


_tapes = st.lists(
    st.sampled_from(["uq", "ux", "ax", "ay", "ax,y", "tr", "tR", "eo", "eo!", "a"]), max_size=9
).map(" ".join)


@given(_tapes, _tapes)
def test_every_turn_is_in_one_place_and_in_order(old, new):
    """Each turn that says something has one place, and the order of both tapes is kept."""
    entries = align(steps(old), steps(new)).entries
    for side, text in ((0, old), (1, new)):
        numbers = [entry[side].number for entry in entries if entry[side] is not None]
        assert len(numbers) == len(set(numbers))
        spoken = [step.number for step in steps(text) if step.items]
        assert set(spoken) <= set(numbers)
        assert numbers == sorted(numbers)


@given(_tapes)
def test_nothing_differs_from_itself(text):
    """Every entry is the same, in one context."""
    entries = align(steps(text), steps(text)).entries

    assert all(entry.is_same and not entry.is_moved for entry in entries)


@given(_tapes, _tapes)
def test_sides_can_be_swapped(old, new):
    """The other way round the same turns are the same, changed, and on one side."""

    def places(one: str, other: str) -> list[tuple[list[int | None], bool]]:
        entries = align(steps(one), steps(other)).entries
        return [
            ([step.number if step is not None else None for step in entry[:2]], entry.is_same)
            for entry in entries
        ]

    one = places(old, new)
    other = [(numbers[::-1], is_same) for numbers, is_same in places(new, old)]
    assert sorted(map(str, one)) == sorted(map(str, other))
