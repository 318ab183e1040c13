"""Harnesses: for each program that runs agents, what the records of its transcripts are.

`launch` says how each is pointed at a proxy, `resume` how it goes on from a turn.

Source: tapesharness(7).
"""
