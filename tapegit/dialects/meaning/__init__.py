"""What the parts of turns say, whatever dialect they are of."""
