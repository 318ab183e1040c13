"""Captured traffic in, turns and refs of a store out: live, or from the file of a cassette."""
