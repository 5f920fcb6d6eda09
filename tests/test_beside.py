"""Beside other libraries: dtypes that answer as NumPy's, arrays that carry more, protocols."""

import copy
import inspect
import operator
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._core.allocation import COMPILED

A = np.asarray([[0.0, 1.0], [2.0, 3.0]])
NAMES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip


#: New releases of other libraries may deprecate what is called here, or what they call.
of_others = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def t() -> Any:
    return xp.asarray(A, copy=True)


@pytest.fixture
def g() -> Any:
    return xp.asarray(A, copy=True, requires_grad=True)


# dtypes

#: What a dtype of NumPy has and ours has not: structures, descriptions for files, pickling.
NOT_OURS = {"descr", "isalignedstruct"}


@pytest.mark.parametrize("name", NAMES)
def test_a_dtype_answers_as_numpys(name: str) -> None:
    ours, numpys = getattr(xp, name), np.dtype(name)
    asked = [a for a in dir(np.dtype) if a[0] != "_" and a not in NOT_OURS]
    for attribute in asked:
        expected = getattr(numpys, attribute)
        found = getattr(ours, attribute)
        if callable(expected) and not isinstance(expected, type):
            assert found("S") == expected("S")
        else:
            assert found == expected and type(found) in (type(expected), type(ours)), attribute
    assert isinstance(ours, np.dtype) and isinstance(ours, xp.DType)
    assert ours == numpys and numpys == ours and hash(ours) == hash(numpys)
    assert ours == name and ours == numpys.type and ours == numpys.str and not ours != numpys.char
    assert ours is not None and not ours == None and not None == ours  # noqa: E711
    for other in ("nope", "f8,f8", 8, object(), [name], xp.zeros(2, dtype=name).numpy()):
        assert np.all(ours != other)
    assert sum(ours == other for other in NAMES) == 1
    assert np.dtype(ours) is np.dtype(name) and np.zeros(2, ours).dtype == name
    assert np.issubdtype(ours, numpys.type) and np.isdtype(ours, numpys)
    assert pickle.loads(pickle.dumps(ours)) is ours is copy.deepcopy(ours)
    assert set(dir(ours)) >= set(asked)


