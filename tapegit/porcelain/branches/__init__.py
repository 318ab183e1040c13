"""Names for turns, and going on from them: branches, tags, notes, `amend`, `merge`."""
