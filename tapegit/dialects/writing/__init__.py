"""Records, requests and answers made anew, in the dialect of those that they stand for."""
