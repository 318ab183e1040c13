"""`resume`: a client goes on from any turn."""