def spellings(dtype: Any) -> list[Any]:
    """Return every way of NumPy's to spell a dtype."""
    codes = [c for c in np.typecodes["All"] if np.dtype(c) == dtype]
    names = [n for n in np.sctypeDict if isinstance(n, str) and n != "a" and np.dtype(n) == dtype]
    return [
        dtype, dtype.type, dtype.name, dtype.str, dtype.str[1:], *codes, *names,
        *("<" + c for c in codes), *("=" + c for c in codes), dtype.newbyteorder("S"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_of_a_dtype_is_taken(name: str) -> None:
    ours = getattr(xp, name)
    for spelling in spellings(np.dtype(name)):
        assert xp.zeros(2, dtype=spelling).dtype is ours, spelling
        assert isinstance(spelling, str) or xp.isdtype(ours, spelling)
    t = xp.ones(2)
    assert t.astype(np.dtype(name).char).dtype is ours and t.to(np.dtype(name).str).dtype is ours
    assert t.astype("f4").view(dtype="u4").dtype is xp.uint32


def test_python_types_and_their_names_mean_the_defaults() -> None:
    assert xp.zeros(2, dtype="float").dtype is xp.float64
    try:
        xp.set_default_dtype("f4")
        assert xp.zeros(2, dtype="float").dtype is xp.zeros(2, dtype=float).dtype is xp.float32
        assert xp.zeros(2, dtype="complex").dtype is xp.complex64
        assert xp.zeros(2, dtype="d").dtype is xp.float64
    finally:
        xp.set_default_dtype(xp.float64)


@pytest.mark.parametrize("spec", ["V8", "U3", "S", "O", "g", "f3", "M8[s]", "f8,f8", "nope", "f8 "])
def test_other_strings_are_no_dtypes(spec: str) -> None:
    with pytest.raises(TypeError, match=r"zeros: dtype is .*allowed are the dtypes"):
        xp.zeros(2, dtype=spec)
    with pytest.raises(TypeError, match="allowed are"):
        xp.ones(2).astype(spec)


def test_kinds_of_the_standard_stay_with_isdtype() -> None:
    assert xp.float32.kind == "f" and xp.isdtype(xp.float32, "real floating")
    assert sorted(xp.__array_namespace_info__().dtypes(kind="integral")) == sorted(NAMES[1:9])


# arrays that carry more than numbers


class Unit(np.ndarray):
    """A stand-in for arrays with units: ufuncs and functions pass through the class's hands."""

    unit = ""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        raw = [x.view(np.ndarray) if isinstance(x, Unit) else x for x in inputs]
        if "out" in kwargs:
            kwargs["out"] = tuple(x.view(np.ndarray) for x in kwargs["out"])
        if any(hasattr(type(x), "__array_ufunc__") and type(x) is not np.ndarray for x in raw):
            return NotImplemented
        out = getattr(ufunc, method)(*raw, **kwargs)
        return out.view(Unit) if isinstance(out, np.ndarray) and out.dtype != bool else out

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(cls, np.ndarray) for cls in types):
            return NotImplemented
        return super().__array_function__(func, types, args, kwargs)


class Priority(np.ndarray):
    """A stand-in for classes of before `__array_ufunc__`, which wrap results."""

    __array_priority__ = 20

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return np.asarray(array).view(Priority)


class Plain(np.ndarray):
    """A subclass without a protocol, as `np.memmap` is: only numbers."""


def bearers() -> dict[str, Any]:
    return {
        "masked": np.ma.array(A, mask=[[0, 1], [0, 0]]),
        "unit": (A + 1).view(Unit),
        "priority": (A + 1).view(Priority),
        "matrix": A.view(np.matrix),
    }


ARITHMETIC = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.matmul, operator.lt, operator.le, operator.gt, operator.ge,
    operator.eq, operator.ne,
]  # fmt: skip
BITWISE = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


def same(found: Any, expected: Any) -> None:
    kind = type(found)
    if type(expected) is np.ndarray:  # what carries nothing is a Tensor, as other results
        assert kind in (xp.Tensor, np.ndarray)
    else:
        assert kind is type(expected)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    if isinstance(expected, np.ma.MaskedArray):
        np.testing.assert_array_equal(found.mask, expected.mask)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("name", list(bearers()))
@pytest.mark.parametrize("op", [*ARITHMETIC, *BITWISE], ids=lambda op: op.__name__)
def test_operators_leave_what_arrays_carry(name: str, op: Any) -> None:
    whole = op in BITWISE
    x, a = bearers()[name], A + 1
    if whole:
        x, a = x.astype(int), a.astype(int)
    if name == "matrix" and op in (operator.mul, operator.pow):
        return  # products and powers of matrices, which leave arrays of other kinds alone
    t = xp.asarray(a)
    same(op(t, x), op(a, x))
    same(op(x, t), op(x, a))
    if whole:
        return
    g = xp.asarray(a, requires_grad=True)
    for left, right in ((g, x), (x, g)):
        with pytest.raises((RuntimeError, TypeError), match="gradient"):
            op(left, right)
    with xp.no_grad():
        same(op(g, x), op(a, x))


IN_PLACE = [
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv,
    operator.imod, operator.ipow,
]  # fmt: skip


@pytest.mark.parametrize("name", list(bearers()))
@pytest.mark.parametrize("op", IN_PLACE, ids=lambda op: op.__name__)
def test_in_place_operators_beside_what_arrays_carry(name: str, op: Any) -> None:
    x, t = bearers()[name], xp.asarray(A + 1)
    with pytest.raises(TypeError, match="carries more than a Tensor can hold"):
        op(t, x)
    np.testing.assert_array_equal(t, A + 1)
    if name == "matrix" and op in (operator.imul, operator.ipow):
        return
    found = op(copy.deepcopy(x), t)
    same(found, op(copy.deepcopy(x), A + 1))
    assert type(found) is type(x)
    with pytest.raises((RuntimeError, TypeError), match="gradient"):
        op(copy.deepcopy(x), xp.asarray(A + 1, requires_grad=True))


