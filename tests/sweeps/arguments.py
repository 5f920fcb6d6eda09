"""Random legal arguments of methods and functions that NumPy has too, and how results compare."""

import os
from zlib import crc32

import numpy as np

import tensorxp as xp

SHAPES = [(), (1,), (5,), (2, 3), (3, 0), (2, 1, 3)]
DTYPES = ["bool", "uint8", "int16", "int64", "float16", "float32", "float64",
          "complex64", "complex128"]  # fmt: skip
#: Of sums and products, which NumPy rounds in the dtype and we accumulate wider.
TOLERANCE = {"float16": 4e-3, "float32": 2e-6, "complex64": 2e-6}


def sample(rng, dtype, shape):
    """Return numbers around zero with repetitions, so that there are ties."""
    numbers = rng.integers(-3, 4, shape) if dtype[0] == "i" else rng.integers(0, 5, shape)
    if dtype[0] in "fc":
        numbers = numbers + rng.integers(0, 4, shape) / 4 - 1.5
    if dtype[0] == "c":
        numbers = numbers + 1j * rng.integers(-2, 3, shape)
    return np.asarray(numbers).astype(dtype)


def axis_of(rng, a, several=False):
    """Return an axis, perhaps negative, perhaps None, perhaps several."""
    if not a.ndim or rng.random() < 0.25:
        return None
    if several and rng.random() < 0.3:
        return tuple(rng.permutation(a.ndim)[: rng.integers(1, a.ndim + 1)].tolist())
    return int(rng.integers(-a.ndim, a.ndim))


def index_of(rng, a):
    return int(rng.integers(-a.ndim, a.ndim)) if a.ndim else None


def reduced(*words):
    """Return a sampler of the arguments of reductions."""

    def arguments(rng, a):
        axis = axis_of(rng, a, several=True)
        kwargs = {"keepdims": bool(rng.random() < 0.5)} if rng.random() < 0.6 else {}
        if "ddof" in words and rng.random() < 0.5:
            kwargs["ddof"] = int(rng.integers(0, 2))
        if "dtype" in words and rng.random() < 0.4:
            kwargs["dtype"] = "complex128" if a.dtype.kind == "c" else "float64"
        if "initial" in words and rng.random() < 0.3:
            kwargs["initial"] = 3
        if "where" in words and rng.random() < 0.3:
            kwargs["where"] = rng.random(a.shape) < 0.7
        return ((axis,), kwargs) if rng.random() < 0.5 else ((), {"axis": axis, **kwargs})

    return arguments


def one_axis(*words):
    def arguments(rng, a):
        axis = axis_of(rng, a)
        kwargs = {"keepdims": True} if "keepdims" in words and rng.random() < 0.5 else {}
        if "dtype" in words and rng.random() < 0.4:
            kwargs["dtype"] = "complex128" if a.dtype.kind == "c" else "float64"
        return ((axis,), kwargs) if rng.random() < 0.5 else ((), {"axis": axis, **kwargs})

    return arguments


def none(rng, a):
    return (), {}


def clipped(rng, a):
    if a.dtype.kind == "c":
        return None
    low = [None, 0, 1, 0.5, a.dtype.type(1)][rng.integers(5)]
    high = [None, 2, 3, 1.5, np.ones(a.shape, a.dtype)][rng.integers(5)]
    if low is None and high is None:
        high = 2
    return ((low, high), {}) if rng.random() < 0.5 else ((), {"min": low, "max": high})


def rounded(rng, a):
    places = int(rng.integers(-2, 3))
    return ((places,), {}) if rng.random() < 0.5 else ((), {"decimals": places})


def taken(rng, a):
    axis = axis_of(rng, a)
    n = a.size if axis is None else a.shape[axis]
    if not n:
        return None
    indices = rng.integers(-n, n, [(), (3,), (2, 2)][rng.integers(3)])
    indices = [indices, indices.tolist(), int(indices.flat[0])][rng.integers(3)]
    return ((indices, axis), {}) if rng.random() < 0.5 else ((indices,), {"axis": axis})


