"""The capture proxy: what passes goes on unchanged and at once, and a copy of it to a sink."""
