"""Trajectories: tapesdialect-swe-agent(7) and tapesdialect-mini-swe-agent(7)."""
