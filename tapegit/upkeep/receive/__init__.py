"""Packs from outside: verified to the last byte, then let in, whole or as loose objects."""
