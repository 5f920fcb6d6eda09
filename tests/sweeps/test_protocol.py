"""`np.f(t)` gives what `np.f(array)` gives: every function and ufunc that we take from NumPy.

For random legal arguments, in value, dtype, shape and number of outputs; for illegal ones an error
of NumPy's type, and nothing changed.
"""

from operator import attrgetter

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._numpy import calls
from tests.sweeps.arguments import (
    as_tensors,
    assert_same,
    axis_of,
    cases,
    clipped,
    diagonals,
    dotted,
    index_of,
    one_axis,
    other,
    outcome,
    permuted,
    reduced,
    repeated,
    rounded,
    sample,
    shaped,
    sorted_,
    squeezed,
    swapped,
    taken,
)  # fmt: skip


def square(rng, a):
    """Return a well-conditioned matrix in place of the array, or a stack of them."""
    if a.dtype.kind not in "fc" or a.dtype.itemsize == 2 or a.ndim > 2:
        return None
    n, lead = 3, a.shape[:1] if a.ndim == 2 else ()
    return sample(rng, a.dtype.name, (*lead, n, n)) + a.dtype.type(9) * np.eye(n, dtype=a.dtype)


def on_matrix(*more, **words):
    def arguments(rng, a):
        m = square(rng, a)
        return None if m is None else ((m, *more), words)

    return arguments


def hermitian(*more, **words):
    def arguments(rng, a):
        m = square(rng, a)
        return None if m is None else ((m + np.conj(np.swapaxes(m, -1, -2)), *more), words)

    return arguments


def with_right_side(rng, a):
    m = square(rng, a)
    if m is None:
        return None
    return (m, sample(rng, a.dtype.name, (3,) if m.ndim == 2 else (*m.shape[:-1], 2))), {}


def of(*more, ndim=0, kinds="biufc", size=0, **words):
    """Return a sampler: the array, then these arguments."""

    def arguments(rng, a):
        if a.ndim < ndim or a.dtype.kind not in kinds or a.size < size:
            return None
        return (a, *more), words

    return arguments


def behind(sampler):
    """Return a sampler of a function from that of a method."""

    def arguments(rng, a):
        drawn = sampler(rng, a)
        return None if drawn is None else ((a, *drawn[0]), drawn[1])

    return arguments


def twice(rng, a):
    return (a, *other(rng, a)[0]), {}


def behind_floats(rng, a):
    """Return samples along an axis; of bools NumPy's sums are no numbers."""
    return ((a,), {"axis": index_of(rng, a)}) if a.ndim and a.dtype.kind != "b" else None


def listed(count=2, ndim=0, least=0):
    def arguments(rng, a):
        if a.ndim < ndim:
            return None
        kwargs = {"axis": int(rng.integers(-a.ndim, a.ndim))} if least else {}
        return ([sample(rng, a.dtype.name, a.shape) for _ in range(count)],), kwargs

    return arguments


def along(*more, **words):
    def arguments(rng, a):
        return ((a, *more), {"axis": index_of(rng, a), **words}) if a.ndim else None

    return arguments


def flat(rng, a):
    return sample(rng, a.dtype.name, (5,))


def quantiles(scale):
    def arguments(rng, a):
        if a.dtype.kind == "c" or not a.size or a.dtype.kind == "b":
            return None
        q = [0.25 * scale, [0.0, 0.5 * scale], 1 * scale][rng.integers(3)]
        method = ["linear", "lower", "higher", "midpoint", "nearest"][rng.integers(5)]
        return (a, q), {"axis": axis_of(rng, a), "method": method}

    return arguments


def signals(rng, a):
    mode = ["full", "same", "valid"][rng.integers(3)]
    return (flat(rng, a), sample(rng, a.dtype.name, (int(rng.integers(1, 5)),)), mode), {}


def real_axis(rng, a):
    if a.dtype.kind == "c" or not a.size:
        return None
    return (rng.random(4) * 6, np.arange(5.0), flat(rng, a)), {}


def padded(rng, a):
    mode = ["constant", "edge", "reflect", "symmetric", "wrap"][rng.integers(5)]
    if not a.size or not a.ndim:
        return None
    return (a, [1, (0, 2), [(1, 0)] * a.ndim][rng.integers(3)], mode), {}


def rolled(rng, a):
    return (a, int(rng.integers(-3, 4))), {"axis": axis_of(rng, a)}


def flipped(rng, a):
    return (a,), {"axis": axis_of(rng, a, several=True)}


def split(rng, a):
    if a.ndim < 1:
        return None
    return (a, [1, [1, 2]][rng.integers(2)]), {"axis": index_of(rng, a)}


