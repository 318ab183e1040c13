"""The store itself: `init`, `config`, `gc`, `fsck` and what packs it anew."""
