"""The server of a replay: requests are matched with those of a tape, and answered from it."""
