"""Measurements of the budgets of the design, each against git or a reference in the same run.

`make bench` runs `bench/run.py`; README.md says how the data is made and keeps the figures.
"""
