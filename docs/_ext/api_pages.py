"""Write the API pages: each public module's `__all__`, by chapter, with what autodoc finds.

Chapters of the main namespace are the modules in which its functions stand. A function of the
standard gets a link to its page there. Docstrings are plain text with code in backticks; what
reStructuredText would read as markup outside the backticks is escaped.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

STANDARD = "https://data-apis.org/array-api/2025.12/"
TITLES = {
    "tensorxp._ops.creation": "Creation",
    "tensorxp._ops.conversion": "Creation",
    "tensorxp._ops.arithmetic": "Arithmetic",
    "tensorxp._ops.exponential": "Exponentials and logarithms",
    "tensorxp._ops.trigonometric": "Trigonometry",
    "tensorxp._ops.rounding": "Rounding",
    "tensorxp._ops.complex": "Complex numbers",
    "tensorxp._ops.comparison": "Comparison and logic",
    "tensorxp._ops.bitwise": "Bits",
    "tensorxp._ops.floating": "Floating-point numbers",
    "tensorxp._ops.reduction": "Reductions",
    "tensorxp._ops.statistics": "Statistics",
    "tensorxp._ops.cumulative": "Cumulative sums, products, differences",
    "tensorxp._ops.products": "Products",
    "tensorxp._ops.einsum": "Products",
    "tensorxp._ops.shaping": "Shapes",
    "tensorxp._ops.numpy_names": "Shapes",
    "tensorxp._ops.indexing": "Indexing",
    "tensorxp._ops.searching": "Searching",
    "tensorxp._ops.sorting": "Sorting",
    "tensorxp._ops.sets": "Sets",
    "tensorxp._ops.triangular": "Triangles",
    "tensorxp._ops.casting": "Data types",
    "tensorxp._backend.dtypes": "Data types",
    "tensorxp._ops.transfer": "Devices",
    "tensorxp._backend.device": "Devices",
    "tensorxp.utils.memory": "Devices",
    "tensorxp._core.modes": "Autograd modes",
    "tensorxp._ops.info": "Inspection",
    "tensorxp._compile.front.compiled": "Compilation",
    "tensorxp.utils.serialization": "Files",
    "tensorxp.linalg.products": "Products",
}
_USUAL = " Shapes, dtypes, devices and errors follow the :doc:`/conventions`."
_ELEMENTWISE = "Elementwise functions." + _USUAL
_FLOATING = "Elementwise functions; integers give a real dtype." + _USUAL
_REDUCTION = (
    "`axis` is an int, a tuple, or None for all; reduced axes vanish unless `keepdims`. An empty "
    "reduction without a neutral element raises a ValueError." + _USUAL
)
#: What holds for a whole chapter: shapes, dtypes, errors.
NOTES = {
    "Creation": "New Tensors with the shape, dtype and device asked for; the defaults are those of "
    "`set_default_dtype` and `set_default_device`. Unknown dtypes raise a TypeError, negative sizes "
    "a ValueError, devices that are not there a DeviceError.",
    "Arithmetic": _ELEMENTWISE,
    "Exponentials and logarithms": _FLOATING,
    "Trigonometry": _FLOATING,
    "Rounding": _ELEMENTWISE + " Integers stay as they are; the gradient is zero.",
    "Complex numbers": "The real and the imaginary part of complex Tensors are views with the real "
    "dtype of the same precision.",
    "Comparison and logic": _ELEMENTWISE + " The result is boolean and has no gradient.",
    "Bits": _ELEMENTWISE + " Integers and booleans only; there is no gradient.",
    "Floating-point numbers": _ELEMENTWISE,
    "Reductions": _REDUCTION + " Sums and products of small integers are in int64 or uint64; those "
    "of float32 accumulate in float64.",
    "Statistics": _REDUCTION,
    "Cumulative sums, products, differences": "Along one axis (`axis=None`: the only one). The shape "
    "stays, but for `include_initial` and `diff`. Small integers sum in int64 or uint64.",
    "Products": "Dtypes promote as NumPy's. Axes that are summed over must have one size, stacks of "
    "matrices broadcast: a ValueError says the shapes where not.",
    "Shapes": "The dtype stays. Where strides can express the result it is a view, which writes "
    "through: `broadcast_to`, `expand_dims`, `flip`, `matrix_transpose`, `moveaxis`, `permute_dims`, "
    "`squeeze`, `swapaxes`, `unstack`, and mostly `reshape`, `ravel`. Sizes that do not fit raise a "
    "ValueError, axes out of range an AxisError.",
    "Indexing": "Indices are integers, slices, None, Ellipsis, boolean masks and integer Tensors, as "
    "in NumPy; slices give views. An index out of range raises an IndexError.",
    "Searching": "Indices are int64 and have no gradient; values that are picked pass theirs.",
    "Sorting": "Along one axis; NaNs go last. Indices are int64; the values' gradient goes back to "
    "where they came from.",
    "Sets": "Over all elements; the number of results depends on the values, and NaNs differ from "
    "each other.",
    "Triangles": "The last two axes of matrices and their stacks; fewer than two raise a ValueError.",
    "Data types": "Where a dtype is asked for, objects of the namespace, NumPy's dtypes and names "
    'such as "float32" are taken; others raise a TypeError.',
    "Devices": 'Where a device is asked for, Devices and names such as "cuda:0" are taken; one that '
    "is not there raises a DeviceError that says what is missing.",
}
#: The same for modules.
SPACE_NOTES = {
    "linalg": "Matrices are the last two axes, and stacks of them broadcast. Integers and "
    "bool become float64 (not in products); shapes that do not fit raise a ValueError, singular "
    "matrices and failed iterations a LinAlgError.",
    "fft": "Floating-point dtypes; the result is complex (real for `irfft`, `hfft`) with the same "
    "precision. Axes out of range raise an AxisError, sizes below one and unknown `norm` a ValueError.",
    "special": "Elementwise functions; integers give the default real dtype. Shapes, dtypes, devices "
    "and errors follow the :doc:`/conventions`. Outside its domain a function gives NaN, as SciPy's does.",
    "random": "Draws have the shape, dtype and device asked for and come from the generator of that "
    "device. Parameters outside their domain raise a ValueError.",
    "nn": "Names, arguments, shapes, state-dict keys and initial values are PyTorch's. Parameters are "
    "float32 unless `dtype` is given. Inputs of a wrong shape raise when the module is called.",
    "nn.functional": "Names, arguments, shapes and errors are PyTorch's; the dtype is that of the "
    "input. Where shapes do not fit, a ValueError or RuntimeError says them.",
    "nn.init": "Each fills the tensor in place without recording, and returns it.",
    "optim": "Arguments and updates are PyTorch's; settings out of range raise a ValueError.",
}
MODULES = {
    "linalg": "Linear algebra",
    "fft": "Fourier transforms",
    "autograd": "Autograd",
    "autograd.testing": "Tests of primitives",
    "special": "Special functions",
    "random": "Random numbers",
    "nn": "Neural networks",
    "nn.functional": "Neural networks: functions",
    "nn.init": "Neural networks: initial values",
    "nn.utils": "Neural networks: tools",
    "optim": "Optimisers",
    "optim.lr_scheduler": "Learning-rate schedules",
    "optim.swa_utils": "Averaged weights",
    "utils": "Drawings and tables",
    "utils.data": "Data loading",
    "utils.progress": "Progress",
    "utils.tensorboard": "TensorBoard",
    "optimize": "Optimisation",
    "integrate": "Integration",
    "interpolate": "Interpolation",
    "cuda": "CUDA",
    "profiler": "Profiler",
}


def public_names(module):
    """Return the public names of a module: its `__all__`, or its own functions and classes."""
    if hasattr(module, "__all__"):
        lazy = getattr(module, "_LAZY_FUNCTIONS", {})
        return list(dict.fromkeys([*module.__all__, *lazy]))
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def public_modules():
    """Yield (dotted name below tensorxp, module) of each public module that exists."""
    yield "", import_module("tensorxp")
    for name in MODULES:
        try:
            yield name, import_module(f"tensorxp.{name}")
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("tensorxp"):
                yield name, None


#: What subclasses override but users do not call.
_PLUMBING = ("forward", "extra_repr", "before", "after", "rebind", "enter_node", "leave_node",
             "sees_rules")  # fmt: skip
#: Titles of groups where the module's name says too little.
_GROUPS = {
    "conv": "Convolution", "loss": "Losses", "cells": "Recurrent cells", "ctc": "Losses",
    "classification": "Losses: classification", "regression": "Losses: regression", "dense": "Linear",
    "cody": "Errors", "levels": "Others",
}  # fmt: skip

_classes: list[type] = []


def is_entry(value):
    """Return whether a public value gets an entry of its own: a function or a class."""
    return inspect.isclass(value) or inspect.isroutine(value) or callable(value)


def entry(name, value):
    """Return the autodoc directive for a public value."""
    if inspect.isclass(value):
        options = ["   :members:"]
        if value in _classes:  # told on another page, too
            options.append("   :no-index:")
        _classes.append(value)
        if value.__name__ in ("Tensor", "Module", "Optimizer"):
            options.append("   :inherited-members:")
        else:
            options.append(f"   :exclude-members: {', '.join(_PLUMBING)}")
        if any(base.__module__.startswith("tensorxp.nn") for base in value.__bases__):
            options.append("   :show-inheritance:")
        return [f".. autoclass:: {name}", *options, ""]
    if inspect.isroutine(value):
        return [f".. autofunction:: {name}", ""]
    return [f".. autodata:: {name}", "   :no-value:", ""]


def heading(text, mark):
    """Return the lines of a heading."""
    return [text, mark * len(text), ""]


def main_namespace(module):
    """Return the text of the page of the main namespace."""
    chapters = {}
    constants, dtypes, spaces = [], [], []
    for name in public_names(module):
        value = getattr(module, name)
        if inspect.ismodule(value):
            spaces.append(name)
        elif type(value).__name__ == "DType":
            dtypes.append(name)
        elif isinstance(value, (int, float, str)) or value is None:
            constants.append(name)
        elif name == "Tensor":
            pass
        else:
            where = getattr(value, "__module__", "")
            title = "Random numbers" if where.startswith("tensorxp.random") else TITLES.get(where)
            chapters.setdefault(title or "Others", []).append((name, value))
    lines = [*heading("The namespace", "="), ".. currentmodule:: tensorxp", ""]
    lines += ["The functions of the standard, and NumPy's common ones beside them.", ""]
    lines += [*heading("Constants and dtypes", "-")]
    lines += ["Constants: " + ", ".join(f"``{name}``" for name in constants) + ".", ""]
    lines += ["Dtypes: " + ", ".join(f"``{name}``" for name in dtypes) + ".", ""]
    order = dict.fromkeys([*TITLES.values(), "Random numbers", "Others"])
    for title in order:
        if title in chapters:
            lines += heading(title, "-")
            lines += [escaped_text(NOTES.get(title, "")), ""]
            for name, value in chapters[title]:
                lines += entry(name, value)
    return "\n".join(lines)


def group(value):
    """Return the title of the group of a value on the page of a large module."""
    stem = getattr(value, "__module__", "").rpartition(".")[2].lstrip("_")
    return _GROUPS.get(stem, stem.replace("_", " ").capitalize())


def module_page(dotted, module):
    """Return the text of the page of a module."""
    lines = [*heading(MODULES[dotted], "="), f".. currentmodule:: tensorxp.{dotted}", ""]
    about = (inspect.getdoc(module) or "").split("\n\n")[0]
    lines += [f"``tensorxp.{dotted}``", "", escaped_text(about), ""]
    lines += [SPACE_NOTES.get(dotted, ""), ""]
    inner, groups = [], {}
    for name in public_names(module):
        if f"{dotted}.{name}" in MODULES:
            inner.append(name)
            continue
        value = getattr(module, name)
        if inspect.ismodule(value):
            inner.append(name)
        elif is_entry(value):
            groups.setdefault(group(value), []).append((name, value))
    several = sum(map(len, groups.values())) > 40
    for title in sorted(groups) if several else groups:
        lines += heading(title, "-") if several else []
        for name, value in groups[title]:
            lines += entry(name, value)
    if inner:
        lines += [
            "Further modules: " + ", ".join(f"``{dotted}.{name}``" for name in inner) + ".",
            "",
        ]
    return "\n".join(lines)


def other_links(root):
    """Return a page of the links in files that are no pages, for the builder "linkcheck"."""
    names = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml")
    files = [*map(root.joinpath, names)]
    for pattern in ("src/**/*.py", "conformance/*", "benchmarks/*", "docs/**/*.py"):
        files += [path for path in root.glob(pattern) if path.suffix in (".py", ".md")]
    found = set()
    for path in files:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"https?://\w[\w-]*\.[\w./#%~?=&+-]*[\w/]", text))
    found -= {"http://www.w3.org/2000/svg"}  # a name, not a place
    lines = [":orphan:", "", *heading("Links of other files", "=")]
    return "\n".join([*lines, *(f"- `<{url}>`__" for url in sorted(found)), ""])


def write_pages(app):
    """Write the pages before Sphinx reads its sources; unchanged ones keep their time."""
    _classes.clear()
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    pages = {}
    for dotted, module in public_modules():
        if module is None:
            continue
        if not dotted:
            pages["namespace"] = main_namespace(module)
            pages["tensor"] = "\n".join(
                [*heading("Tensor", "="), ".. currentmodule:: tensorxp", "",
                 *entry("Tensor", module.Tensor)]
            )  # fmt: skip
        else:
            pages[dotted] = module_page(dotted, module)
    pages["index"] = "\n".join(
        [*heading("API reference", "="), ".. toctree::", "   :maxdepth: 1", "",
         *[f"   {name}" for name in pages], "",
         "What all functions accept, return and raise stands in the :doc:`/conventions`.", ""]
    )  # fmt: skip
    if app.builder.name == "linkcheck":
        pages["other_links"] = other_links(Path(app.srcdir).parent)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()


def escaped_text(text):
    """Return `text` with markup outside backticks escaped."""
    parts = re.split(r"(``[^`]*``|`[^`]*`|:[a-z:]+:`[^`]*`)", text)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([*|\\])", r"\\\1", parts[i])
        parts[i] = re.sub(r"(\w)_(?=\W|$)", r"\1\\_", parts[i])
    return "".join(parts)


def escape_docstring(app, what, name, obj, options, lines):
    """Escape what is no markup in docstrings, and link the standard (autodoc-process-docstring)."""
    literal = None  # indentation of what introduced a literal block
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        text = line.strip()
        if literal is not None and text and indent <= literal:
            literal = None
        if literal is None and not text.startswith((">>>", "...", "..", ":")):
            lines[i] = line[:indent] + escaped_text(text)
        if text.endswith("::") or text.startswith(">>>"):
            literal = indent if text.endswith("::") else literal
    module, _, function = name.rpartition(".")
    if what == "function" and f"{module}.{function}" in app.config.standard_names:
        lines += ["", f"In the `Array API standard <{standard_page(name)}>`__."]


def standard_page(name):
    """Return the address of the standard's page on a function; extensions have a folder."""
    short = name.removeprefix("tensorxp.")
    folder = "extensions" if "." in short else "API_specification"
    return f"{STANDARD}{folder}/generated/array_api.{short}.html"


def standard_names():
    """Return the full names of the standard's functions that have pages there."""
    import json

    path = Path(__file__).parents[2] / "tests" / "data" / "standard_2025_12.json"
    if not path.exists():
        return frozenset()
    found = json.loads(path.read_text(encoding="utf-8"))
    names = set()
    for key, space in (("main", ""), ("linalg", "linalg."), ("fft", "fft.")):
        names |= {f"tensorxp.{space}{name}" for name in found[key]}
    # the two are in the text of 2025.12, but not in the index from which its pages are made
    return frozenset(names - {"tensorxp.linalg.eig", "tensorxp.linalg.eigvals"})


def hide_source_links(app, page, template, context, doctree):
    """Have no link to the source of pages that are made here: it is not in the repository."""
    if page.startswith(("api/", "examples/")):
        context["page_source_suffix"] = ""


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("standard_names", standard_names(), "env")
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    app.connect("html-page-context", hide_source_links)
    return {"parallel_read_safe": True}
