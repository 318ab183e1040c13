"""What must not stay: `secrets`, `redact`, `forget`, retention."""
