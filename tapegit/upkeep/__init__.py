"""Keeping a store small, fast and whole, a folder for each: `gc`, `fsck`, `salvage`, `receive`.

Rules: nothing here is ever needed for a store to be correct; what is removed goes through the
trash; a command that cannot read all it must know removes nothing.

Source: tapesmaintenance(7).
"""
