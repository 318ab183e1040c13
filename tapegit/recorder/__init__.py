"""The recorder: records of any source become turns, and turns get their refs.

`sources` takes files that harnesses wrote, `calls` requests and responses from the wire;
neither knows the other.
"""
