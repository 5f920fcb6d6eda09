"""The syntax tree of a function: the text is taken only where it compiles to the very function."""

import ast
import linecache
from functools import lru_cache
from types import CodeType
from typing import Any

Function = ast.FunctionDef | ast.Lambda


@lru_cache(maxsize=128)
def _parsed(filename: str, text: str) -> tuple[dict[int, list[Any]], frozenset[CodeType]]:
    """Return the definitions of a file by their first lines, and all code that it compiles to."""
    try:
        tree = ast.parse(text)
        top = compile(text, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return {}, frozenset()
    codes, waiting = set(), [top]
    while waiting:
        code = waiting.pop()
        codes.add(code)
        waiting.extend([x for x in code.co_consts if isinstance(x, CodeType)])
    places: dict[int, list[Any]] = {}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            above = getattr(node, "decorator_list", ())
            places.setdefault(min([node.lineno, *[d.lineno for d in above]]), []).append(node)
    return places, frozenset(codes)


def tree_of(code: CodeType) -> Function | str:
    """Return the definition that `code` was compiled from, or why there is none."""
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename))
    if not text:
        return f"the source of {code.co_qualname} is not there"
    places, codes = _parsed(code.co_filename, text)
    if code not in codes:
        return f"the source of {code.co_qualname} is not what was loaded"
    spans = set(code.co_positions())
    found = [x for x in places.get(code.co_firstlineno, ()) if _is(x, code, spans)]
    if len(found) != 1:
        return f"the source of {code.co_qualname} was not found"
    return found[0]  # type: ignore[no-any-return]


def _is(node: Any, code: CodeType, spans: set[Any]) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == code.co_name
    body = node.body  # several lambdas may begin in one line
    span = body.lineno, body.end_lineno, body.col_offset, body.end_col_offset
    return code.co_name == "<lambda>" and span in spans
