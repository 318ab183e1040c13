"""`diff`: two tapes aligned step by step, and what differs in each."""
