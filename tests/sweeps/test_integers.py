"""Integers of every width over their full range, for every function that takes them.

The reference is Python's own integers: exact where the dtype holds the result, modulo 2**bits
where NumPy wraps. What goes into a tensor keeps its value or raises an OverflowError.
"""

import operator
import os
from collections.abc import Callable
from fractions import Fraction
from functools import partial, reduce
from itertools import accumulate, pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorxp as xp

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
EXAMPLES = 2000 if os.environ.get("TENSORXP_THOROUGH") else 60

integers = pytest.mark.parametrize("dtype", INTEGERS)


def edges(dtype: str) -> list[int]:
    """Return the integers where something may go wrong: the ends of the dtype, zero, powers."""
    held = np.iinfo(dtype)
    near = {-1, 0, 1, 2, 3, 7, 64, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1}
    ends = {held.min, held.min + 1, held.max // 2, held.max // 2 + 1, held.max - 1, held.max}
    rng = np.random.default_rng(0)
    drawn = {int(n) for n in rng.integers(held.min, held.max, 6, dtype=dtype, endpoint=True)}
    return sorted(n for n in near | ends | drawn if held.min <= n <= held.max)


def wrapped(value: int, dtype: Any) -> int:
    """Return `value` modulo 2**bits within the range of the dtype."""
    held = np.iinfo(np.dtype(str(dtype)))
    return (value - held.min) % 2**held.bits + held.min


def column(dtype: str, *others: Any) -> Any:
    return xp.asarray(np.array(edges(dtype), dtype=dtype), *others)


# into a tensor and out of it

numbers = st.one_of(
    st.integers(-(2**65), 2**65),
    st.sampled_from([0, 1, -1, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, -(2**63)]),
    st.booleans(),
    st.floats(width=32),
)
lists = st.recursive(
    st.lists(numbers, min_size=2, max_size=2), lambda inner: st.lists(inner, min_size=2, max_size=2)
).filter(lambda obj: _is_regular(obj))


def _is_regular(obj: Any) -> bool:
    if not isinstance(obj, list):
        return True
    depths = {_depth(item) for item in obj}
    return len(depths) == 1 and all(_is_regular(item) for item in obj)


def _depth(obj: Any) -> int:
    return 1 + max(map(_depth, obj)) if isinstance(obj, list) else 0


def _flat(obj: Any) -> list[Any]:
    return [x for item in obj for x in _flat(item)] if isinstance(obj, list) else [obj]


def _tried(call: Callable[[], Any]) -> Any:
    with np.errstate(all="ignore"):
        try:
            return call()
        except (OverflowError, ValueError, TypeError) as error:
            return type(error)


@settings(max_examples=EXAMPLES, deadline=None)
@given(numbers | lists, st.sampled_from([*INTEGERS, "float32", "float64", "complex128", "bool"]))
def test_lists_become_what_numpy_makes_of_them(obj, dtype):
    expected = _tried(lambda: np.asarray(obj, dtype=dtype))
    found = _tried(lambda: xp.asarray(obj, dtype=dtype).numpy())
    if isinstance(expected, type):
        assert found is expected
        return
    if dtype == "float32":  # NumPy rounds integers twice, by way of float64
        np.testing.assert_allclose(found, expected, rtol=2e-7)
        return
    np.testing.assert_array_equal(found, expected, strict=True)


@settings(max_examples=EXAMPLES, deadline=None)
@given(numbers | lists)
def test_lists_without_a_dtype_are_exact(obj):
    expected = np.asarray(obj)
    found = _tried(lambda: xp.asarray(obj).numpy())
    flat = _flat(obj)
    if all(isinstance(n, int) for n in flat) and expected.dtype.kind != "b":
        if -(2**63) <= min(flat) and max(flat) < 2**63:
            assert found.dtype == np.int64
        elif min(flat) >= 0 and max(flat) < 2**64:
            assert found.dtype == np.uint64  # NumPy makes floats of small and large together
        else:
            assert found is OverflowError
            return
        assert _flat(found.tolist()) == [int(n) for n in flat]
    elif expected.dtype == object:
        assert found is OverflowError
    else:
        np.testing.assert_array_equal(found, expected, strict=True)


def _set(key: Any, value: Any) -> Callable[[Any], Any]:
    def into(x: Any) -> Any:
        x[key] = value
        return x[0]

    return into


#: name → the value `n` by way of a tensor `x` of two zeros
WAYS: dict[str, Callable[[Any, int], Any]] = {
    "asarray": lambda x, n: xp.asarray(n, dtype=x.dtype),
    "a list": lambda x, n: xp.asarray([n, 0], dtype=x.dtype)[0],
    "nested lists": lambda x, n: xp.asarray([[0, 0], [n, 1]], dtype=x.dtype)[1, 0],
    "a tuple with floats": lambda x, n: xp.asarray((n, 0.5), dtype=x.dtype)[0],
    "a list with bools": lambda x, n: xp.asarray([True, n], dtype=x.dtype)[1],
    "a list with Tensors": lambda x, n: xp.asarray([x[0], n, 0.5], dtype=x.dtype)[1],
    "nested with Tensors": lambda x, n: xp.asarray([[x[0], 1], [n, 1]], dtype=x.dtype)[1, 0],
    "a list with arrays": lambda x, n: xp.asarray([np.zeros(2), [n, 1]], dtype=x.dtype)[1, 0],
    "range": lambda x, n: xp.asarray(range(n, n + 1), dtype=x.dtype)[0],
    "tensor": lambda x, n: xp.tensor([n, 0], dtype=x.dtype)[0],
    "full": lambda x, n: xp.full((2,), n, dtype=x.dtype)[0],
    "full_like": lambda x, n: xp.full_like(x, n)[0],
    "arange": lambda x, n: xp.arange(n, n + 1, dtype=x.dtype)[0],
    "arange up to it": lambda x, n: xp.arange(n - 2, n + 1, 2, dtype=x.dtype)[1],
    "linspace": lambda x, n: xp.linspace(n, 0, 3, dtype=x.dtype)[0],
    "linspace to it": lambda x, n: xp.linspace(0, n, 3, dtype=x.dtype)[2],
    "an element": lambda x, n: _set(0, n)(x),
    "elements": lambda x, n: _set(slice(None), n)(x),
    "elements of a list": lambda x, n: _set(slice(None), [n, 0])(x),
    "elements of a list with floats": lambda x, n: _set(slice(None), [n, 0.5])(x),
    "elements of a list with Tensors": lambda x, n: _set(slice(None), [n, x[1]])(x),
    "a mask": lambda x, n: _set(xp.asarray([True, False]), n)(x),
    "a mask of a list": lambda x, n: _set(xp.asarray([True, True]), [n, 0])(x),
    "indices": lambda x, n: _set(xp.asarray([0]), [n])(x),
    "fill_": lambda x, n: x.fill_(n)[0],
    "copy_": lambda x, n: x.copy_(xp.asarray([n, 0], dtype=x.dtype))[0],
    "masked_fill": lambda x, n: x.masked_fill(x == 0, n)[0],
    "index_add": lambda x, n: xp.index_add(x, 0, n)[0],
    "where x1": lambda x, n: xp.where(x == 0, n, x)[0],
    "where x2": lambda x, n: xp.where(x != 0, x, n)[0],
    "pad": lambda x, n: xp.pad(x, 1, constant_values=n)[0],
    "+": lambda x, n: (x + n)[0],
    "reflected +": lambda x, n: (n + x)[0],
    "-": lambda x, n: (n - x)[0],
    "*": lambda x, n: ((x + 1) * n)[0],
    "|": lambda x, n: (x | n)[0],
    "^": lambda x, n: (n ^ x)[0],
    "&": lambda x, n: (n & ~x if str(x.dtype) in SIGNED or n >= 0 else n & (x | n))[0],
    "//": lambda x, n: (n // (x + 1))[0],
    "+=": lambda x, n: operator.iadd(x, n)[0],
    "|=": lambda x, n: operator.ior(x, n)[0],
    "add": lambda x, n: xp.add(x, n)[0],
    "maximum and minimum": lambda x, n: (xp.maximum if n > 0 else xp.minimum)(x, n)[0],
    "fmax and fmin": lambda x, n: (xp.fmax if n > 0 else xp.fmin)(x, n)[0],
    "NumPy's add": lambda x, n: np.add(x, n)[0],
    "NumPy's full_like": lambda x, n: np.full_like(x, n)[0],
    "NumPy's where": lambda x, n: np.where(x == 0, n, x)[0],
    "NumPy's pad": lambda x, n: np.pad(x, 1, constant_values=n)[0],
}


@pytest.mark.parametrize("way", WAYS)
def test_python_integers_arrive_exactly(way):
    for dtype in INTEGERS:
        held = np.iinfo(dtype)
        beyond = [held.min - 1, held.max + 1, 2**64, -(2**64), 2**70]
        for n in edges(dtype) + [n for n in beyond if not held.min <= n <= held.max]:
            x = xp.zeros(2, dtype=dtype)
            if held.min <= n <= held.max:
                if way == "arange up to it" and n - 2 < held.min:
                    continue
                found = WAYS[way](x, n)
                assert found.dtype == np.dtype(dtype), (dtype, n)
                assert int(found) == n, (dtype, n)
                assert found.item() == n, (dtype, n)
            else:
                with pytest.raises(OverflowError):
                    WAYS[way](x, n)


COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_PYTHON = {
    "equal": operator.eq, "not_equal": operator.ne, "less": operator.lt, "less_equal": operator.le,
    "greater": operator.gt, "greater_equal": operator.ge,
}  # fmt: skip


@integers
def test_any_python_integer_compares_exactly(dtype):
    held, values = np.iinfo(dtype), edges(dtype)
    x = column(dtype)
    others = [*values, held.min - 1, held.max + 1, 2**64, -(2**64), 2**70, -(10**30)]
    for n in others:
        for name in COMPARISONS:
            compare, ours = _PYTHON[name], getattr(xp, name)
            assert ours(x, n).tolist() == [compare(v, n) for v in values], (name, n)
            assert ours(n, x).tolist() == [compare(n, v) for v in values], (name, n)
            assert compare(x, n).tolist() == [compare(v, n) for v in values], (name, n)
        assert xp.isin(x, n).tolist() == [v == n for v in values]
        assert bool(xp.isin(n, x)) == (n in values)
        for side in ("left", "right"):
            before = [v < n if side == "left" else v <= n for v in values]
            assert int(xp.searchsorted(x, n, side=side)) == sum(before)


# two tensors

_BINARY: dict[str, Callable[[int, int], int]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
    "maximum": max, "minimum": min, "fmax": max, "fmin": min,
    "floor_divide": lambda a, b: a // b if b else 0, "remainder": lambda a, b: a % b if b else 0,
}  # fmt: skip


@pytest.mark.parametrize("name", _BINARY)
def test_arithmetic_wraps_modulo_its_bits(name):
    for dtype in INTEGERS:
        values = edges(dtype)
        x = column(dtype)
        with np.errstate(all="ignore"):
            out = getattr(xp, name)(x[:, None], x[None, :])
        assert out.dtype == np.dtype(dtype)
        expected = [[wrapped(_BINARY[name](a, b), dtype) for b in values] for a in values]
        assert out.tolist() == expected, dtype


@integers
def test_powers_and_shifts(dtype):
    values, bits = edges(dtype), np.iinfo(dtype).bits
    x = column(dtype)
    exponents = [0, 1, 2, 3, 5, 31, 63, 64, 100]
    for n in exponents:
        assert xp.pow(x, n).tolist() == [wrapped(v**n, dtype) for v in values], n
        tensor = xp.asarray(n, dtype=dtype)
        assert (x**tensor).tolist() == [wrapped(v**n, dtype) for v in values], n
    for n in range(bits + 2):
        left, right = xp.bitwise_left_shift(x, n), xp.bitwise_right_shift(x, n)
        assert left.tolist() == [wrapped(v << n, dtype) for v in values], n
        assert right.tolist() == [v >> n for v in values], n
    if dtype in SIGNED:
        with pytest.raises(ValueError, match="negative integer powers"):
            xp.pow(x, -1)


_UNARY: dict[str, Callable[[int], int]] = {
    "negative": operator.neg, "positive": operator.pos, "abs": abs, "square": lambda a: a * a,
    "bitwise_invert": operator.invert, "sign": lambda a: (a > 0) - (a < 0), "floor": int,
    "ceil": int, "round": int, "trunc": int, "conj": int, "real": int,
}  # fmt: skip


@pytest.mark.parametrize("name", _UNARY)
def test_functions_of_one_integer(name):
    for dtype in INTEGERS:
        out = getattr(xp, name)(column(dtype))
        assert out.dtype == np.dtype(dtype)
        assert out.tolist() == [wrapped(_UNARY[name](v), dtype) for v in edges(dtype)], dtype


def test_tensors_of_two_dtypes_meet_in_one_that_holds_both():
    for first, second in product(INTEGERS, INTEGERS):
        x, y = column(first), column(second)
        a, b = edges(first), edges(second)
        common = np.result_type(first, second)
        for name in COMPARISONS:
            out = getattr(xp, name)(x[:, None], y[None, :])
            assert out.tolist() == [[_PYTHON[name](v, w) for w in b] for v in a], (first, second)
        assert xp.isin(x, y).tolist() == [v in b for v in a], (first, second)
        many = xp.tile(y, (64,))
        assert xp.isin(x, many).tolist() == [v in b for v in a], (first, second)
        for side in ("left", "right"):
            before = [sum(v < w if side == "left" else v <= w for v in a) for w in b]
            assert xp.searchsorted(x, y, side=side).tolist() == before, (first, second)
        held = xp.clip(x[:, None], y[None, :], None).tolist()
        low = np.iinfo(first)
        for v, row in zip(a, held, strict=True):
            for w, found in zip(b, row, strict=True):
                if low.min <= w <= low.max and abs(w) < 2**53:
                    assert found == max(v, w), (first, second)
        if common.kind != "f":
            total = xp.add(x[:, None], y[None, :])
            assert total.dtype == common
            assert total.tolist() == [[wrapped(v + w, common) for w in b] for v in a]
            both = xp.where(xp.asarray([[True], [False]]), x[0], y[0]).tolist()
            assert both == [[a[0]], [b[0]]]
            assert xp.concat([x, y]).tolist() == a + b


# over axes

_WIDE = {"u": "uint64", "i": "int64"}


@integers
def test_reductions(dtype):
    values = edges(dtype)
    x = column(dtype)
    wide = _WIDE[np.dtype(dtype).kind]
    product_of = reduce(operator.mul, values)
    for target, given_dtype in ((wide, None), (dtype, dtype), ("int64", "int64")):
        total = xp.sum(x, dtype=given_dtype)
        assert total.dtype == np.dtype(target)
        assert int(total) == wrapped(sum(values), target)
        assert int(xp.prod(x, dtype=given_dtype)) == wrapped(product_of, target)
        sums = [wrapped(n, target) for n in accumulate(values)]
        assert xp.cumulative_sum(x, dtype=given_dtype).tolist() == sums
        initial = xp.cumulative_sum(x, dtype=given_dtype, include_initial=True)
        assert initial.tolist() == [0, *sums]
        products = [wrapped(n, target) for n in accumulate(values, operator.mul)]
        assert xp.cumulative_prod(x, dtype=given_dtype).tolist() == products
    assert int(xp.max(x)) == max(values)
    assert int(xp.min(x)) == min(values)
    assert int(xp.argmax(x)) == len(values) - 1
    assert int(xp.argmin(x)) == 0
    assert int(xp.ptp(x)) == wrapped(max(values) - min(values), dtype)
    assert int(xp.nansum(x)) == wrapped(sum(values), wide)
    assert int(xp.nanmax(x)) == max(values)
    assert int(xp.nanmin(x)) == min(values)
    assert int(xp.count_nonzero(x)) == sum(v != 0 for v in values)
    assert bool(xp.any(x))
    assert not bool(xp.all(x))
    differences = [wrapped(b - a, dtype) for a, b in pairwise(values)]
    assert xp.diff(x).tolist() == differences


def _close(found: Any, expected: Fraction | float, scale: float) -> None:
    assert found.dtype == xp.float64
    assert abs(float(found) - float(expected)) <= 4e-15 * scale + 1e-300, (found, expected)


@integers
def test_statistics_compute_in_floats(dtype):
    values = edges(dtype)
    x, n = column(dtype), len(values)
    scale = float(max(abs(v) for v in values)) * n
    mean = Fraction(sum(values), n)
    variance = sum((v - mean) ** 2 for v in values) / n
    middle = Fraction(values[(n - 1) // 2] + values[n // 2], 2)
    _close(xp.mean(x), mean, scale)
    _close(xp.nanmean(x), mean, scale)
    _close(xp.var(x), variance, scale**2)
    _close(xp.std(x), float(variance) ** 0.5, scale)
    _close(xp.median(x), middle, scale)
    _close(xp.quantile(x, 0.5), middle, scale)
    _close(xp.percentile(x, 50), middle, scale)
    _close(xp.average(x), mean, scale)
    ones = xp.ones(n, dtype=dtype)
    _close(xp.average(x, weights=ones), mean, scale)
    squares = Fraction(sum(v * v for v in values), sum(values)) if sum(values) else None
    if squares is not None and np.dtype(dtype).kind == "u":
        _close(xp.average(x, weights=x), squares, scale)
    sides = sum(Fraction(a + b, 2) for a, b in pairwise(values))
    _close(xp.trapezoid(x), sides, scale)
    falling = column(dtype)[::-1]
    steps = pairwise(values[::-1])
    widths = sum(Fraction(a + b, 2) * (b - a) for a, b in steps)
    _close(xp.trapezoid(falling, falling), widths, scale**2)
    _close(xp.cov(x), variance * n / (n - 1), scale**2)
    _close(xp.corrcoef(x), 1.0, 1.0)
    pairs = xp.stack([x, falling])
    np.testing.assert_allclose(
        xp.cov(pairs).numpy(), np.cov(pairs.numpy().astype(float)), rtol=1e-12
    )
    weights = xp.asarray([2] * n, dtype=dtype)
    np.testing.assert_allclose(
        xp.cov(pairs, weights=weights).numpy(),
        np.cov(pairs.numpy().astype(float), aweights=[2.0] * n),
        rtol=1e-12,
    )


#: NumPy's functions of a Tensor of integers, beside the same of floats
NUMPY_STATISTICS: dict[str, Callable[[Any], Any]] = {
    "mean": np.mean,
    "mean where": lambda x: np.mean(x, where=x.astype("bool")),
    "var": np.var,
    "std": np.std,
    "nanvar": np.nanvar,
    "nanstd": np.nanstd,
    "nanmean": np.nanmean,
    "median": np.median,
    "nanmedian": np.nanmedian,
    "average": np.average,
    "average by itself": lambda x: np.average(x, weights=x * 0 + 3),
    "quantile": lambda x: np.quantile(x, [0.25, 0.5]),
    "percentile": lambda x: np.percentile(x, [10, 90]),
    "gradient": np.gradient,
    "gradient by spacing": lambda x: np.gradient(x, np.arange(x.shape[0]) * 2.0),
    "gradient by places": lambda x: np.gradient(np.arange(x.shape[0]), x[::-1]),
    "interp": lambda x: np.interp(np.linspace(0.0, 9.0, 7), np.arange(x.shape[0]) * 1.0, x),
    "interp at": lambda x: np.interp(x, np.array([-100.0, 0.0, 100.0]), np.array([1.0, 2.0, 7.0])),
    "interp among": lambda x: np.interp(np.array([0.0, 1.5, 99.0]), x, np.arange(x.shape[0]) * 1.0),
    "interp of falling": lambda x: np.interp(
        np.linspace(0.0, 9.0, 7), np.arange(x.shape[0]), x[::-1]
    ),
    "interp with ends": lambda x: np.interp(np.array([-1e30, 1e30]), x, x, left=-5, right=0.5),
    "cov": np.cov,
    "corrcoef": lambda x: np.corrcoef(np.stack([x, x[::-1]])),
    "trapezoid": np.trapezoid,
    "norm": np.linalg.norm,
    "sinc": lambda x: np.sinc(x),
    "hypot": lambda x: np.hypot(x.astype("int64") % 1000, 7),
}


@pytest.mark.parametrize("name", NUMPY_STATISTICS)
def test_numpy_functions_promote_first(name):
    for dtype in INTEGERS:
        x = np.array(edges(dtype), dtype=dtype)
        if dtype in ("int64", "uint64"):
            x = np.unique(x // 2**20 + np.arange(len(x), dtype=dtype))  # apart as floats
        expected = np.asarray(NUMPY_STATISTICS[name](x.astype(np.float64)))
        found = NUMPY_STATISTICS[name](xp.asarray(x))
        assert isinstance(found, xp.Tensor)
        assert found.shape == expected.shape
        assert found.dtype == np.float64, dtype
        scale = np.max(np.abs(expected), initial=0)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12 * scale)


# order and sets


@integers
def test_sorting_searching_and_sets(dtype):
    values = edges(dtype)
    order = np.random.default_rng(1).permutation(2 * len(values)) % len(values)
    mixed = [values[i] for i in order]
    x = xp.asarray(np.array(mixed, dtype=dtype))
    assert xp.sort(x).tolist() == sorted(mixed)
    assert xp.sort(x, descending=True).tolist() == sorted(mixed, reverse=True)
    by_value = sorted(range(len(mixed)), key=lambda i: mixed[i])
    assert xp.argsort(x).tolist() == by_value
    falling = sorted(range(len(mixed)), key=lambda i: -mixed[i])
    assert xp.argsort(x, descending=True).tolist() == falling
    found = xp.unique_all(x)
    assert found.values.tolist() == values
    assert found.values[found.inverse_indices].tolist() == mixed
    assert found.indices.tolist() == [mixed.index(v) for v in values]
    assert found.counts.tolist() == [2] * len(values)
    assert xp.unique_values(x).tolist() == values
    assert int(xp.argmax(x)) == mixed.index(max(values))
    assert int(xp.argmin(x)) == mixed.index(min(values))
    assert xp.flatnonzero(x).tolist() == [i for i, v in enumerate(mixed) if v]
    assert xp.searchsorted(column(dtype), x).tolist() == [values.index(v) for v in mixed]
    indices = xp.asarray([0, 2, 1], dtype=dtype)
    assert xp.take(x, indices).tolist() == [mixed[0], mixed[2], mixed[1]]
    assert x[indices].tolist() == [mixed[0], mixed[2], mixed[1]]
    assert xp.take_along_axis(x, indices).tolist() == [mixed[0], mixed[2], mixed[1]]
    assert xp.repeat(column(dtype), indices[:1] + 2).tolist() == [v for v in values for _ in "ab"]
    counts = xp.bincount(xp.asarray([3, 1, 3], dtype=dtype))
    assert counts.tolist() == [0, 1, 0, 2]


@integers
def test_shaping_keeps_every_value(dtype):
    values = edges(dtype)
    x = column(dtype)
    n = len(values)
    assert xp.flip(x).tolist() == values[::-1]
    assert xp.roll(x, 1).tolist() == [values[-1], *values[:-1]]
    assert xp.tile(x, (2,)).tolist() == values * 2
    assert xp.stack([x, x]).tolist() == [values, values]
    assert xp.broadcast_to(x, (2, n)).tolist() == [values, values]
    assert xp.pad(x, 1, mode="edge").tolist() == [values[0], *values, values[-1]]
    assert xp.meshgrid(x, x)[0][1].tolist() == values
    assert xp.tril(xp.broadcast_to(x, (n, n)))[-1].tolist() == values
    assert xp.linalg.diagonal(xp.diag(x)).tolist() == values
    assert xp.copy(x).tolist() == values
    assert [int(v) for v in x] == values
    assert [v.item() for v in xp.unstack(x)] == values
    assert [operator.index(v) for v in x] == values
    assert np.asarray(x).tolist() == values
    assert xp.from_dlpack(x.numpy()).tolist() == values
    floats = [float(v) for v in values]
    assert x.astype(xp.float64).tolist() == floats
    assert [float(v) for v in x] == floats
    assert [complex(v) for v in x] == floats
    assert xp.linspace(values[0], values[-1], n, dtype=dtype).tolist() == [
        values[0] + i * (values[-1] - values[0]) // (n - 1) for i in range(n)
    ]
    for step in (1, 3, 2 ** (np.iinfo(dtype).bits - 2) - 1, 2 ** (np.iinfo(dtype).bits - 2)):
        for start, stop in ((values[-1], values[0]), (values[0], values[-1])):
            stop = start + max(min(stop - start, 5 * step), -5 * step)
            way = step if stop > start else -step
            assert xp.arange(start, stop, way, dtype=dtype).tolist() == list(
                range(start, stop, way)
            )


@integers
def test_casts_between_integers_wrap(dtype):
    values = edges(dtype)
    for target in INTEGERS:
        found = xp.astype(column(dtype), target)
        assert found.tolist() == [wrapped(v, target) for v in values]


@integers
def test_products(dtype):
    rng = np.random.default_rng(2)
    held = np.iinfo(dtype)
    for n in (2, 5, 40):
        a, b = (rng.integers(held.min, held.max, (n, n), dtype, endpoint=True) for _ in range(2))
        rows, columns = a.astype(object), b.astype(object)
        x, y = xp.asarray(a), xp.asarray(b)
        whole = np.vectorize(lambda v: wrapped(v, dtype), otypes=[object])
        expected = whole(rows @ columns).tolist()
        assert xp.matmul(x, y).tolist() == expected
        assert (x @ y).tolist() == expected
        assert xp.tensordot(x, y, axes=1).tolist() == expected
        assert xp.einsum("ij,jk->ik", x, y).tolist() == expected
        assert xp.linalg.multi_dot([x, y]).tolist() == expected
        assert xp.linalg.matrix_power(x, 3).tolist() == whole(rows @ rows @ rows).tolist()
        assert xp.vecdot(x, y).tolist() == whole((rows * columns).sum(axis=1)).tolist()
        assert xp.linalg.outer(x[0], y[0]).tolist() == whole(rows[0][:, None] * columns[0]).tolist()
        assert xp.kron(x[:2], y[:2]).tolist() == whole(np.kron(rows[:2], columns[:2])).tolist()
        wide = _WIDE[np.dtype(dtype).kind]
        assert int(xp.linalg.trace(x)) == wrapped(int(np.trace(rows)), wide)
    u, v = rows[0, :3], columns[0, :3]
    turned = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    found = xp.linalg.cross(xp.asarray(a[0, :3]), xp.asarray(b[0, :3]))
    assert found.tolist() == [wrapped(value, dtype) for value in turned]


@integers
def test_norms_compute_in_floats(dtype):
    x = column(dtype)
    floats = np.array([float(v) for v in edges(dtype)])
    for ord in (0, 1, 2, 3, float("inf"), -float("inf")):
        expected = np.linalg.vector_norm(floats, ord=ord)
        for found in (xp.linalg.vector_norm(x, ord=ord), xp.linalg.norm(x, ord)):
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    matrix, rows = xp.stack([x, x[::-1]]), np.stack([floats, floats[::-1]])
    for order in (None, "fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")):
        found = xp.linalg.norm(matrix, order, axis=(0, 1))
        expected = np.linalg.norm(rows, order, axis=(0, 1))
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11, atol=1e-12 * rows.max())


def _ufuncs() -> list[str]:
    return sorted(
        name
        for name, value in vars(np).items()
        if isinstance(value, np.ufunc) and value.signature is None and value.__name__ == name
    )


@pytest.mark.parametrize("name", _ufuncs())
def test_numpy_ufuncs_of_integers(name):
    ufunc = getattr(np, name)
    small = [np.array([0, 1, 2, 3, 5, 7], dtype) for dtype in (*INTEGERS, "bool")]
    cases = list(product(small, repeat=ufunc.nin))
    for dtype in INTEGERS:
        x = np.array(edges(dtype), dtype)
        cases.append((x,) if ufunc.nin == 1 else (x[:, None], x[None, :]))
    for arrays in cases:
        found = _tried(partial(ufunc, *map(xp.asarray, arrays)))
        expected = _tried(partial(ufunc, *arrays))
        told = [str(a.dtype) for a in arrays]
        if isinstance(expected, type):
            assert issubclass(expected, found), told
            continue
        several = expected if isinstance(expected, tuple) else (expected,)
        for out, value in zip(_outputs(found), several, strict=True):
            assert isinstance(out, xp.Tensor)
            assert out.dtype == value.dtype, told
            eps = np.finfo(value.dtype).eps if value.dtype.kind == "f" else 0
            np.testing.assert_allclose(out.numpy(), value, rtol=4 * eps, err_msg=str(told))


def _outputs(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple) else (found,)


@integers
def test_the_first_value_of_numpy_reductions_is_cast(dtype):
    x = np.array([1, 2], dtype)
    for initial in (2.5, 7, 0.5, np.float64(2.5), np.int8(3), -1, 300, 2**64):
        for reduction in (np.max, np.min, np.sum, np.prod, np.maximum.reduce, np.add.reduce):
            found = _tried(partial(reduction, xp.asarray(x), initial=initial))
            expected = _tried(partial(reduction, x, initial=initial))
            if isinstance(expected, type):
                assert found is expected, (reduction, initial)
            else:
                assert found.dtype == expected.dtype, (reduction, initial)
                assert int(found) == int(expected), (reduction, initial)