@pytest.mark.parametrize("name", list(bearers()))
def test_ufuncs_and_functions_of_numpy_leave_what_arrays_carry(name: str, t: Any, g: Any) -> None:
    x = bearers()[name]
    calls: list[Callable[[Any], Any]] = [
        lambda a: np.add(a, x),
        lambda a: np.multiply(x, a),
        lambda a: np.maximum(a, x),
        lambda a: np.hypot(x, a),
        lambda a: np.less(a, x),
        lambda a: np.concatenate([a, x]),
        lambda a: np.broadcast_arrays(a, x, subok=True)[1],
        lambda a: np.where(x > 1, a, 0),
    ]
    for call in calls:
        same(call(t), call(A))
    for call in calls[:6]:
        with pytest.raises((RuntimeError, TypeError), match="gradient"):
            call(g)


def test_masked_sums_count_what_is_not_masked(t: Any) -> None:
    masked = np.ma.array(A + 1, mask=[[0, 1], [0, 1]])
    assert (t * masked).sum() == (A * masked).sum() == 6
    assert (np.ma.multiply(masked, t)).sum() == 6
    assert (t * np.ma.masked).mask.all()


def test_numpys_masked_functions_lose_no_gradient(t: Any, g: Any) -> None:
    masked = np.ma.array(A, mask=[[0, 1], [0, 0]])
    for call in (
        lambda x: np.ma.add(masked, x),
        lambda x: np.ma.add(x, x),
        lambda x: np.ma.dot(masked, x),
        lambda x: np.ma.array(x),
        lambda x: np.ma.masked_where(A > 1, x),
        lambda x: np.ma.masked_greater(x, 1),
        lambda x: np.ma.sqrt(x),
    ):
        assert isinstance(call(t), np.ma.MaskedArray)
        with pytest.raises((RuntimeError, TypeError), match="gradient"):
            call(g)


@pytest.mark.parametrize("name", list(bearers()))
def test_functions_of_the_namespace_refuse_what_they_would_drop(name: str, t: Any) -> None:
    x = bearers()[name]
    tried = 0
    for name in xp.__all__:
        function = getattr(xp, name)
        if not inspect.isfunction(function):
            continue
        words = list(inspect.signature(function).parameters)
        if words[:2] != ["x1", "x2"] or name == "searchsorted":
            continue
        tried += 1
        for pair in ((t, x), (x, t)):
            with pytest.raises(TypeError):
                function(*pair)
    assert tried > 25
    for call in (
        lambda: xp.where(t > 0, t, x),
        lambda: xp.clip(t, x, None),
        lambda: xp.concat([t, x]),
        lambda: xp.stack([x, t]),
    ):
        with pytest.raises(TypeError):
            call()


def test_subclasses_that_carry_nothing_are_arrays(g: Any) -> None:
    plain = A.view(Plain)
    for out in (g * plain, plain * g, np.multiply(plain, g), xp.multiply(g, plain)):
        assert type(out) is xp.Tensor and out.requires_grad
        np.testing.assert_array_equal(out.detach(), A * A)


class Ruler:
    """Stands for a unit: it multiplies from the right, and nothing else."""

    def __rmul__(self, other: Any) -> str:
        return f"{type(other).__name__} of a unit"


class Duck:
    """Stands for a class that takes NumPy's functions into its own hands."""

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> str:
        return "ufunc"

    def __array_function__(self, *args: Any) -> str:
        return "function"

    def __radd__(self, other: Any) -> str:
        return "radd"


