"""The layers hold: imports point downwards, and `import tensorxp` loads nothing optional."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import tensorxp

ROOT = Path(tensorxp.__file__).parent

# the first prefix that fits gives a module its layer
LAYERS = [
    ("_version", 0), ("_backend", 0), ("_core", 1), ("_ops", 2), ("linalg", 2),
    ("fft", 2), ("random", 2), ("special", 2), ("autograd.testing", 5), ("autograd", 3),
    ("nn", 5), ("optim", 5),
    ("utils", 5),
    ("optimize", 5), ("integrate", 5), ("interpolate", 5), ("profiler", 5),
    ("_cli", 6), ("__main__", 7),
]  # fmt: skip
OTHER = 4  # _tensor, _numpy, _compile, cuda, …


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def layer(module: str) -> int:
    """Return the layer of a module given relative to the package; the namespace is on top of 4."""
    if not module:
        return 4
    return next((n for prefix, n in LAYERS if f"{module}.".startswith(f"{prefix}.")), OTHER)


def run_nodes(node: ast.AST):
    """Yield the nodes below `node`, without what stands under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        yield child
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for alternative in child.orelse:
                yield from (alternative, *run_nodes(alternative))
        else:
            yield from run_nodes(child)


def imports(path: Path):
    """Yield the modules of the package that a file imports at its top level or in functions."""
    for node in run_nodes(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "tensorxp":
                for alias in node.names:
                    inside = ROOT / alias.name
                    known = inside.is_dir() or inside.with_suffix(".py").exists()
                    yield alias.name if known else ""
            elif node.module.startswith("tensorxp."):
                yield node.module.removeprefix("tensorxp.")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "tensorxp" or alias.name.startswith("tensorxp."):
                    yield alias.name.removeprefix("tensorxp").removeprefix(".")


def test_imports_point_downwards():
    wrong = []
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module == "__init__":
            continue
        for target in imports(path):
            if layer(target) > layer(module):
                wrong.append(f"{module} (layer {layer(module)}) imports {target or 'tensorxp'}")
    assert not wrong, "\n".join(wrong)


def test_the_rooms_of_the_compiler():
    """The front knows the back ends, these the representation, and that none of them."""
    allowed = {"front": {"front", "ir", "native", "cuda"}, "ir": {"ir"}}
    wrong = []
    for path in (ROOT / "_compile").glob("*/*.py"):
        room = path.parent.name
        met = {name.split(".")[1] for name in imports(path) if name.startswith("_compile.")}
        wrong += [f"{path}: {x}" for x in met - allowed.get(room, {room, "ir"})]
    assert not wrong, "\n".join(wrong)


def test_packages_that_are_loaded_lazily_are_imported_before_their_modules():
    """Otherwise two threads that import both at once get a module that is half made."""
    wrong = []
    for path in ROOT.rglob("*.py"):
        known = set()
        for node in parsed(path).body:
            if isinstance(node, ast.Import):
                known |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tensorxp."):
                package = ".".join(node.module.split(".")[:2])
                inside = ROOT / package.removeprefix("tensorxp.") in path.parents
                known |= {node.module}
                if package[9:] in tensorxp._LAZY and package not in known and not inside:
                    wrong.append(f"{path.relative_to(ROOT)} imports {node.module} before {package}")
    assert not wrong, "\n".join(wrong)


def test_only_the_backend_names_backends():
    wrong = []
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] == "_backend":
            continue
        for node in ast.walk(parsed(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(n.split(".")[0] in ("cupy", "cupyx", "array_api_compat") for n in names):
                wrong.append(f"{path.relative_to(ROOT)}: {names}")
    assert not wrong, "\n".join(wrong)


def test_import_loads_nothing_optional():
    code = "import sys, tensorxp; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    optional = {
        "array_api_compat", "cupy", "scipy", "torch", "jax", "tqdm", "matplotlib", "sklearn",
        "safetensors", "einops", "pandas", "xarray", "hypothesis", "pytest",
    }  # fmt: skip
    assert not loaded & optional


def test_import_leaves_lazy_packages_alone():
    code = "import sys, tensorxp; print(*[m for m in sys.modules if m.startswith('tensorxp.')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {m.split(".")[1] for m in out.stdout.split()}
    assert not loaded & {"nn", "optim", "utils", "special", "_cli", "optimize", "integrate"}


#: Layer 5 is written on the public namespace. Beyond it, these are its ways in: the face of the
#: core, the kernels, the operations of networks, and words for arguments.
WAYS_IN = {"_core.face", "_backend.kernels", "_ops.network", "_ops.axes"}
#: Tools that know nothing of tensors.
TOOLS = {f"_backend.{name}" for name in ("names", "files", "text", "families", "memory", "forks")}
#: Rooms of layer 5 whose private modules another one shares.
SHARED = {"optimize._results", "optimize._trees"}
SLOTS = {"_data", "_device", "_node", "_version"}


def ways_around(tree: ast.AST, room: str) -> list[str]:
    """Return what a module of layer 5 in `room` reaches past its ways in, with the line of each."""
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tensorxp"):
            module = node.module.removeprefix("tensorxp").removeprefix(".")
            names = [module]
            if module in ("", "_core", "_backend", "_ops", "_tensor", "_numpy", "_compile"):
                names = [f"{module}.{alias.name}".removeprefix(".") for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name[9:] for a in node.names if a.name.startswith("tensorxp.")]
        elif isinstance(node, ast.Attribute):
            base = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in SLOTS and base != "self":
                found.append(f"{node.lineno}: .{node.attr}")
            elif node.attr == "__array_namespace__":
                found.append(f"{node.lineno}: the namespace by way of an array")
            elif base in ("xp", "tx", "tensorxp") and node.attr.startswith("_"):
                names = [node.attr]
        elif isinstance(node, ast.Constant) and node.value in SLOTS:
            found.append(f"{node.lineno}: {node.value!r}")
        for name in names:
            private = any(part.startswith("_") for part in name.split("."))
            own = name.split(".")[0] == room
            if (
                private
                and not own
                and name not in WAYS_IN | TOOLS | SHARED
                and not name.startswith("__")
            ):
                found.append(f"{node.lineno}: {name}")
    return found


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return x._data",
        "def f(x): x.y._node = None",
        "def f(x): return getattr(x, '_version')",
        "from tensorxp._core.door import wrap",
        "from tensorxp._core import door",
        "def f():\n    from tensorxp._tensor.type import Tensor",
        "import tensorxp._backend.device",
        "def f(x): return x.__array_namespace__()._core",
        "import tensorxp as xp\ndef f(): return xp._core.door",
        "from tensorxp.utils._svg import page",
    ],
)
def test_ways_around_are_seen(text):
    assert ways_around(ast.parse(text), "nn")


def test_layer_5_has_no_way_around():
    wrong = []
    for room in ("nn", "optim", "utils", "optimize", "integrate", "interpolate", "profiler"):
        for path in (ROOT / room).rglob("*.py"):
            found = ways_around(parsed(path), room)
            wrong += [f"{path.relative_to(ROOT)}:{place}" for place in found]
    assert not wrong, "\n".join(wrong)


def lines_of_code(path):
    """Return how many lines a file has outside its docstrings."""
    text = path.read_text(encoding="utf-8")
    told = sum(
        node.value.end_lineno - node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
    return len(text.splitlines()) - told


def test_no_file_outgrows_its_room():
    long = [
        f"{path.relative_to(ROOT)}: {n}"
        for path in ROOT.rglob("*.py")
        if (n := lines_of_code(path)) > 620
    ]
    assert not long, "\n".join(long)
