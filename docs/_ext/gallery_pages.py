"""Write a page for each script of the gallery: its docstring, its picture, its code.

A script whose picture is missing or older than the script is run first; one that fails breaks
the build. `TENSORXP_SKIP_GALLERY=1` leaves the scripts alone.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path


def write_pages(app):
    """Write the pages and their index before Sphinx reads its sources."""
    source = Path(app.srcdir) / "gallery"
    folder = Path(app.srcdir) / "examples"
    folder.mkdir(exist_ok=True)
    scripts = sorted(p for p in source.glob("*.py") if not p.name.startswith("_"))
    pages = {path.stem: page(path, folder) for path in scripts}
    toctree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *pages, "```"]) if pages else ""
    about = (
        "Whole programs on real data. Each is a script of `docs/gallery`; run it with\n"
        "`python docs/gallery/NAME.py`, after `pip install 'tensorxp[docs]'`.\n"
    )
    pages["index"] = f"# Gallery\n\n{about}\n{toctree}\n"
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()


def page(path, folder):
    """Return the page of a script; its first line is the title."""
    code = path.read_text(encoding="utf-8")
    tree = ast.parse(code)
    title, _, text = (ast.get_docstring(tree) or path.stem).partition("\n")
    lines = [f"# {title.rstrip('.')}", "", text.strip(), ""]
    picture = path.parent / "images" / f"{path.stem}.png"
    if not os.environ.get("TENSORXP_SKIP_GALLERY"):
        made = picture.stat().st_mtime if picture.exists() else 0.0
        if made < path.stat().st_mtime:
            print(f"running {path.name}", flush=True)
            subprocess.run([sys.executable, str(path)], check=True, stdout=subprocess.DEVNULL)
    if picture.exists():
        shutil.copyfile(picture, folder / picture.name)
        lines += [f"![{title}]({picture.name})", ""]
    body = code.split("\n")[tree.body[0].end_lineno :]
    return "\n".join([*lines, "```python", "\n".join(body).strip(), "```", ""])


def setup(app):
    """Connect to Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
