"""What is worked out from objects and refs, and can be worked out anew: context ids, lists."""
