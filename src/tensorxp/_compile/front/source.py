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
    found = [x for x in places.get(code.co_firstlineno, ()) if _names(x) == code.co_name]
    if len(found) > 1:  # several lambdas may begin in one line, one in another
        spans = [x for x in code.co_positions() if None not in x and x[1:] != (x[0], 0, 0)]
        found = sorted([x for x in found if _holds(x, spans)], key=_length)[:1]
    if len(found) != 1:
        return f"the source of {code.co_qualname} was not found"
    return found[0]  # type: ignore[no-any-return]


def _names(node: Any) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else str(node.name)


def _holds(node: Any, spans: list[Any]) -> bool:
    """Return whether all instructions stand in the body of a lambda."""
    body = node.body
    first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    return all(first <= (a, c) and (b, d) <= last for a, b, c, d in spans)


def _length(node: Any) -> tuple[int, int]:
    body = node.body
    return body.end_lineno - body.lineno, body.end_col_offset - body.col_offset
