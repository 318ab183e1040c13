"""Looking back: `log`, `show`, `status`, `sessions`, `reflog`, `search`."""
