"""How each client is pointed at a proxy."""