def transformed(rng, a):
    if a.ndim < 1 or a.dtype == np.float16 or not a.shape[-1]:
        return None
    n = [None, 4][rng.integers(2)]
    return (a, n), {"norm": [None, "ortho", "forward"][rng.integers(3)]}


def real_transformed(rng, a):
    return None if a.dtype.kind == "c" else transformed(rng, a)


def transformed_n(rng, a):
    return None if a.ndim < 2 or a.dtype == np.float16 or not a.size else ((a,), {})


def real_transformed_n(rng, a):
    return None if a.dtype.kind == "c" else transformed_n(rng, a)


def chosen(rng, a):
    return (rng.random(a.shape) < 0.5, a, *other(rng, a)[0]), {}


def searched(rng, a):
    if a.dtype.kind == "c":
        return None
    return (np.sort(flat(rng, a)), a), {"side": ["left", "right"][rng.integers(2)]}


def vectors(rng, a):
    return None if a.dtype.kind == "b" else (
        (sample(rng, a.dtype.name, (2, 3)), sample(rng, a.dtype.name, (3,))), {}
    )  # fmt: skip


def products(rng, a):
    """Return square matrices or, as they fit, vectors for matmul, matvec and the like."""
    return (sample(rng, a.dtype.name, (3, 3)), sample(rng, a.dtype.name, (3, 3))), {}


def inserted(rng, a):
    if not a.ndim:
        return None
    axis = index_of(rng, a)
    return (a, int(rng.integers(0, a.shape[axis] + 1)), 1), {"axis": axis}


def deleted(rng, a):
    if not a.ndim:
        return None
    axis = index_of(rng, a)
    n = a.shape[axis]
    return ((a, [int(rng.integers(n)), [0, -1]][rng.integers(2)]), {"axis": axis}) if n else None


def weighted(rng, a):
    if not a.size or not a.ndim:
        return None
    weights = np.abs(sample(rng, "float64", a.shape)) + 0.5
    return (a,), {"weights": [None, weights][rng.integers(2)], "axis": axis_of(rng, a)}


def spread(rng, a):
    if a.dtype.kind == "b":
        return None
    return ((a,), {"axis": index_of(rng, a)}) if a.ndim and min(a.shape) >= 2 else None


def varied(rng, a):
    return ((sample(rng, a.dtype.name, (3, 4)),), {}) if a.dtype.kind != "b" else None


def filled(rng, a):
    return (a, [2, 1.5, True][rng.integers(3)]), {}


def likened(rng, a):
    return (a,), [{}, {"dtype": "float32"}, {"shape": (2, 2)}][rng.integers(3)]


def pieces(rng, a):
    if a.dtype.kind == "c":
        return None
    return (a, [a > 1, a < 0], [1, 2, 3]), {}


def picked(rng, a):
    if a.dtype.kind == "c":
        return None
    return ([a > 1, a < 0], [a, a], 1), {}


def along_axis(rng, a):
    if not a.ndim or not a.size:
        return None
    axis = index_of(rng, a)
    return (a, rng.integers(-a.shape[axis], a.shape[axis], a.shape)), {"axis": axis}


