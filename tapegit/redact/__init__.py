"""Redaction: secrets are found by rules over decoded text and never reach the store."""
