"""git for agent sessions: record, walk, compare and repair what an agent did."""

__version__ = "0.1.0"
