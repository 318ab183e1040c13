"""Refs: names that move, and the history of their moves.

Rules of this package:

- It does not know the store: whether an id is there and what a tag ends at is asked of
  functions that are handed in.
- Readers (`names`, `reader`, `loose`, `packed`, `logs`) take no lock and change nothing;
  writers hold the `refs` lock for milliseconds and change one name at a time, atomically.

Source: tapesformat-refs(5), tapesformat-packedrefs(5), tapesformat-reflog(5).
"""
