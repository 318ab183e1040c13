"""gc and repack: what a store needs is taken stock of, planned, packed; the rest put aside."""
