"""Write `standard_2025_12.json`: the standard's names and parameters, read off its stubs.

python tests/data/make_standard.py PATH/TO/array-api/src/array_api_stubs/_2025_12
"""

import ast
import json
import sys
from pathlib import Path


def parameters(fn: ast.FunctionDef) -> list[list[str]]:
    """Return [name, kind] of each parameter, with "=" behind the kind where it has a default."""
    args = fn.args
    positional = [(a, "positional_only") for a in args.posonlyargs]
    positional += [(a, "positional_or_keyword") for a in args.args]
    first_default = len(positional) - len(args.defaults)
    out = [
        [a.arg, kind + ("=" if i >= first_default else "")]
        for i, (a, kind) in enumerate(positional)
    ]
    if args.vararg:
        out.append([args.vararg.arg, "var_positional"])
    for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        out.append([a.arg, "keyword_only" + ("" if default is None else "=")])
    return out


def main(stubs: Path) -> None:
    """Read the stubs and write the data file beside this script."""
    table: dict[str, dict[str, list[list[str]]]] = {}
    skipped = {"__init__", "_types", "data_types", "constants", "info", "array_object"}
    for path in sorted(stubs.glob("*.py")):
        if path.stem in skipped:
            continue
        chapter = path.stem if path.stem in ("linalg", "fft") else "main"
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                table.setdefault(chapter, {})[node.name] = parameters(node)
    tree = ast.parse((stubs / "array_object.py").read_text())
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef))
    table["methods"] = {
        n.name: parameters(n)
        for n in cls.body
        if isinstance(n, ast.FunctionDef) and not n.decorator_list and n.name != "__init__"
    }
    table["properties"] = {
        n.name: [] for n in cls.body if isinstance(n, ast.FunctionDef) and n.decorator_list
    }
    target = Path(__file__).with_name("standard_2025_12.json")
    target.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