REDUCED = behind(reduced("dtype", "initial", "where"))
PLAIN = behind(reduced())
FUNCTIONS = {
    "all": behind(reduced("where")), "any": behind(reduced("where")), "allclose": twice,
    "amax": behind(reduced("initial")), "amin": behind(reduced("initial")),
    "angle": of(), "append": twice, "argmax": behind(one_axis("keepdims")),
    "argmin": behind(one_axis("keepdims")), "argsort": behind(sorted_), "argwhere": of(ndim=1),
    "around": behind(rounded), "round": behind(rounded), "array_equal": twice,
    "array_equiv": twice, "array_split": split, "astype": of("complex128"),
    "atleast_1d": of(), "atleast_2d": of(), "atleast_3d": of(), "average": weighted,
    "block": listed(), "broadcast_arrays": twice, "broadcast_to": of((2, 2, 1, 3), kinds="f"),
    "clip": behind(clipped), "column_stack": listed(ndim=1),
    "compress": along([True], ndim=1), "concat": listed(ndim=1, least=1),
    "concatenate": listed(ndim=1, least=1), "convolve": signals, "correlate": signals,
    "copy": of(), "corrcoef": varied, "cov": varied,
    "count_nonzero": PLAIN, "cross": vectors, "cumprod": behind(one_axis("dtype")),
    "cumsum": behind(one_axis("dtype")), "cumulative_prod": along(),
    "cumulative_sum": along(include_initial=True), "delete": deleted, "diag": of(1, ndim=1),
    "diagflat": of(1), "diagonal": behind(diagonals), "diff": along(), "dot": behind(dotted),
    "dsplit": of([1], ndim=3), "dstack": listed(), "ediff1d": of(),
    "expand_dims": of((0, -1)), "extract": lambda rng, a: ((a > 1, a), {}),
    "fix": of(kinds="iuf"), "flatnonzero": of(), "flip": flipped, "fliplr": of(ndim=2),
    "flipud": of(ndim=1), "full_like": filled, "gradient": spread, "hsplit": of([1], ndim=2),
    "hstack": listed(ndim=1), "imag": of(), "inner": lambda rng, a: ((a, a), {}),
    "insert": inserted, "interp": real_axis, "isclose": twice, "iscomplexobj": of(), "isin": twice,
    "isrealobj": of(), "kron": twice, "matrix_transpose": of(ndim=2),
    "max": behind(reduced("initial")), "min": behind(reduced("initial")),
    "mean": behind(reduced("dtype", "where")), "median": PLAIN,
    "meshgrid": lambda rng, a: ((flat(rng, a), flat(rng, a)), {}), "moveaxis": of(0, -1, ndim=1),
    "nan_to_num": of(), "nancumprod": of(), "nancumsum": of(), "nanmax": PLAIN, "nanmean": PLAIN,
    "nanmedian": PLAIN, "nanmin": PLAIN, "nanprod": PLAIN, "nanstd": PLAIN, "nansum": PLAIN,
    "nanvar": PLAIN, "ndim": of(), "nonzero": of(ndim=1), "ones_like": likened,
    "zeros_like": likened, "outer": twice, "pad": padded, "percentile": quantiles(100),
    "quantile": quantiles(1), "permute_dims": behind(permuted), "piecewise": pieces,
    "polyval": lambda rng, a: ((flat(rng, a)[:3], a), {}), "prod": REDUCED, "ptp": PLAIN,
    "ravel": of(), "real": of(), "repeat": behind(repeated), "reshape": behind(shaped),
    "result_type": twice, "roll": rolled, "rollaxis": of(-1, ndim=1), "rot90": of(1, ndim=2),
    "searchsorted": searched, "select": picked, "shape": of(), "sinc": of(kinds="iufc"),
    "size": of(), "sort": behind(sorted_), "split": split, "squeeze": behind(squeezed),
    "stack": listed(), "std": behind(reduced("ddof")), "sum": REDUCED,
    "swapaxes": behind(swapped), "take": behind(taken), "take_along_axis": along_axis,
    "tensordot": of(np.ones((3, 2)), 1, kinds="f", ndim=2), "tile": of((2, 1)),
    "trace": behind(diagonals), "transpose": behind(permuted), "trapezoid": behind_floats,
    "tril": of(1, ndim=2), "triu": of(-1, ndim=2), "unique": of(), "unique_all": of(),
    "unique_counts": of(), "unique_inverse": of(), "unstack": of(ndim=1),
    "vander": lambda rng, a: ((flat(rng, a),), {}), "var": behind(reduced("ddof")),
    "vdot": lambda rng, a: ((a, a), {}), "vsplit": of([1], ndim=2), "vstack": listed(),
    "where": chosen,
    **{f"linalg.{n}": on_matrix() for n in (
        "inv", "det", "slogdet", "svdvals", "matrix_rank", "matrix_norm", "matrix_transpose",
        "norm", "cond", "diagonal", "trace", "vector_norm", "pinv",
    )},
    "linalg.cholesky": on_matrix(), "linalg.cross": vectors, "linalg.matmul": with_right_side,
    "linalg.matrix_power": on_matrix(3), "linalg.outer": lambda rng, a: ((flat(rng, a),) * 2, {}),
    "linalg.solve": with_right_side, "linalg.eigvalsh": hermitian(),
    "linalg.multi_dot": lambda rng, a: (([np.ones((2, 3)), np.ones((3, 2)), np.ones(2)],), {}),
    "linalg.tensordot": of(np.ones((3, 2)), kinds="f", ndim=2, axes=1),
    "linalg.vecdot": twice,
    **{f"fft.{n}": transformed for n in ("fft", "ifft", "hfft", "irfft")},
    **{f"fft.{n}": real_transformed for n in ("rfft", "ihfft")},
    **{f"fft.{n}": transformed_n for n in ("fft2", "fftn", "ifft2", "ifftn", "irfft2", "irfftn")},
    **{f"fft.{n}": real_transformed_n for n in ("rfft2", "rfftn")},
    "fft.fftshift": of(), "fft.ifftshift": of(),
}  # fmt: skip
FUNCTIONS["linalg.cholesky"] = lambda rng, a: (
    None if (m := square(rng, a)) is None else ((m @ np.conj(np.swapaxes(m, -1, -2)),), {})
)

