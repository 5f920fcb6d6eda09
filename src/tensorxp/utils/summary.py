"""What a Module consists of: rows of a table, as text, and as a tree for notebooks.

Counts and sizes include everything below a module; a parameter that several share counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from tensorxp._backend.text import Table, shape_text, size_text

__all__ = ["ModuleRow", "module_html", "module_rows", "summary"]


@dataclass(frozen=True)
class ModuleRow:
    """One module: its path, class, depth, and what it and all below it hold."""

    path: str
    kind: str
    depth: int
    detail: str
    parameters: int
    trained: int
    nbytes: int


def _totals(module: Any) -> tuple[int, int, int]:
    """Return elements, elements that require a gradient, and bytes with buffers."""
    parameters = list(module.parameters())
    count = sum(p.size for p in parameters)
    trained = sum(p.size for p in parameters if p.requires_grad)
    nbytes = sum(x.nbytes for x in (*parameters, *module.buffers()))
    return count, trained, nbytes


def _walk(module: Any, path: str, depth: int) -> Iterator[tuple[Any, str, int]]:
    yield module, path, depth
    for name, child in module.named_children():
        yield from _walk(child, f"{path}.{name}" if path else name, depth + 1)


def module_rows(module: Any, depth: int | None = None) -> list[ModuleRow]:
    """Return a row for `module` and for each below it, down to `depth` (None: all)."""
    return [
        ModuleRow(path, type(m).__name__, level, m.extra_repr(), *_totals(m))
        for m, path, level in _walk(module, "", 0)
        if depth is None or level <= depth
    ]


def summary(module: Any, depth: int | None = None) -> str:
    """Return a table of a module and what it consists of: parameters and sizes.

    Parameters
    ----------
    module : Module
    depth : int or None
        How far to go down; counts of what is deeper stay in the rows above. None: all.

    Returns
    -------
    str
        One line per module, and the totals. The prompt and notebooks show it as a table.

    Raises
    ------
    TypeError
        `module` is no Module.

    Examples
    --------
    >>> import tensorxp as xp
    >>> print(xp.utils.summary(xp.nn.Sequential(xp.nn.Linear(2, 3), xp.nn.ReLU())))
    module  type        parameters  size
    ------------------------------------
    (all)   Sequential           9  36 B
      0     Linear               9  36 B
      1     ReLU                 0   0 B
    total: 9 parameters, 9 of them trained, 36 B
    """
    if not hasattr(module, "named_children"):
        raise TypeError(f"summary: module is a {type(module).__name__}; it must be an nn.Module")
    rows = module_rows(module, depth)
    cells = [("module", "type", "parameters", "size")] + [
        (
            "  " * row.depth + (row.path.rpartition(".")[2] or "(all)"),
            row.kind,
            f"{row.parameters:,}",
            size_text(row.nbytes),
        )
        for row in rows
    ]
    w = [max(len(line[i]) for line in cells) for i in range(4)]
    lines = [f"{a:<{w[0]}}  {b:<{w[1]}}  {c:>{w[2]}}  {d:>{w[3]}}" for a, b, c, d in cells]
    lines.insert(1, "-" * len(lines[0]))
    top = rows[0]
    trained = f"{top.parameters:,} parameters, {top.trained:,} of them trained"
    total = f"total: {trained}, {size_text(top.nbytes)}"
    return Table("\n".join([*lines, total]))


def module_html(module: Any) -> str:
    """Return a module as a tree that opens, for notebooks."""
    return f'<div style="font-size:95%;line-height:1.5">{_tree(module, "", True)}</div>'


def _tree(module: Any, name: str, unfolded: bool) -> str:
    count, trained, nbytes = _totals(module)
    detail = module.extra_repr()
    label = f"<b>{escape(type(module).__name__)}</b>"
    if name:
        label = f'<span style="opacity:.65">{escape(name)}:</span> {label}'
    if detail:
        label += f" <code>{escape(detail)}</code>"
    counts = f"{count:,} parameters, {size_text(nbytes)}" if count or nbytes else ""
    if trained != count:
        counts += f", {trained:,} trained"
    label += f' <span style="opacity:.65">{counts}</span>'
    own = [
        f'<div style="margin-left:1.6em"><span style="opacity:.65">{escape(key)}</span> '
        f"<code>{p.dtype} {shape_text(p.shape)}</code></div>"
        for key, p in (
            *module.named_parameters(recurse=False),
            *module.named_buffers(recurse=False),
        )
    ]
    below = [_tree(child, key, False) for key, child in module.named_children()]
    if not own and not below:
        return f'<div style="margin-left:1.2em">{label}</div>'
    state = " open" if unfolded or below else ""
    inner = "".join(own + below)
    return f'<details style="margin-left:1.2em"{state}><summary>{label}</summary>{inner}</details>'
