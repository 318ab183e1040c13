"""`record` and `proxy`: a client run so that its requests pass a proxy, and are stored."""
