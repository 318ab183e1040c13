"""Commands for scripts: objects, packs, refs and revisions, with output that is a promise."""
