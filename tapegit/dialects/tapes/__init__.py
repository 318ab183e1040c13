"""What tapes itself writes: tapesdialect-tapes-message(7) and tapesdialect-tapes-resume(7)."""
