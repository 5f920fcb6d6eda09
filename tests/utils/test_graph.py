"""`draw_graph`: what is drawn, that the texts are well formed, and how files are written."""

import re
import xml.etree.ElementTree as ET
from html import unescape
from itertools import pairwise

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.utils._layout import lay_out, spread


def made():
    w = xp.asarray(np.ones((3, 4)), requires_grad=True)
    b = xp.asarray(np.ones(3), requires_grad=True)
    x = xp.asarray(np.ones((2, 4)))
    return xp.sum(xp.tanh(x @ w.mT + b)), {"layer.weight": w, "layer.bias": b}


def test_boxes_tell_shapes_dtypes_names_modules_and_saved_sizes():
    loss, params = made()
    drawing = xp.utils.draw_graph(loss, params)
    boxes = {box.title: box for box in drawing.boxes}
    assert boxes["layer.weight"].kind == "leaf"
    assert boxes["layer.weight"].lines == ["float64 3×4"]
    assert boxes["matmul"].module == boxes["add"].module == "layer"
    assert boxes["tanh"].module == "" and boxes["tanh"].saved == 48
    assert boxes["sum"].root and boxes["sum"].lines == ["float64 ()"]
    assert repr(drawing) == "<GraphDrawing: 5 operations, 2 leaves, 112 B saved>"


def test_shared_arrays_count_once():
    x = xp.asarray(np.ones(10), requires_grad=True)
    y = xp.exp(x)
    assert xp.utils.draw_graph(y * y).saved_bytes == 80


def test_texts_are_well_formed_and_escaped():
    x = xp.asarray(np.ones(2), requires_grad=True)
    drawing = xp.utils.draw_graph(x * 2, [('a"<b>&.c', x)])
    ET.fromstring(drawing.svg)
    assert "<b>&." not in drawing.html and "a&quot;&lt;b&gt;&amp;.c" in drawing.html
    assert '\\"' in drawing.dot and drawing.dot.count("->") == 1
    assert drawing._repr_svg_() == drawing.svg and drawing.svg in drawing._repr_html_()
    assert "src=" not in drawing.html and "href=" not in drawing.html


def test_several_outputs_leaf_roots_and_several_roots():
    a = xp.asarray(np.eye(3) + 1, requires_grad=True)
    q, r = xp.linalg.qr(a)
    drawing = xp.utils.draw_graph([q * r, a])
    assert ">[0]<" in drawing.svg and ">[1]<" in drawing.svg
    assert [box.title for box in drawing.boxes if box.root] == ["leaf", "multiply"]


def test_freed_values_are_told():
    x = xp.asarray(np.ones(2), requires_grad=True)
    y = xp.sum(xp.exp(x))
    y.backward()
    assert "saved values freed" in xp.utils.draw_graph(y).dot


def test_large_graphs_are_cut_and_deep_ones_need_no_recursion():
    x = y = xp.asarray(np.ones(2), requires_grad=True)
    for _ in range(3000):
        y = y * x
    drawing = xp.utils.draw_graph(y, max_nodes=100)
    assert len(drawing.boxes) == 101 and drawing.boxes[0].kind == "more"
    ET.fromstring(drawing.svg)
    assert len(xp.utils.draw_graph(y, max_nodes=5000).boxes) == 3001


def test_save(tmp_path):
    drawing = xp.utils.draw_graph(*made())
    for suffix, text in (("html", drawing.html), ("svg", drawing.svg), ("dot", drawing.dot)):
        path = drawing.save(tmp_path / f"graph.{suffix}")
        assert path.read_text(encoding="utf-8") == text
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(ValueError, match=r"\.html, \.svg, \.dot"):
        drawing.save(tmp_path / "graph.png")
    with pytest.raises(OSError):
        drawing.save(tmp_path / "none" / "graph.svg")


def test_errors():
    with pytest.raises(RuntimeError, match="does not require grad"):
        xp.utils.draw_graph(xp.ones(2))
    loss, _ = made()
    with pytest.raises(TypeError, match="params"):
        xp.utils.draw_graph(loss, [1])
    with pytest.raises(TypeError, match="not a Tensor"):
        xp.utils.draw_graph(loss, {"a": 1})
    with pytest.raises(ValueError, match="max_nodes"):
        xp.utils.draw_graph(loss, max_nodes=0)


def test_layout_keeps_boxes_apart_and_edges_downwards():
    before = {1: [], 2: [], 3: [1, 2], 4: [3], 5: [3], 6: [4, 5, 1]}
    sizes = dict.fromkeys(before, (60.0, 30.0))
    layout = lay_out(list(before), before, sizes)
    for node, sources in before.items():
        for source in sources:
            assert layout.centres[source][1] < layout.centres[node][1]
    places = sorted(layout.centres.values(), key=lambda c: (c[1], c[0]))
    for (x1, y1), (x2, y2) in pairwise(places):
        assert y1 != y2 or x2 - x1 >= 60.0
    assert all(30 <= x <= layout.width - 30 for x, _ in places)


def test_spread_is_least_squares_under_gaps():
    assert spread([0, 0], [10], [1, 1]) == [-5, 5]
    assert spread([0, 50], [10], [1, 1]) == [0, 50]
    assert spread([0, 0], [10], [1, 0.25]) == [-2, 8]


def outputs_everywhere():
    """Return graphs in which operations with several outputs stand."""
    a = xp.asarray(np.arange(9.0).reshape(3, 3) + np.eye(3), requires_grad=True)
    s = a + a.mT
    w, v = xp.linalg.eigh(s)
    w2, v2 = xp.linalg.eigh(s @ s)
    u, d, vh = xp.linalg.svd(a)
    q, r = xp.linalg.qr(a)
    out, (h, c) = xp.nn.LSTM(2, 3)(xp.ones((4, 1, 2), dtype=xp.float32))
    return {
        "eigh": w.sum() + (v * v).sum() + (v @ w).sum(),
        "two": (w * w2).sum() + (v @ v2).sum(),
        "svd": (u @ xp.tril(vh)).sum() + d.sum(),
        "qr": (q @ r).sum(),
        "lstm": out.sum() + h.sum() * c.sum(),
    }


_TEXT = re.compile(r'<text class="(g.)" x="(.*?)" y="(.*?)"( text-anchor="middle")?>(.*?)</text>')


@pytest.mark.parametrize("name", list(outputs_everywhere()))
def test_no_label_lies_over_another(name):
    drawing = xp.utils.draw_graph(outputs_everywhere()[name])
    places = []
    for kind, x, y, middle, text in _TEXT.findall(drawing.svg):
        width = len(unescape(text)) * (7.5 if kind == "gt" else 6.7)
        left = float(x) - (width / 2 if middle else 0)
        places.append((left, left + width, float(y) - 9, float(y) + 2, text))
    labels = {label for box in drawing.boxes for _, label in box.sources if label}
    assert len(labels) > 1 and labels <= {text for *_, text in places}
    for i, (left, right, top, bottom, text) in enumerate(places):
        for other in places[:i]:
            apart = left >= other[1] or other[0] >= right or top >= other[3] or other[2] >= bottom
            assert apart, f"{text} lies over {other[-1]}"
