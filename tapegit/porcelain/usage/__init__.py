"""`usage`: tokens, cost, tools and failures."""
