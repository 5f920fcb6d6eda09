"""`draw_graph`: the graph that backward walks, as DOT text, SVG, or a page, without programs.

The walk follows edges from a result's node, newest first. What a box tells is read from the
nodes themselves: shape, dtype, device, parameters of the operation, and what is saved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from tensorxp import Tensor
from tensorxp._backend.files import write_text
from tensorxp._backend.text import shape_text, size_text
from tensorxp._core.face import FREED, SHAPE, Leaf, Recipe, Slot, node_of, of_raw, raw_of, root_of
from tensorxp.utils._svg import page, picture

__all__ = ["Box", "GraphDrawing", "draw_graph"]


@dataclass
class Box:
    """One node of a drawing: an operation, a leaf, or ("more") what was left out."""

    key: int
    kind: str
    title: str
    lines: list[str]
    detail: str = ""
    family: str = ""
    module: str = ""
    saved: int = 0
    root: bool = False
    sources: list[tuple[int, str]] = field(default_factory=list)


class GraphDrawing:
    """A drawn graph: `dot`, `svg` and `html` are text; Jupyter shows it; `save` writes a file.

    Parameters
    ----------
    boxes : list
        Operations and leaves, the oldest first, with shapes, dtypes and the bytes that each saved.
    saved_bytes : int
        Arrays that several operations saved count once.

    Raises
    ------
    ValueError
        In `save`: another suffix.
    """

    def __init__(self, boxes: list[Box], saved_bytes: int) -> None:
        self.boxes = boxes
        self.saved_bytes = saved_bytes

    @property
    def summary(self) -> str:
        """What was drawn, in one line."""
        operations = sum(box.kind == "op" for box in self.boxes)
        leaves = sum(box.kind == "leaf" for box in self.boxes)
        return (
            f"{operations} operation{'s' * (operations != 1)}, "
            f"{leaves} lea{'ves' if leaves != 1 else 'f'}, {size_text(self.saved_bytes)} saved"
        )

    @property
    def dot(self) -> str:
        """The graph in Graphviz's DOT language."""
        return _dot(self.boxes)

    @property
    def svg(self) -> str:
        """The graph as SVG."""
        return picture(self.boxes)

    @property
    def html(self) -> str:
        """A page that needs nothing else: summary, colours, and the graph to zoom and move."""
        return page(self.boxes, self.summary)

    def save(self, path: str | Path) -> Path:
        """Write the file that the suffix of `path` names, whole or not at all, and return its path.

        ValueError for suffixes other than .html, .svg, .dot and .gv.
        """
        texts = {".html": "html", ".htm": "html", ".svg": "svg", ".dot": "dot", ".gv": "dot"}
        kind = texts.get(Path(path).suffix.lower())
        if kind is None:
            raise ValueError(
                f"GraphDrawing.save: the path is {str(path)!r}; allowed suffixes are "
                ".html, .svg, .dot and .gv"
            )
        return write_text(path, getattr(self, kind))

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:80vh">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<GraphDrawing: {self.summary}>"


