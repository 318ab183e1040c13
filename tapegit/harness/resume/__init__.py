"""How each client is made to go on from a turn."""
