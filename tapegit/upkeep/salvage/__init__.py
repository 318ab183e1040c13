"""Salvage: what can be got out of damaged files."""
