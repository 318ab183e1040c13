"""Files that harnesses wrote become turns: records in, tapes and refs out, and back."""
