"""Harnesses: for each program that runs agents, what the records of its transcripts are."""
