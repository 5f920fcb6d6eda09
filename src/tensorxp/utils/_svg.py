"""Draw the boxes of a graph as SVG, and lay the picture into a page that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from typing import Any
from zlib import crc32

from tensorxp.utils._layout import lay_out, rows_of

_LINE, _TITLE, _PADDING = 15.0, 17.0, 9.0
_LEAF = "#d5f0dd"
_FAR = 4  # rows
_FAMILIES = {
    "arithmetic": "#dbe9fb", "products": "#fbdcd2", "dense": "#fbdcd2", "reduction": "#e6dcf7",
    "exponential": "#fdeeba", "activation": "#fdeeba", "shaping": "#e7e9ed", "indexing": "#d9f0ef",
    "convolution": "#f9d5e2", "linalg": "#f5e0c8", "fft": "#e4f0c9", "special": "#f7e3f4",
    "normalization": "#d8ecd0", "pooling": "#d3e7ee",
}  # fmt: skip
_SPARE = ("#e3ddd2", "#d6dff0", "#efe6f4", "#e9edd3", "#f4dede", "#d5e8e0")
_STRIPES = (
    "#3b76c4", "#d1693b", "#4c9a5c", "#b84a7a", "#7a5bb5", "#b08a1e", "#2f8f96", "#8a5a44",
    "#5d6b7d", "#c0392b",
)  # fmt: skip
_STYLE = (
    ".gt{font:600 12.5px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1b2430}"
    ".gl{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#46525f}"
    ".ge{fill:none;stroke:#8592a1;stroke-width:1.2}"
)


def family_colour(family: str) -> str:
    """Return the fill of the operations of a chapter."""
    return _FAMILIES.get(family) or _SPARE[crc32(family.encode()) % len(_SPARE)]


def module_colours(boxes: Sequence[Any]) -> dict[str, str]:
    """Return the colour of each module, in order of first appearance."""
    names = dict.fromkeys(box.module for box in boxes if box.module)
    return {name: _STRIPES[i % len(_STRIPES)] for i, name in enumerate(names)}


def _ports(boxes: Sequence[Any]) -> dict[int, list[str]]:
    """Return the labels of the edges that leave each box, in the order of its outputs."""
    found: dict[int, set[str]] = {}
    for box in boxes:
        for key, label in box.sources:
            if label:
                found.setdefault(key, set()).add(label)
    return {key: sorted(labels, key=lambda s: (len(s), s)) for key, labels in found.items()}


def _size(box: Any, ports: Sequence[str] = ()) -> tuple[float, float]:
    text = max([len(box.title) * 7.8, *(len(line) * 6.75 for line in box.lines)])
    extra = 24 if box.kind in ("leaf", "again") else 12
    width = max(text + 2 * _PADDING + extra, len(ports) * _port_width(ports), 56.0)
    return width, _TITLE + _LINE * len(box.lines) + 2 * _PADDING - 3


def _port_width(ports: Sequence[str]) -> float:
    """Return the room that the label of an edge has below the box that it leaves."""
    return max([len(label) for label in ports], default=0) * 6.75 + 14


def _with_copies(boxes: Sequence[Any]) -> list[Any]:
    """Return the boxes with sources drawn again beside each use that is far from the first."""
    row, _ = rows_of([b.key for b in boxes], {b.key: [k for k, _ in b.sources] for b in boxes})
    sources = {box.key: box for box in boxes if box.kind in ("leaf", "more")}
    lowest = min((box.key for box in boxes), default=0)
    found: list[Any] = []
    for box in boxes:
        kept = []
        for key, label in box.sources:
            if key in sources and row[box.key] - row[key] > _FAR:
                lowest -= 1
                kind = "again" if sources[key].kind == "leaf" else "more"
                lines = sources[key].lines if kind == "again" else []
                found.append(replace(sources[key], key=lowest, kind=kind, lines=lines))
                key = lowest
            kept.append((key, label))
        found.append(replace(box, sources=kept))
    return found


def picture(boxes: Sequence[Any]) -> str:
    """Return the graph as SVG, data flowing downwards; a dashed leaf is drawn elsewhere too."""
    boxes = _with_copies(boxes)
    ports = _ports(boxes)
    sizes = {box.key: _size(box, ports.get(box.key, ())) for box in boxes}
    order = [box.key for box in boxes]
    before = {box.key: [key for key, _ in box.sources] for box in boxes}
    layout = lay_out(order, before, sizes)
    margin = 12.0
    width, height = layout.width + 2 * margin, layout.height + 2 * margin
    stripes = module_colours(boxes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="autograd graph">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0.8 7.5 4 0 7.2z" fill="#8592a1"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        f'<g transform="translate({margin:.0f} {margin:.0f})">',
    ]
    for box in boxes:
        parts += _edges(box, layout, sizes, ports)
    for box in boxes:
        x, y = layout.centres[box.key]
        parts.append(_drawn(box, x, y, *sizes[box.key], stripes.get(box.module, "")))
    return "\n".join([*parts, "</g>", "</svg>"])


def _edges(box: Any, layout: Any, sizes: Any, ports: Mapping[int, list[str]]) -> list[str]:
    x, y = layout.centres[box.key]
    sources = list(dict.fromkeys(box.sources))  # two outputs of one box are two edges
    end_y = y - sizes[box.key][1] / 2 - 1
    width = sizes[box.key][0]
    found = []
    ends = sorted(
        sources,
        key=lambda source: (layout.routes[source[0], box.key] or [layout.centres[source[0]]])[-1],
    )
    for i, (key, label) in enumerate(ends):
        end_x = x + (i - (len(ends) - 1) / 2) * min(18.0, 0.7 * width / len(ends))
        sx, sy = layout.centres[key]
        if label:
            sx = _port(sx, label, ports[key])
        points = [(sx, sy + sizes[key][1] / 2), *layout.routes[key, box.key], (end_x, end_y)]
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (ax, ay), (bx, by) in pairwise(points):
            middle = (ay + by) / 2
            path += f"C{ax:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {by:.1f}"
        found.append(f'<path class="ge" d="{path}" marker-end="url(#arrow)"/>')
    for label in ports.get(box.key, ()):  # once, however many edges leave from there
        lx, ly = _port(x, label, ports[box.key]) + 4, y + sizes[box.key][1] / 2 + 11
        found.append(f'<text class="gl" x="{lx:.1f}" y="{ly:.1f}">{escape(label)}</text>')
    return found


def _port(x: float, label: str, labels: Sequence[str]) -> float:
    """Return where the edges of an output leave a box at `x`, with room for the label beside."""
    place = labels.index(label) - (len(labels) - 1) / 2
    return x + place * _port_width(labels) - len(label) * 6.75 / 2


def _drawn(box: Any, x: float, y: float, width: float, height: float, stripe: str) -> str:
    left, top = x - width / 2, y - height / 2
    fills = {"leaf": _LEAF, "again": _LEAF, "more": "#ffffff"}
    fill = fills.get(box.kind) or family_colour(box.family)
    leaf = box.kind in ("leaf", "again")
    radius = height / 2 if leaf else 6
    stroke = 'stroke="#1b2430" stroke-width="2"' if box.root else 'stroke="#9aa6b2"'
    dash = ' stroke-dasharray="4 3"' if box.kind in ("again", "more") else ""
    detail = box.detail + (f"\nmodule {box.module}" if box.module else "")
    parts = [
        f"<g><title>{escape(detail)}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius:.1f}" fill="{fill}" {stroke}{dash}/>',
    ]
    if stripe:
        bar = left + (10 if leaf else 4)
        inset = height * 0.25 if leaf else 5
        parts.append(
            f'<rect x="{bar:.1f}" y="{top + inset:.1f}" width="4" height="{height - 2 * inset:.1f}" '
            f'rx="2" fill="{stripe}"/>'
        )
    at = top + _PADDING + 10
    parts.append(
        f'<text class="gt" x="{x:.1f}" y="{at:.1f}" text-anchor="middle">{escape(box.title)}</text>'
    )
    for i, line in enumerate(box.lines):
        parts.append(
            f'<text class="gl" x="{x:.1f}" y="{at + _LINE * (i + 1):.1f}" '
            f'text-anchor="middle">{escape(line)}</text>'
        )
    return "".join([*parts, "</g>"])


def page(boxes: Sequence[Any], summary: str) -> str:
    """Return a page with the picture, to zoom by the wheel and move by dragging."""
    families = dict.fromkeys(box.family for box in boxes if box.kind == "op")
    chips = [_chip(name, family_colour(name)) for name in families]
    if any(box.kind == "leaf" for box in boxes):
        chips.insert(0, _chip("leaf", _LEAF))
    modules = [_chip(name, colour, True) for name, colour in module_colours(boxes).items()]
    rows = f'<p class="row"><b>Operations</b>{"".join(chips)}</p>'
    if modules:
        rows += f'<p class="row"><b>Modules</b>{"".join(modules)}</p>'
    return _PAGE.format(summary=escape(summary), rows=rows, svg=picture(boxes))


def _chip(name: str, colour: str, stripe: bool = False) -> str:
    shape = "stripe" if stripe else "box"
    return f'<span><i class="{shape}" style="background:{colour}"></i>{escape(name)}</span>'


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Autograd graph</title>
<style>
html,body{{margin:0;height:100%;background:#f4f6f8;color:#1b2430;
 font:14px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif}}
body{{display:flex;flex-direction:column}}
header{{padding:10px 16px;background:#fff;border-bottom:1px solid #d9dfe5}}
h1{{font-size:16px;margin:0;display:inline}}
header small{{color:#5d6b7d;margin-left:10px;font-size:13px}}
.row{{margin:4px 0 0;display:flex;flex-wrap:wrap;gap:4px 14px;align-items:center;font-size:13px}}
.row b{{font-weight:600;color:#5d6b7d}}
.row i{{display:inline-block;margin-right:5px;vertical-align:-1px}}
.box{{width:14px;height:12px;border:1px solid #9aa6b2;border-radius:3px}}
.stripe{{width:4px;height:14px;border-radius:2px}}
#view{{flex:1;overflow:hidden;cursor:grab;background:#fff;margin:10px 16px 16px;
 border:1px solid #d9dfe5;border-radius:6px;min-height:200px;touch-action:none}}
#view svg{{width:100%;height:100%;display:block}}
noscript+div{{overflow:auto}}
</style>
</head>
<body>
<header><h1>Autograd graph</h1><small>{summary} · wheel: zoom · drag: move ·
double click: whole · hover: details</small>{rows}</header>
<div id="view">{svg}</div>
<script>
const view = document.getElementById("view"), svg = view.querySelector("svg");
const whole = svg.getAttribute("viewBox").split(" ").map(Number);
let box, held = null;
const show = () => svg.setAttribute("viewBox", box.join(" "));
function fit() {{
  const r = view.getBoundingClientRect(), k = Math.max(whole[2] / r.width, whole[3] / r.height, 0.8);
  const s = Math.min(k, Math.max(1.6, whole[2] / r.width));
  box = [whole[2] / 2 - r.width * s / 2, s < k ? 0 : whole[3] / 2 - r.height * s / 2, r.width * s, r.height * s];
  show();
}}
svg.querySelector("rect").remove();
view.addEventListener("wheel", e => {{
  e.preventDefault();
  const r = view.getBoundingClientRect(), f = Math.exp(e.deltaY * 0.0015);
  const x = box[0] + (e.clientX - r.left) / r.width * box[2];
  const y = box[1] + (e.clientY - r.top) / r.height * box[3];
  box = [x + (box[0] - x) * f, y + (box[1] - y) * f, box[2] * f, box[3] * f];
  show();
}}, {{passive: false}});
view.addEventListener("pointerdown", e => {{ held = [e.clientX, e.clientY]; view.setPointerCapture(e.pointerId); }});
view.addEventListener("pointermove", e => {{
  if (!held) return;
  const r = view.getBoundingClientRect();
  box[0] -= (e.clientX - held[0]) / r.width * box[2];
  box[1] -= (e.clientY - held[1]) / r.height * box[3];
  held = [e.clientX, e.clientY];
  show();
}});
view.addEventListener("pointerup", () => {{ held = null; }});
view.addEventListener("dblclick", fit);
window.addEventListener("resize", fit);
fit();
</script>
</body>
</html>
"""
