"""Calls of models become turns: conversations are told from the requests alone."""