#: What is not unique, has no values, writes, or gives text; tested in test_numpy_protocols.
APART = {
    "array2string", "array_repr", "array_str", "copyto", "einsum", "empty_like",
    "may_share_memory", "shares_memory", "unique_values",
    "linalg.eig", "linalg.eigh", "linalg.eigvals", "linalg.qr", "linalg.svd",
}  # fmt: skip

UFUNCS = sorted({f.__name__ for f in vars(np).values() if isinstance(f, np.ufunc)})
#: The standard's values, not NumPy's (floor_divide with infinities and the like need no exception
#: here: their arguments are finite).


def test_every_function_is_compared():
    calls.find_function("sum")
    assert set(calls._functions) == set(FUNCTIONS) | APART


def compare(name, function, a, args, kwargs):
    """Compare a call with Tensors for arrays; with those of numbers, masks stay arrays."""
    stable = {"kind": "stable"} if name == "argsort" else {}
    expected = outcome(lambda: function(*args, **kwargs, **stable))
    ours = [
        [as_tensors(v) for v in arg] if isinstance(arg, list) else as_tensors(arg) for arg in args
    ]
    if not any(isinstance(v, xp.Tensor) for v in ours if not isinstance(v, list)):
        ours = [xp.asarray(v) if isinstance(v, np.ndarray) else v for v in ours]
    found = outcome(lambda: function(*ours, **{k: as_tensors(v) for k, v in kwargs.items()}))
    assert_same(found, expected, name, (name, args, kwargs))
    if isinstance(expected, Exception):
        kinds = (TypeError, ValueError, IndexError)
        assert any(isinstance(found, k) and isinstance(expected, k) for k in kinds), (
            name, args, kwargs, found, expected,
        )  # fmt: skip


@pytest.mark.filterwarnings(
    "ignore:::numpy", "ignore::RuntimeWarning", "ignore:numpy.fix is deprecated:DeprecationWarning"
)
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function(name):
    function = attrgetter(name)(np)
    for a, args, kwargs in cases(name, FUNCTIONS[name]):
        compare(name, function, a, args, kwargs)


@pytest.mark.filterwarnings("ignore:::numpy", "ignore::RuntimeWarning")
@pytest.mark.parametrize("name", UFUNCS)
def test_ufunc(name):
    function = getattr(np, name)
    matrix = function.signature is not None
    for a, args, _ in cases(name, products if matrix else twice):
        args = args[: function.nin]
        compare(name, function, a, args, {})
        if function.nin == 2 and a.dtype.kind in "if" and not matrix:
            compare(name, function, a, (args[0], 2), {})


BAD = [object(), "abc", None, 99, -99, (7, 7), [1.5], {}, np.ones((5, 7, 3)), xp.ones((5, 7, 3))]


@pytest.mark.filterwarnings(
    "ignore:::numpy", "ignore::RuntimeWarning", "ignore::DeprecationWarning"
)
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_illegal_arguments(name):
    """Where NumPy raises we raise; only errors of the types that it raises."""
    function = attrgetter(name)(np)
    rng = np.random.default_rng(0)
    for a, args, kwargs in list(cases(name, FUNCTIONS[name]))[::7]:
        before = a.copy()
        for bad in BAD:
            given, words = list(args), dict(kwargs)
            place = rng.integers(len(given) + len(words) + 1)
            if place < len(given):
                given[place] = bad
            elif place - len(given) < len(words):
                words[list(words)[place - len(given)]] = bad
            else:
                words["axis"] = bad
            raw = [v.numpy() if isinstance(v, xp.Tensor) else v for v in given]
            raw_words = {k: v.numpy() if isinstance(v, xp.Tensor) else v for k, v in words.items()}
            expected = outcome(lambda: function(*raw, **raw_words))  # noqa: B023
            ours = [xp.asarray(v) if isinstance(v, np.ndarray) else v for v in given]
            found = outcome(lambda: function(*ours, **words))  # noqa: B023
            if isinstance(expected, AttributeError | KeyError):  # of NumPy, by accident
                continue
            if isinstance(expected, Exception) and any(isinstance(v, xp.Tensor) for v in ours):
                assert isinstance(found, Exception), (name, given, words, expected, found)
            assert not isinstance(found, AttributeError | KeyError), (name, given, words, found)
        np.testing.assert_array_equal(a, before)
