"""What the bytes of all dialects are made of: JSON of strangers, streams of events, data URLs."""
