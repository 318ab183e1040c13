"""Turns as a graph: walks, ancestry, reachability, and the revisions that name turns."""
