"""`import` and `watch`: what harnesses wrote, into a store."""