def test_unknown_classes_get_their_turn(t: Any) -> None:
    assert t * Ruler() == "Tensor of a unit"
    with pytest.raises(TypeError, match="unsupported operand"):
        t + Ruler()
    with pytest.raises(TypeError, match=r"multiply: x2 is a .*object; allowed are"):
        t * object()
    assert t + Duck() == "radd"
    assert np.add(t, Duck()) == np.add(Duck(), t) == "ufunc"
    assert np.concatenate([t, Duck()]) == np.concatenate([Duck(), t]) == "function"


@of_others
def test_astropy(t: Any, g: Any) -> None:
    units = pytest.importorskip("astropy.units")
    q = A * units.m
    for found in (t * q, q * t, np.multiply(t, q)):
        assert found.unit == units.m and type(found) is units.Quantity
        np.testing.assert_array_equal(found.value, A * A)
    for found in (t * units.m, units.m * t):
        assert found.unit == units.m
    for call in (lambda: g * q, lambda: q * g, lambda: g * units.m):
        with pytest.raises((RuntimeError, TypeError), match="gradient"):
            call()
    with pytest.raises(units.UnitConversionError):
        t + q


@of_others
def test_pint(g: Any) -> None:
    ureg = pytest.importorskip("pint").UnitRegistry()
    for found in (g * ureg.m, ureg.m * g, g * ureg.Quantity(A, "m"), ureg.Quantity(A, "m") * g):
        assert found.units == ureg.m and found.magnitude.requires_grad
    with pytest.raises(Exception, match="Cannot convert"):
        np.concatenate([g, ureg.Quantity(A, "m")])


@of_others
def test_pandas_operators(t: Any, g: Any) -> None:
    pd = pytest.importorskip("pandas")
    series = pd.Series([1.0, 2.0], index=["a", "b"])
    for found in (t[1] * series, series * t[1], np.multiply(t[1], series)):
        pd.testing.assert_series_equal(found, series * A[1])
    assert type(t[1] + pd.Index([1.0, 2.0])) is pd.Index
    with pytest.raises(RuntimeError, match="gradient"):
        g[1] * series


# protocols


def test_array_interface(t: Any, g: Any) -> None:
    view = t[::-1, ::2]
    told = view.__array_interface__
    assert told["data"][0] == view.numpy().ctypes.data
    assert told["shape"] == (2, 1) and told["strides"] == view.strides
    assert not hasattr(g, "__array_interface__")
    with pytest.raises(AttributeError, match="requires grad"):
        g.__array_interface__  # noqa: B018
    with xp.no_grad():
        assert g.__array_interface__["typestr"] == A.dtype.str

    class Holder:  # what NumPy reads through the interface alone
        __array_interface__ = told

    np.testing.assert_array_equal(np.asarray(Holder()), A[::-1, ::2])


def test_asarray_shares_memory_and_refuses_as_ever(t: Any, g: Any) -> None:
    for name in NAMES:
        x = xp.ones((2, 3), dtype=name)
        a = np.asarray(x)
        assert a.dtype == name and np.shares_memory(a, x.numpy()) and a.flags.writeable
    assert not np.asarray(xp.broadcast_to(t, (3, 2, 2))).flags.writeable
    assert np.asarray(t[:, ::-1]).strides == t[:, ::-1].strides
    assert np.asarray(xp.zeros((0, 3))).shape == (0, 3) and np.asarray(xp.asarray(2.0)).shape == ()
    assert not np.shares_memory(np.array(t), t.numpy())
    with pytest.raises(ValueError, match=r"[cC]opy"):
        np.array(t, dtype="f4", copy=False)
    for x in (g, xp.nn.Parameter(t)):
        with pytest.raises(RuntimeError, match="requires grad"):
            np.asarray(x)
        with xp.no_grad():
            assert np.shares_memory(np.asarray(x), x.detach().numpy())


