"""`step`: a tape as a debugger sees a program."""