def draw_graph(
    t: Tensor | Iterable[Tensor], params: Any = None, *, max_nodes: int = 500
) -> GraphDrawing:
    """Draw the graph from which `t` (or several tensors) would be differentiated.

    Parameters
    ----------
    t : Tensor or iterable of Tensors
        Of any shape and dtype; they require grad.
    params : Module, mapping, pairs or None
        Names of tensors. A dotted name tells the module: operations that use "encoder.weight" are
        marked as of "encoder".
    max_nodes : int
        How many nodes to draw, the newest first; one box stands for those left out.

    Returns
    -------
    GraphDrawing
        With `.dot`, `.svg`, `.html` and `.save(path)`.

    Raises
    ------
    TypeError
        `t` is no Tensor, or `params` holds other things.
    RuntimeError
        `t` does not require grad.
    ValueError
        `max_nodes` is below 1.

    Examples
    --------
    >>> import tensorxp as xp
    >>> x = xp.tensor([1.0, 2.0], requires_grad=True)
    >>> print(xp.utils.draw_graph(xp.sum(x * x), {"x": x}))
    <GraphDrawing: 2 operations, 1 leaf, 16 B saved>
    """
    if not isinstance(t, Iterable):
        raise TypeError(
            f"draw_graph: t is a {type(t).__name__}; allowed are Tensors and lists of them"
        )
    tensors = [t] if isinstance(t, Tensor) else list(t)
    roots = [root_of("draw_graph", x) for x in tensors]
    if max_nodes < 1:
        raise ValueError(f"draw_graph: max_nodes is {max_nodes}; allowed are numbers from 1 on")
    names = _names(params)
    nodes, rest = _walk(roots, max_nodes)
    arrays: dict[int, int] = {}
    drawn = {node.seq for node in nodes}
    boxes = [_box(node, names, arrays) for node in nodes]
    for box, node in zip(boxes, nodes, strict=True):
        box.root = any(_main(root) is node for root in roots)
        for edge in getattr(node, "edges", ()):
            if edge is not None:
                main = _main(edge)
                label = f"[{edge.index}]" if edge.__class__ is Slot else ""
                box.sources.append((main.seq if main.seq in drawn else rest, label))
    if rest:
        boxes.insert(0, Box(rest, "more", "…", ["earlier operations", "are not drawn"]))
    _mark_modules(boxes, names)
    return GraphDrawing(boxes, sum(arrays.values()))


def _main(node: Any) -> Any:
    return node.main if node.__class__ is Slot else node


def _walk(roots: list[Any], limit: int) -> tuple[list[Any], int]:
    """Return the newest nodes, oldest first, and the number of the box for the rest (0: none)."""
    found: dict[int, Any] = {}
    heap: list[int] = []
    waiting = {}
    for root in roots:
        node = _main(root)
        if node.seq not in waiting:
            waiting[node.seq] = node
            heappush(heap, -node.seq)
    while heap and len(found) < limit:
        seq = -heappop(heap)
        node = found[seq] = waiting[seq]
        for edge in node.edges:
            if edge is not None:
                main = _main(edge)
                if main.seq not in waiting:
                    waiting[main.seq] = main
                    heappush(heap, -main.seq)
    nodes = [found[seq] for seq in sorted(found)]
    return nodes, -heap[0] if heap else 0


def _names(params: Any) -> dict[Any, str]:
    """Return the names that `params` gives, by node."""
    if params is None:
        return {}
    if hasattr(params, "named_parameters"):
        params = params.named_parameters()
    pairs = params.items() if isinstance(params, Mapping) else params
    names = {}
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TypeError(
                f"draw_graph: params holds a {type(pair).__name__}; allowed are an nn.Module, a "
                "mapping, or pairs of a name and a tensor"
            )
        name, x = pair
        if not isinstance(x, Tensor):
            raise TypeError(f"draw_graph: params[{name!r}] is a {type(x).__name__}, not a Tensor")
        node = node_of(x)
        if node is not None:
            names[_main(node)] = name
    return names


def _box(node: Any, names: Mapping[Any, str], arrays: dict[int, int]) -> Box:
    name = names.get(node, "")
    value = _value_text(node.shape, node.dtype)
    if node.__class__ is Leaf:
        bytes_ = _nbytes(node.shape, node.dtype)
        detail = f"{name or 'leaf'}: {value} on {node.device}, {size_text(bytes_)}"
        return Box(node.seq, "leaf", name or "leaf", [value], detail, "leaf")
    saved = _saved(node)
    arrays.update(saved)
    total = sum(saved.values())
    lines = [value]
    if isinstance(node.saved, Recipe):
        lines.append("saved values freed" if node.saved is FREED else "made again when needed")
    elif total:
        lines.append(f"saves {size_text(total)}")
    shown = {k: v for k, v in node.params.items() if not callable(v)}
    details = [f"{node.op.name}({', '.join(f'{k}={_short(v)}' for k, v in shown.items())})"]
    details += [f"gives {value} on {node.device}", f"call number {node.seq}"]
    details += [f"saves {text}" for text in _saved_texts(node)]
    title = f"{name} = {node.op.name}" if name else node.op.name
    family = _family(node.op)
    return Box(node.seq, "op", title, lines, "\n".join(details), family, "", total)


