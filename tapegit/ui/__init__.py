"""How values look on a terminal and in JSON; nothing here opens a store."""
