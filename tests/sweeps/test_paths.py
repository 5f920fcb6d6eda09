"""One value, whatever the path: small or large, compiled or not, strided or not, alone or batched.

A path is chosen by size, layout or build (`_backend/loops.py`, `_backend/_arrays.h`), never by what
the caller asked for. So results agree bit for bit, but for what ERRORS says.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import loops
from tests.sweeps.paths import calls, elementwise, repeated, separate, special, values

DTYPES = ("float64", "float32")
#: Every layout and batches of every call, else one layout each and every fifth batch.
THOROUGH = bool(os.environ.get("TENSORXP_THOROUGH"))
built = pytest.mark.skipif(not loops.available(), reason="the loops are not built, or off")

#: What moves data, compares, or rounds once: the same bits by every path.
EXACT = {
    "ops.test_bitwise", "ops.test_casting", "ops.test_comparison", "ops.test_creation",
    "ops.test_floating", "ops.test_indexing", "ops.test_rounding", "ops.test_searching",
    "ops.test_sets", "ops.test_shaping", "ops.test_sorting", "ops.test_transfer",
    "ops.test_triangular",
}  # fmt: skip
#: The error allowed elsewhere, in units of the last place of the largest number of an array:
#: sums and matrix products take another order (NumPy's pairwise sums, BLAS, blocks of a loop), and
#: a layer of a network chains several; NumPy's vector loops round other than its scalar ones.
SUMS = 64
#: Elementwise functions, in units of the last place of each element: NumPy's vector loops are good
#: to 4, ours (erf, gelu, sigmoid) to 2, activations and losses chain several of them, and gelu's
#: tail is a difference of near numbers.
ELEMENTWISE = 16
TAILS = {"gelu": 256}


def _strided(a):
    if not a.ndim:
        return np.array(a)
    out = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)[..., ::2]
    out[...] = a
    return out


def _reversed(a):
    return np.ascontiguousarray(a[::-1])[::-1] if a.ndim else np.array(a)


LAYOUTS = {
    "strided": _strided,
    "reversed": _reversed,
    "Fortran": lambda a: np.array(a, order="F"),
}


def _differ(found, expected, ulps, each):
    """Return how two values differ, or "" where they agree as far as they must."""
    if not isinstance(found, np.ndarray) or not isinstance(expected, np.ndarray):
        return "" if found is expected else f"{found} for {expected}"
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{found.dtype} {found.shape} for {expected.dtype} {expected.shape}"
    if found.dtype.kind == "c":
        parts = ((found.real, expected.real), (found.imag, expected.imag))
        return next((text for x, y in parts if (text := _differ(x, y, ulps, each))), "")
    if found.dtype.kind != "f" or not found.size:
        return "" if np.array_equal(found, expected) else "other integers"
    if not np.array_equal(np.isnan(found), np.isnan(expected)):
        return f"NaN at other places: {found} for {expected}"
    found, expected = (x[~np.isnan(expected)] for x in (found, expected))
    zeros = (found == 0) & (expected == 0)
    if ulps < SUMS and np.any(np.signbit(found[zeros]) != np.signbit(expected[zeros])):
        return "another sign of zero"
    infinite = np.isinf(found) | np.isinf(expected)
    if np.any(found[infinite] != expected[infinite]):
        return f"other infinities: {found[infinite]} for {expected[infinite]}"
    found, expected = found[~infinite], expected[~infinite]
    if not found.size:
        return ""
    with np.errstate(over="ignore"):
        places = np.spacing(np.maximum(abs(found), abs(expected)))
        error = np.max(abs(found - expected) / (places if each else np.max(places)), initial=0)
    return "" if error <= ulps else f"{error:.3g} units of the last place"


def _all_differ(call, found, expected, path):
    if len(found) != len(expected):
        return [f"{call.name}, {path}: {found} for {expected}"]
    ulps = 0 if call.module in EXACT else SUMS
    texts = [_differ(x, y, ulps, False) for x, y in zip(found, expected, strict=True)]
    return [f"{call.name} ({call.arrays[0].dtype}), {path}: {text}" for text in texts if text]


def _special_differ(call, found, expected, path):
    if len(found) != len(expected):
        return [f"{call.name}, {path}: {found} for {expected}"]
    ulps = 0 if call.module in EXACT else ELEMENTWISE
    ulps = next((n for name, n in TAILS.items() if name in call.name.lower()), ulps)
    if call.module == "ops.test_einsum":
        ulps = SUMS  # a product by einsum may be added to 0, which -0 does not survive
    texts = [_differ(x, y, ulps, True) for x, y in zip(found, expected, strict=True)]
    return [f"{call.name} special ({call.arrays[0].dtype}), {path}: {text}"
            for text in texts if text]  # fmt: skip


def _report(failures):
    assert not failures, f"{len(failures)}:\n" + "\n".join(text[:400] for text in failures[:40])


@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(dtype):
    failures = []
    for i, (name, call) in enumerate(calls(dtype).items()):
        if name.startswith("view "):
            continue  # reinterprets memory, which must be contiguous
        expected = values(call)
        for layout in LAYOUTS if THOROUGH else [list(LAYOUTS)[i % 3]]:
            found = values(call, LAYOUTS[layout])
            failures += _all_differ(call, found, expected, layout)
        if elementwise(name, dtype):
            ones = special(call)
            found = values(ones, _strided)
            failures += _special_differ(ones, found, values(ones), "strided")
    _report(failures)


@built
@pytest.mark.parametrize("dtype", DTYPES)
def test_without_loops(dtype):
    failures = []
    for name, call in calls(dtype).items():
        expected = values(call)
        with loops.turned_off():
            failures += _all_differ(call, values(call), expected, "without loops")
        if elementwise(name, dtype):
            ones = special(call)
            expected = values(ones)
            with loops.turned_off():
                failures += _special_differ(ones, values(ones), expected, "without loops")
    _report(failures)


def test_pure_python(tmp_path):
    file = tmp_path / "values.pickle"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.sweeps.paths", str(file)],
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TENSORXP_PURE_PYTHON": "1", "TENSORXP_LOOPS": "0",
             "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    others = pickle.loads(file.read_bytes())
    failures = []
    for dtype in DTYPES:
        for name, call in calls(dtype).items():
            failures += _all_differ(call, others[name, dtype], values(call), "pure Python")
            if elementwise(name, dtype):
                ones = special(call)
                found = others[name, dtype, "special"]
                failures += _special_differ(ones, found, values(ones), "pure Python")
    _report(failures)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batches_small_and_large(dtype):
    failures, covered = [], 0
    chosen = list(calls(dtype).items())[:: 1 if THOROUGH else 5]
    for name, call in chosen:
        axis = separate(name, dtype)
        if axis is None:
            continue
        covered += 1
        times = 2 * loops.LARGE // max(a.size for a in call.arrays) + 1
        pairs = repeated(call, values(call), times, axis)
        assert pairs is not None, name
        found, expected = zip(*pairs, strict=True)
        failures += _all_differ(call, found, expected, "within a large array")
    assert covered > len(chosen) // 2, "few functions can be repeated: the test has become blind"
    _report(failures)


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values_within_a_large_array(dtype):
    failures, covered = [], 0
    for name, call in calls(dtype).items():
        if not elementwise(name, dtype):
            continue
        covered += 1
        ones = special(call)
        base = values(ones)
        if isinstance(base[0], type):
            continue
        pairs = repeated(ones, base, 2 * loops.LARGE // ones.arrays[0].size + 1, False)
        assert pairs is not None, name
        found, expected = zip(*pairs, strict=True)
        failures += _special_differ(ones, found, expected, "within a large array")
    assert covered > 250, "few functions are elementwise: the test has become blind"
    _report(failures)


@built
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads(dtype):
    # how many threads share an array does not change how it is divided
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 700)).astype(dtype)
    F = xp.nn.functional
    functions = {
        "sum": xp.sum, "mean": lambda x: xp.mean(x, axis=0), "var": lambda x: xp.var(x, axis=1),
        "std": xp.std, "erf": xp.special.erf, "gelu": F.gelu, "silu": F.silu, "relu": F.relu,
        "sigmoid": F.sigmoid, "softmax": lambda x: F.softmax(x, 1),
        "log_softmax": lambda x: F.log_softmax(x, 1),
        "logsumexp": lambda x: xp.special.logsumexp(x, axis=1),
        "layer_norm": lambda x: F.layer_norm(x, (700,)),
        "cross_entropy": lambda x: F.cross_entropy(x, xp.arange(300)),
    }  # fmt: skip

    def run(function):
        leaf = xp.asarray(x, requires_grad=True)
        out = function(leaf)
        xp.sum(out * out).backward()
        return out.detach().numpy(), leaf.grad.numpy()

    before = loops.set_threads(1)
    try:
        alone = {name: run(function) for name, function in functions.items()}
        for count in (2, 5):
            loops.set_threads(count)
            for name, function in functions.items():
                for found, expected in zip(run(function), alone[name], strict=True):
                    np.testing.assert_array_equal(found, expected, err_msg=f"{name}, {count}")
    finally:
        loops.set_threads(before)


REDUCTIONS = ("sum", "prod", "mean", "max", "min", "var", "std", "any", "all")


@pytest.mark.parametrize("name", [*REDUCTIONS, "norm"])
def test_reductions_of_special_values(name):
    # the same elements at every size, as rows and as columns, packed and strided
    function = xp.linalg.vector_norm if name == "norm" else getattr(xp, name)
    rows = [
        [np.inf, 1.0], [np.inf, -np.inf], [np.nan, 1.0], [-0.0, -0.0], [0.0, -0.0], [3e38, 3e38],
        [-3e38, -3e38, 3e38], [1e-45, 1e-45], [1e-40, -1e-45], [1e30, -1e30], [1.0, np.nan, np.inf],
    ]  # fmt: skip
    for dtype in (np.float32, np.float64):
        for row in rows:
            with np.errstate(all="ignore"):
                row = np.array(row, dtype)
                seen = {}
                for times in (1, 3, 100, 600):
                    n = len(row)
                    many = np.tile(row, (times, 1))  # each row by itself: `times` results
                    lines = np.ascontiguousarray(many.T)  # each column
                    wide = np.zeros((times, 2 * n), dtype)[:, ::2]
                    wide[...] = many
                    for path, a, axis in (
                        ("rows", many, 1), ("columns", lines, 0), ("strided", wide, 1),
                    ):  # fmt: skip
                        seen[path, times] = function(xp.asarray(a, copy=False), axis=axis).numpy()
                    with loops.turned_off():
                        seen["no loops", times] = function(xp.asarray(many), axis=1).numpy()
            first = seen["rows", 1][0]
            for path, found in seen.items():
                for value in found:
                    same = np.isnan(value) and np.isnan(first)
                    with np.errstate(over="ignore", invalid="ignore"):
                        close = value != first and abs(value - first) <= 2 * np.spacing(abs(first))
                    assert same or value == first or close, (row, dtype, path, value, first)
                    if name not in ("max", "min"):  # of 0.0 and -0.0 either is the largest
                        assert same or np.signbit(value) == np.signbit(first), (row, path)
