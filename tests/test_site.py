"""The site builds without a warning, its links lead somewhere, and its pages look like something.

Pictures are taken by a headless Chromium (`apt-get install chromium`) where there is one.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import tensorxp as xp

ROOT = Path(xp.__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), "")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site by the command of CONTRIBUTING.md; warnings are errors."""
    for package in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(package, reason="pip install -e '.[docs]'")
    if not (ROOT / "docs/conf.py").exists():
        pytest.skip("needs a source checkout")
    out = tmp_path_factory.mktemp("site")
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "docs", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TENSORXP_SKIP_GALLERY": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def test_the_links_of_the_site_lead_somewhere(site):
    pages = {p: p.read_text(encoding="utf-8") for p in site.rglob("*.html")}
    anchors = {p: set(re.findall(r'\bid="([^"]+)"', text)) for p, text in pages.items()}
    wrong = []
    for page, text in pages.items():
        if "_modules" in page.parts or "_static" in page.parts:
            continue
        for href in re.findall(r'<a [^>]*href="([^"]+)"', text):
            path, _, anchor = unquote(href).partition("#")
            if "://" in path or path.startswith("mailto:"):
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors.get(target, {anchor})):
                wrong.append(f"{page.relative_to(site)}: {href}")
    assert not wrong, "\n".join(wrong[:20])


def test_every_public_name_is_on_the_site(site):
    text = "".join(p.read_text(encoding="utf-8") for p in (site / "api").glob("*.html"))
    for space in ("", "linalg.", "fft.", "nn.functional.", "special.", "optim."):
        module = xp
        for part in filter(None, space.split(".")):
            module = getattr(module, part)
        missing = [
            name for name in module.__all__
            if callable(getattr(module, name)) and type(getattr(module, name)).__name__ != "DType"
            and f'id="tensorxp.{space}{name}"' not in text and f">{name}</span>" not in text
        ]  # fmt: skip
        assert not missing


def shoot(page, picture, size="1000,700"):
    """Return the picture of a page as an array, and what the browser's console said."""
    image = pytest.importorskip("matplotlib.image")
    if not BROWSER:
        pytest.skip("no Chromium is installed")
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--enable-logging=stderr", f"--window-size={size}", f"--screenshot={picture}", str(page)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert picture.exists(), done.stderr
    told = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return np.asarray(image.imread(picture))[..., :3], told


def colours(picture):
    """Return how many colours a picture has, in steps of 1/16."""
    return len(np.unique((picture.reshape(-1, 3) * 15).astype(int), axis=0))


def make_pages(folder):
    """Write a graph and a profile of a small model; return what to open."""
    model = xp.nn.Sequential(xp.nn.Linear(8, 16), xp.nn.ReLU(), xp.nn.Linear(16, 3))
    x = xp.ones((4, 8), dtype=xp.float32)
    with xp.profiler.profile(model) as p, p.region("step"):
        loss = xp.sum(model(x))
        graph = xp.utils.draw_graph(loss, model).save(folder / "graph.html")
        loss.backward()
    flame = p.flame_html(folder / "flame.html")
    return {
        "graph": f"file://{graph}",
        "time": f"file://{flame}",
        "merged": f"file://{flame}#merged",
    }


@pytest.mark.parametrize("name", ["graph", "time", "merged"])
def test_drawings_in_a_browser(name, tmp_path):
    picture, told = shoot(make_pages(tmp_path)[name], tmp_path / "page.png")
    assert not told, told
    assert picture.shape[:2] == (700, 1000) and colours(picture) > 12
    middle = picture[120:600, 50:950]  # where boxes and spans are drawn
    assert (middle.min(axis=2) < 0.95).mean() > 0.005


@pytest.mark.parametrize("page", ["index", "looking", "api/tensor"])
def test_site_in_a_browser(site, page, tmp_path):
    picture, told = shoot(f"file://{site / page}.html", tmp_path / "page.png")
    assert not told, told
    assert colours(picture) > 12
