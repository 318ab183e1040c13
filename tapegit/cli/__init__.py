"""The command line: the only package that knows click, `os.environ` and `sys.exit`.

To add a command `frob-nicate`, make five edits; the test that notices its absence stands
beside each:

1. `tapegit/cli/frob_nicate.py` with one public function, `command`, a click command of that
   name. Its callback takes `App` by `@pass_app`, resolves its arguments, makes one call to
   `porcelain`, and one to `app.terminal` or `ui` with what came back. No loops over objects,
   no formatting, no file access, at most 200 lines (tests/meta/test_commands.py, test_code.py).
2. A line in `COMMANDS` in `tapegit/cli/table.py`: class, paged or not, help (test_commands.py).
3. `tests/e2e/test_frob_nicate.py`: whole stdout, stderr and exit code (test_commands.py).
4. `man/tapes-frob-nicate.1.md`: run `make man`, then write its DESCRIPTION, EXAMPLES and EXIT
   STATUS (test_manual.py and `make lint`).
5. A line under "Unreleased" in `CHANGELOG.md`.

Errors are raised where the fact is known and turned into text, hint and exit code in one
place, `cli/failure.py`. Help texts are imperative and end without a full stop.
"""

from __future__ import annotations

import gc

# What a command makes lives until it ends, or goes with its last reference. At the default the
# search for cycles takes a tenth of a short command's time, most of it while it is loaded,
# when 25,000 objects are made.
gc.set_threshold(30_000)
