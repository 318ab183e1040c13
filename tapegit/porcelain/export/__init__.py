"""`export`: sources as they were, and tapes in other forms."""
