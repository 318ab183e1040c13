"""Files as the rest of tapegit uses them: whole, durable, locked, and never through a link.

Rules of this package:

- `syscalls` alone changes the disk; everything else goes through it, called by its module
  (`syscalls.write(...)`), so that a test can record, drop or fail any single call.
- An OSError leaves as `StorageError` with the path. The one exception is FileNotFoundError
  from `safe_read`, because what absence means is for the caller to say.
- Nothing here knows what a store is.
"""
