"""The pipe between a proxy and the process that records what it saw: both of its ends."""
