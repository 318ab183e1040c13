"""Dialects: pure functions from the bytes of a source to records, fields and parts."""
