"""What other commands need of turns: which ones, their parts, their agents, in numbers."""
