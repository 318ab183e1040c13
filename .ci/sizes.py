"""Size limits, as in CONTRIBUTING: lines of modules and functions, and parameters.

python .ci/sizes.py            fail where a limit is passed
python .ci/sizes.py --report   print the figures of the whole package
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tapegit"
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 600
COMMAND_LINES_MAX = 200
PARAMETERS_MAX = 7
COMMAND_FRAME = frozenset({"__init__", "app", "failure", "main", "table", "types"})


class Function(NamedTuple):
    """One function: where it is, how long, and how many parameters it has."""

    where: str
    lines: int
    parameters: int


def iter_functions(path: Path, tree: ast.Module):
    """Yield every function of a module; those of a command's callback count no parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            names = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
            own = [name for name in names if name not in ("self", "cls")]
            is_callback = any("command" in ast.dump(d) for d in node.decorator_list)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            yield Function(where, lines, 0 if is_callback else len(own))


def main() -> int:
    """Check every module; return 1 if one is over a limit."""
    faults: list[str] = []
    modules: list[int] = []
    functions: list[Function] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        count = len(text.splitlines())
        modules.append(count)
        is_command = path.parent.name == "cli" and path.stem not in COMMAND_FRAME
        limit = COMMAND_LINES_MAX if is_command else MODULE_LINES_MAX
        if count > limit:
            faults.append(f"{path.relative_to(ROOT)}: {count} lines, at most {limit}")
        functions += iter_functions(path, ast.parse(text))
    for function in functions:
        if function.lines > FUNCTION_LINES_MAX:
            faults.append(f"{function.where}: {function.lines} lines, at most {FUNCTION_LINES_MAX}")
        if function.parameters > PARAMETERS_MAX:
            faults.append(
                f"{function.where}: {function.parameters} parameters, at most {PARAMETERS_MAX}"
            )
    if "--report" in sys.argv[1:]:
        lengths = [function.lines for function in functions]
        print(f"modules: {len(modules)}, median {median(modules)}, largest {max(modules)} lines")
        ninety = quantiles(lengths, n=10)[8]
        print(f"functions: {len(lengths)}, median {median(lengths)}, 90 % up to {ninety} lines")
    print("\n".join(faults) if faults else "sizes: within the limits")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
