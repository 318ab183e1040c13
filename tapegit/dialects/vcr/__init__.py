"""Cassettes of VCR: tapesdialect-vcr(7)."""