def repeated(rng, a):
    axis = axis_of(rng, a)
    n = a.size if axis is None else a.shape[axis]
    repeats = [2, 0, rng.integers(0, 3, n), rng.integers(0, 3, n).tolist()][rng.integers(4)]
    return ((repeats, axis), {}) if rng.random() < 0.5 else ((repeats,), {"axis": axis})


def sorted_(rng, a):
    return ((), {}) if not a.ndim or rng.random() < 0.3 else ((), {"axis": index_of(rng, a)})


def shaped(rng, a):
    sizes = rng.permutation(a.shape).tolist()
    choice = rng.integers(3)
    if rng.random() < 0.3 and a.size:
        return (-1,), {}
    return [((tuple(sizes),), {}), (tuple(sizes) or ((),), {}), ((sizes,), {})][choice]


def permuted(rng, a):
    order = tuple(rng.permutation(a.ndim).tolist())
    choice = rng.integers(4)
    if choice == 0 or len(order) == 2:  # two ints swap, as in PyTorch
        return (), {}
    return [((order,), {}), (order, {}), ((None,), {})][choice - 1]


def squeezed(rng, a):
    ones = [i for i, n in enumerate(a.shape) if n == 1]
    return [((), {}), ((tuple(ones),), {}), ((), {"axis": ones[0] if ones else None})][
        rng.integers(3)
    ]


def swapped(rng, a):
    return ((index_of(rng, a), index_of(rng, a)), {}) if a.ndim else None


def diagonals(rng, a):
    if a.ndim < 2:
        return None
    axes = rng.permutation(a.ndim)[:2].tolist()
    offset = int(rng.integers(-2, 3))
    return [((), {}), ((offset,), {}), ((offset, *axes), {})][rng.integers(3)]


def cast(rng, a):
    target = ["complex128", "bool"] if a.dtype.kind == "c" else DTYPES
    return (target[rng.integers(len(target))],), {}


def viewed(rng, a):
    return (a.dtype,), {}


def dotted(rng, a):
    if not a.ndim:
        return (a,), {}
    return (sample(rng, a.dtype.name, [(a.shape[-1],), (a.shape[-1], 2)][rng.integers(2)]),), {}


def other(rng, a):
    return (sample(rng, a.dtype.name, a.shape[rng.integers(a.ndim + 1) :]),), {}


COUNT = 20 if os.environ.get("TENSORXP_THOROUGH") == "1" else 2


def cases(name, sampler):
    """Yield arrays and legal arguments."""
    rng = np.random.default_rng(crc32(name.encode()))
    for dtype in DTYPES:
        for shape in SHAPES:
            for _ in range(COUNT):
                a = sample(rng, dtype, shape)
                drawn = sampler(rng, a)
                if drawn is not None:
                    yield a, *drawn


def as_tensors(value):
    return xp.asarray(value) if isinstance(value, np.ndarray) and value.dtype.kind != "b" else value


def outcome(call):
    """Return the result of a call, or its error."""
    try:
        with np.errstate(all="ignore"):
            return call()
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError, KeyError) as error:
        return error


def assert_same(found, expected, name, told):
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), (told, expected, found)
        assert not isinstance(found, AttributeError | KeyError), (told, found)
        return
    assert not isinstance(found, Exception), (told, found)
    if isinstance(expected, np.dtype):
        assert found == expected, told
        return
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected), told
        for ours, theirs in zip(found, expected, strict=True):
            assert_same(ours, theirs, name, told)
        return
    if isinstance(found, xp.Tensor):
        found = found.numpy()
    expected = expected.numpy() if isinstance(expected, xp.Tensor) else np.asarray(expected)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), told
    rtol = TOLERANCE.get(found.dtype.name, 1e-12)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol, err_msg=str(told))