@pytest.mark.skipif(
    not COMPILED and sys.version_info < (3, 12), reason="classes in Python cannot lend buffers"
)
def test_buffer_protocol(t: Any, g: Any) -> None:
    lent = memoryview(t[:, ::-1])
    assert lent.shape == (2, 2) and lent.strides == (16, -8) and lent.format == "d"
    lent = memoryview(t)
    lent[0, 0] = 9.0
    assert t[0, 0] == 9.0 and bytes(t) == t.numpy().tobytes()
    del t
    assert lent[1, 1] == 3.0  # the memory lives on
    assert memoryview(xp.broadcast_to(xp.ones(1), (3,))).readonly
    for x in (g, xp.nn.Parameter(g.detach())):
        with pytest.raises(RuntimeError, match="requires grad"):
            memoryview(x)
        with xp.no_grad():
            assert memoryview(x).nbytes == 32


def test_tobytes_is_numpys(t: Any, g: Any) -> None:
    for order in ("C", "F", "A", None):
        assert t.T.tobytes(order) == A.T.tobytes(order)
    with pytest.raises(RuntimeError, match="requires grad"):
        g.tobytes()


def test_sizeof_counts_the_elements() -> None:
    x = xp.zeros(1000)
    assert 8000 < sys.getsizeof(x) < 8500
    assert sys.getsizeof(x[1:]) < 500


