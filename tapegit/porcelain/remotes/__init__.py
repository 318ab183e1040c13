"""Other stores: `remote`, `push`, `fetch`, `pull`, `clone`, and bundles."""
