"""Make the pictures that pages show: graphs and the flame view, by tensorxp itself."""

from pathlib import Path

import tensorxp as xp
from tensorxp import nn


def make(app):
    """Write the pictures before Sphinx reads its sources."""
    folder = Path(app.srcdir) / "_static" / "made"
    folder.mkdir(parents=True, exist_ok=True)
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = xp.sum(xp.exp(x) * x)
    write(folder / "graph.svg", framed(xp.utils.draw_graph(y, {"x": x}).svg))
    xp.random.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    images, labels = xp.random.randn(8, 64, dtype=xp.float32), xp.arange(8)
    loss = nn.functional.cross_entropy(model(images), labels)
    write(folder / "model.svg", framed(xp.utils.draw_graph(loss, model).svg))
    loss.backward()
    with xp.profiler.profile(model) as p:
        for step in range(3):
            with p.region(f"step {step}"):
                nn.functional.cross_entropy(model(images), labels).backward()
    p.flame_html(folder / "flame.html")


def framed(svg):
    """Return a drawing as a figure."""
    return f'<figure class="drawing">{svg}</figure>'


def write(path, text):
    """Write a file where its text changed."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True}