@of_others
def test_pyarrow(t: Any, g: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    assert pa.array(t[1]).to_pylist() == [2.0, 3.0]
    assert pa.array(t[1], type=pa.float32()).type == pa.float32()
    assert pa.array(t[1] > 2).to_pylist() == [False, True]
    with pytest.raises(RuntimeError, match="requires grad"):
        pa.array(g[1])


def test_arrow_without_pyarrow(t: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        t.__arrow_c_array__()


@of_others
def test_polars(t: Any, g: Any) -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    assert pl.Series(t[1]).to_list() == [2.0, 3.0]
    assert pl.DataFrame({"a": t[1]})["a"].to_list() == [2.0, 3.0]
    with pytest.raises(RuntimeError, match="requires grad"):
        pl.Series(g[1])


@of_others
def test_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = xp.asarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    for x in (pixels, pixels[:, ::2], pixels[::-1]):
        np.testing.assert_array_equal(np.asarray(image.fromarray(x)), x)


# libraries that ask dtypes


@of_others
def test_scipy_sparse(t: Any, g: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    m = sparse.csr_array(np.diag([1.0, 2.0]))
    d = np.diag([1.0, 2.0])
    np.testing.assert_array_equal(m @ t, d @ A)
    np.testing.assert_array_equal(t @ m, A @ d)
    np.testing.assert_array_equal((m * t).todense(), d * A)
    np.testing.assert_array_equal(sparse.csr_array(t).todense(), A)
    assert sparse.eye_array(2, dtype=t.dtype).dtype == "f8"
    with pytest.raises(RuntimeError, match="gradient"):
        m @ g


@of_others
def test_xarray(t: Any, g: Any) -> None:
    xr = pytest.importorskip("xarray")
    pytest.importorskip("pandas")
    found, expected = (xr.DataArray(a, dims=("x", "y")) for a in (t, A))
    assert float(found.quantile(0.5)) == 1.5
    calls: list[Callable[[Any], Any]] = [
        lambda v: v.shift(x=1), lambda v: v.where(v > 1), lambda v: v.where(v > 1).fillna(0),
        lambda v: v.pad(x=1), lambda v: v.weighted(v).mean(), lambda v: xr.cov(v, v),
        lambda v: v.assign_coords(x=[0, 1]).reindex(x=[1, 2]), lambda v: v.std("x"),
        lambda v: v.median("y"), lambda v: v.isnull(), lambda v: v.count(),
        lambda v: v.where(v > 0).sum(), lambda v: v.where(v > 0).mean("x"), lambda v: v.cumsum("x"),
        lambda v: xr.align(v.assign_coords(x=[0, 1]), v.assign_coords(x=[1, 2]), join="outer")[0],
        lambda v: v.astype("f4"), lambda v: v.dropna("x"), lambda v: v.idxmax("y")
        if "y" in v.coords else v.argmax("y"), lambda v: v.diff("x"), lambda v: v.clip(1, 2),
    ]  # fmt: skip
    for call in calls:
        np.testing.assert_allclose(np.asarray(call(found).data), call(expected).data)
    lazy = pytest.importorskip("dask.array")
    for call in (lambda v: v.sum(), lambda v: v.mean(), lambda v: v.std(), lambda v: v.max("x")):
        chunked = call(found.chunk({"x": 1}))
        assert isinstance(chunked.data, lazy.Array)
        np.testing.assert_allclose(np.asarray(chunked.compute().data), call(expected).data)


@of_others
def test_xarray_keeps_gradients() -> None:
    xr = pytest.importorskip("xarray")

    def labelled(a: Any) -> Any:
        return xr.DataArray(a, dims=("x", "y"), coords={"x": [1, 0], "y": [0, 1]}, name="v")

    calls: dict[str, Callable[[Any], Any]] = {
        "copy": lambda v: v.copy(), "shallow": lambda v: v.copy(deep=False),
        "sortby": lambda v: v.sortby("x"), "align": lambda v: xr.align(v, v)[0],
        "outer": lambda v: xr.align(v, v.isel(x=[0]), join="outer", fill_value=0.0)[0],
        "dataset": lambda v: v.to_dataset().copy(deep=True).v, "isel": lambda v: v.isel(x=[1, 0]),
        "concat": lambda v: xr.concat([v, v], "z"), "where": lambda v: v.where(v > 0.5, 0.0),
        "groupby": lambda v: v.groupby("x").sum(), "unstack": lambda v: v.stack(z=("x", "y")
            ).unstack("z"), "reindex": lambda v: v.reindex(x=[0, 1]), "mean": lambda v: v.mean("x"),
        "std": lambda v: v.std("y"), "combine": lambda v: v.combine_first(v),
        "merge": lambda v: xr.merge([v.rename("a"), v.rename("b")]).a, "T": lambda v: v.T,
        "cumsum": lambda v: v.cumsum("x"), "pad": lambda v: v.pad(x=1, constant_values=0.0),
    }  # fmt: skip
    for name, call in calls.items():
        x = xp.asarray(A + 1, requires_grad=True)
        out = call(labelled(x)).data
        (out * out).sum().backward()
        step, expected = 1e-6, np.zeros_like(A)
        for place in np.ndindex(*A.shape):
            moved = [A + 1, A + 1]
            moved[0][place] += step
            moved[1][place] -= step
            high, low = ((call(labelled(a)).data ** 2).sum() for a in moved)
            expected[place] = (high - low) / (2 * step)
        np.testing.assert_allclose(x.grad, expected, atol=1e-6, err_msg=name)


@of_others
def test_pandas_takes_dtypes() -> None:
    pd = pytest.importorskip("pandas")
    for name in NAMES:
        if name == "float16":
            continue
        dtype = getattr(xp, name)
        assert pd.Series([1, 0], dtype=dtype).dtype == name == pd.Series([1, 0]).astype(dtype).dtype
        assert pd.api.types.pandas_dtype(dtype) == np.dtype(name)
        assert pd.api.types.is_numeric_dtype(dtype) and pd.array([1, 0], dtype=dtype).dtype == name
    assert pd.DataFrame({"a": [1.0], "b": [1]}).select_dtypes(include=[xp.float64]).shape == (1, 1)
    assert pd.Index([1, 2], dtype=xp.int64).dtype == "i8"


@of_others
def test_zarr_takes_dtypes() -> None:
    zarr = pytest.importorskip("zarr")
    for name in NAMES:
        made = zarr.create_array({}, shape=(3,), dtype=getattr(xp, name))
        assert made.dtype == name and zarr.open_array(made.store)[...].dtype == name
    with pytest.raises((TypeError, ValueError)):
        zarr.create_array({}, shape=(3,), dtype="nope")
