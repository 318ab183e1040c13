"""fsck and verify-pack: every root, every link, every object, and every byte."""
