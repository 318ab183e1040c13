"""The recorder: records of any source become turns, and turns get their refs."""