def _value_text(shape: Any, dtype: Any) -> str:
    if dtype.__class__ is tuple:
        parts = [_value_text(s, d) for s, d in zip(shape, dtype, strict=True)]
        return ", ".join(parts[:3]) + (f", … {len(parts)} outputs" if len(parts) > 3 else "")
    return f"{of_raw(dtype).name} {shape_text(shape)}"


def _nbytes(shape: tuple[int, ...], dtype: Any) -> int:
    n = dtype.itemsize
    for size in shape:
        n *= size
    return int(n)


def _triples(node: Any) -> list[tuple[int, Any]]:
    """Return the saved arrays of a node, each with the code of what it is."""
    found = []
    if not isinstance(node.saved, Recipe):
        triples = zip(node.saved[::3], node.saved[2::3], strict=True)
        for code, (value, count) in zip(node.plan.saves, triples, strict=True):
            items = [item[0] for item in value] if count == -1 else [value]
            found += [(code, raw_of(x)) for x in items]
    return [(code, x) for code, x in found if hasattr(x, "nbytes")]


def _saved(node: Any) -> dict[int, int]:
    """Return the bytes of each saved array, by identity of its memory."""
    return {_owner(x): int(x.nbytes) for _, x in _triples(node)}


def _owner(x: Any) -> int:
    base = getattr(x, "base", None)
    return id(x if base is None else base)


def _saved_texts(node: Any) -> list[str]:
    inputs = node.op.inputs
    return [
        f"{inputs[min(code, len(inputs) - 1)] if 0 <= code < SHAPE else 'output'} "
        f"({_value_text(x.shape, x.dtype)}, {size_text(x.nbytes)})"
        for code, x in _triples(node)
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _family(op: Any) -> str:
    """Return the chapter that an operation belongs to: the module that its rules stand in."""
    rules = [op.whole, *op.rules.values()]
    functions = [rule.fn for rule in rules if rule is not None] + [op.forward]
    module = next((fn.__module__ for fn in functions if hasattr(fn, "__module__")), "")
    parts = module.split(".")
    if parts[0] != "tensorxp" or len(parts) < 2:
        return parts[-1]
    return parts[-1] if parts[1] in ("_ops", "_core") else parts[1].lstrip("_")


def _mark_modules(boxes: list[Box], names: Mapping[Any, str]) -> None:
    """Mark operations that use a module's parameters, by themselves or through e.g. a transpose."""
    dotted = {node.seq: name.rpartition(".")[0] for node, name in names.items()}
    only: dict[int, str] = {}  # boxes that depend on parameters of one module and nothing else
    for box in boxes:
        if box.kind == "leaf":
            box.module = only[box.key] = dotted.get(box.key, "")
            continue
        used = [only.get(key, "") for key, _ in box.sources]
        box.module = next(filter(None, used), "")
        if box.module and all(module == box.module for module in used) and len(used) == 1:
            only[box.key] = box.module


def _dot(boxes: list[Box]) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    lines = [
        "digraph tensorxp {",
        '  node [shape=box, style="rounded,filled", fillcolor="#eef2f7", fontname="Helvetica"];',
    ]
    for box in boxes:
        fill = {"leaf": "#d5f0dd", "more": "#ffffff"}.get(box.kind, "#eef2f7")
        label = "\n".join([box.title, *box.lines])
        width = ", penwidth=2" if box.root else ""
        lines.append(f'  n{box.key} [label={quoted(label)}, fillcolor="{fill}"{width}];')
    for box in boxes:
        for source, label in box.sources:
            text = f" [label={quoted(label)}]" if label else ""
            lines.append(f"  n{source} -> n{box.key}{text};")
    return "\n".join([*lines, "}"]) + "\n"
