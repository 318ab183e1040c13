"""The store itself: `init`, `config`, `gc`, `fsck`, what packs it anew; and `help`, `version`."""
