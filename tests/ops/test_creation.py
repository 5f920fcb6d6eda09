"""Creation: shapes, ranges, and tensors of everything that there is to make one of."""

import warnings

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal, uniform
from tests.harness import Row, table

A = np.arange(6.0).reshape(2, 3)

ROWS = [
    Row("asarray", lambda x: xp.asarray(x), (normal(2, 3),), lambda x: x, complex=True),
    Row("asarray copy=True", lambda x: xp.asarray(x, copy=True), (normal(2, 3),), np.copy,
        torch="clone", complex=True),
    Row("asarray complex", lambda x: xp.asarray(x, dtype=xp.complex128), (normal(2),),
        lambda x: x.astype("c16"), complex=True),
    Row("asarray of nested lists", lambda x, y: xp.asarray([[x, y], [y, 2.0]]),
        (normal(), normal()), lambda x, y: np.asarray([[x, y], [y, 2.0]]), complex=True,
        float32=False),
    Row("asarray of rows", lambda x, y: xp.asarray([x, y]), (normal(3), normal(3)),
        lambda x, y: np.asarray([x, y]), complex=True),
    Row("full", lambda x: xp.full((2, 3), x, device=x.device), (normal(),),
        lambda x: np.full((2, 3), x, dtype=x.dtype), complex=True),
    Row("full_like", lambda x, y: xp.full_like(y, x), (normal(), normal(2)),
        lambda x, y: np.full_like(y, x), complex=True),
    Row("from_dlpack", lambda x: xp.from_dlpack(x) * 2, (normal(2),), lambda x: x * 2,
        complex=True),
    *(
        Row(f"meshgrid {indexing} {len(shapes)}",
            lambda *xs, i=indexing: xp.meshgrid(*xs, indexing=i),
            tuple(normal(*shape) for shape in shapes),
            lambda *xs, i=indexing: np.meshgrid(*xs, indexing=i), complex=True,
            torch=lambda *xs, i=indexing: torch_meshgrid(xs, i))
        for indexing in ("xy", "ij") for shapes in [((2,),), ((2,), (3,)), ((2,), (3,), (1,))]
    ),
    Row("linspace of ends", lambda a, b: xp.linspace(a, b, 5, device=a.device),
        (uniform(0, 1), uniform(2, 3)), lambda a, b: np.linspace(a, b, 5), float32=False),
    Row("linspace without its end",
        lambda a, b: xp.linspace(a, b, 4, endpoint=False, device=a.device),
        (normal(), normal()), lambda a, b: np.linspace(a, b, 4, endpoint=False), float32=False,
        complex=True),
]  # fmt: skip


def torch_meshgrid(xs, indexing):
    """Return PyTorch's meshgrid."""
    return pytest.importorskip("torch").meshgrid(*xs, indexing=indexing)


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.fixture
def float32():
    """Let float32 be the default dtype."""
    xp.set_default_dtype(xp.float32)
    yield
    xp.set_default_dtype(xp.float64)


# from shapes


@pytest.mark.parametrize("shape", [(), 3, (2, 0), [2, 3], np.int64(2), np.array([2, 3])])
@pytest.mark.parametrize("name", ["zeros", "ones", "empty"])
def test_shapes(name, shape, device):
    out = getattr(xp, name)(shape, device=device)
    expected = getattr(np, name)(shape)
    assert out.shape == expected.shape and out.dtype == xp.float64 and str(out.device) == device
    if name != "empty":
        np.testing.assert_array_equal(out.cpu().numpy(), expected)
    leaf = getattr(xp, name)(shape, dtype=xp.complex64, requires_grad=True)
    assert leaf.requires_grad and leaf.is_leaf and leaf.dtype == xp.complex64


@pytest.mark.parametrize("name", ["zeros", "ones", "empty"])
def test_like(name, device):
    x = xp.ones((2, 3), dtype=xp.int8, device=device)
    function = getattr(xp, f"{name}_like")
    out = function(x)
    assert (out.shape, out.dtype, str(out.device)) == ((2, 3), xp.int8, device)
    out = function(x, dtype="float32", device="sim:1", requires_grad=True)
    assert (out.dtype, str(out.device), out.is_leaf) == (xp.float32, "sim:1", True)
    assert not function(xp.ones(2, requires_grad=True)).requires_grad


def test_full():
    for value, dtype in [
        (True, "bool"), (2, "int64"), (1.5, "float64"), (1j, "complex128"),
        (np.float32(1), "float32"), (xp.asarray(3, dtype=xp.int8), "int8"), (np.uint8(4), "uint8"),
    ]:  # fmt: skip
        out = xp.full((2, 1), value)
        assert out.dtype == getattr(xp, dtype) and out.shape == (2, 1)
        assert out.tolist() == [[complex(value)]] * 2
    assert xp.full(2, 1.9, dtype=xp.int32).tolist() == [1, 1]
    assert xp.full((), 2).shape == () and xp.full(0, 2.0).shape == (0,)
    assert xp.full_like(xp.ones(2, dtype=xp.int8), 1.5).dtype == xp.int8
    out = xp.full_like(xp.ones(2), xp.asarray(3), device="sim:0")
    assert str(out.device) == "sim:0" and out.dtype == xp.float64
    out = xp.full(2, xp.asarray(3.0))
    out[0] = 1.0
    assert out.tolist() == [1.0, 3.0]


def test_eye():
    for rows, columns, k in [
        (3, None, 0),
        (2, 3, 1),
        (3, 2, -1),
        (0, None, 0),
        (2, 2, 5),
        (0, 2, 0),
    ]:
        out = xp.eye(rows, columns, k=k)
        np.testing.assert_array_equal(out.numpy(), np.eye(rows, columns, k))
        assert out.dtype == xp.float64
    assert xp.eye(2, dtype=xp.bool).dtype == xp.bool and xp.eye(2, requires_grad=True).is_leaf


# ranges


@pytest.mark.parametrize(
    "arguments",
    [
        (3,), (0,), (-2,), (3.0,), (2.5,), (1, 4), (5, 0), (5, 0, -2), (0, 1, 0.3), (0.0, 1.0, 0.1),
        (1, 2, 5), (5, 5), (0, -3, -1), (2**53, 2**53 + 3), (-0.5, 0.5, 0.25), (True,),
    ],
)  # fmt: skip
def test_arange(arguments, device):
    out = xp.arange(*arguments, device=device)
    expected = np.arange(*arguments)
    assert out.dtype == expected.dtype
    np.testing.assert_array_equal(out.cpu().numpy(), expected)


def test_arange_dtypes_and_tensors():
    assert xp.arange(3, dtype=xp.float32).dtype == xp.float32
    assert xp.arange(-2, dtype=xp.uint8).shape == (0,)
    assert xp.arange(0, 9, 4, dtype=xp.int8).tolist() == [0, 4, 8]
    assert xp.arange(xp.asarray(1), xp.asarray(3)).tolist() == [1, 2]
    assert xp.arange(np.int64(3)).dtype == xp.int64
    assert xp.arange(3.0, requires_grad=True).is_leaf


@pytest.mark.parametrize(
    ("start", "stop", "num", "endpoint"),
    [
        (0, 1, 5, True), (0, 1, 1, True), (0, 1, 0, True), (1, 0, 3, True), (0, 1, 4, False),
        (0, 1, 1, False), (2, 2, 3, True), (0, 1j, 3, True), (-1 - 1j, 1.0, 4, False),
    ],
)  # fmt: skip
def test_linspace(start, stop, num, endpoint):
    out = xp.linspace(start, stop, num, endpoint=endpoint)
    expected = np.linspace(start, stop, num, endpoint=endpoint)
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-15)


def test_linspace_hits_its_ends():
    for stop in (0.1, 1 / 3, 1e30, -7.7):
        for dtype in (xp.float32, xp.float64):
            out = xp.linspace(0.7, stop, 11, dtype=dtype)
            assert out[0] == xp.asarray(0.7, dtype=dtype)
            assert out[-1] == xp.asarray(stop, dtype=dtype)
    ends = xp.asarray(0.7).requires_grad_(), xp.asarray(-7.7).requires_grad_()
    out = xp.linspace(*ends, 11)
    assert float(out[0]) == 0.7 and float(out[-1]) == -7.7
    assert xp.linspace(1, 0, 3, dtype=xp.int64).tolist() == [1, 0, 0]


def test_logspace():
    np.testing.assert_allclose(xp.logspace(0, 2, 5).numpy(), np.logspace(0, 2, 5))
    np.testing.assert_allclose(
        xp.logspace(0, 3, 3, base=2.0, endpoint=False).numpy(),
        np.logspace(0, 3, 3, base=2.0, endpoint=False),
    )
    assert xp.logspace(0, 1, dtype=xp.float32).dtype == xp.float32
    assert xp.logspace(0, 1, 0).shape == (0,)


# from values


@pytest.mark.parametrize(
    "value",
    [
        True, 3, -2, 1.5, 2j, float("nan"), float("inf"), 2**63, [], [[]], [[], []], [1, 2],
        (1, 2.0), [True, 1], [1, 1j], [[1, 2], [3, 4]], ((1,), [2]), range(3), np.float32(1.5),
        np.int8(3),
        np.ones(2, dtype="f2"), [np.float32(1), 2], np.ones((2, 0)), bytearray(b"ab"),
        memoryview(np.arange(3)),
    ],
    ids=lambda value: "memoryview" if isinstance(value, memoryview) else repr(value),
)  # fmt: skip
def test_asarray_of_values(value, device):
    out = xp.asarray(value, device=device)
    expected = np.asarray(value)
    assert out.dtype == expected.dtype and out.shape == expected.shape
    assert str(out.device) == device
    np.testing.assert_array_equal(out.cpu().numpy(), expected)


def test_asarray_shares_the_memory_of_arrays():
    a = A.copy()
    x = xp.asarray(a)
    x[0, 0] = 7.0
    assert a[0, 0] == 7.0 and x.numpy() is a
    assert xp.asarray(a, copy=False).numpy() is a
    y = xp.asarray(a, copy=True)
    y[0, 0] = 1.0
    assert a[0, 0] == 7.0
    strided = a[::-1, ::2]
    assert np.shares_memory(xp.asarray(strided).numpy(), a)
    np.testing.assert_array_equal(xp.asarray(strided).numpy(), strided)


def test_asarray_of_a_tensor():
    x = xp.asarray(A.copy())
    assert xp.asarray(x) is x and xp.asarray(x, copy=False) is x
    assert xp.asarray(x, dtype=xp.float64, device="cpu") is x
    copied = xp.asarray(x, copy=True)
    copied[...] = 0.0
    assert float(xp.sum(x)) == 15.0
    assert xp.asarray(x, dtype=xp.int8).dtype == xp.int8
    assert str(xp.asarray(x, device="sim:0").device) == "sim:0"


@pytest.mark.parametrize("copy", [None, True, False])
def test_asarray_keeps_the_gradient(copy):
    x = xp.ones(3, requires_grad=True)
    xp.sum(xp.asarray(x * 2, copy=copy) ** 2).backward()
    assert x.grad.tolist() == [8.0] * 3


def test_asarray_of_another_dtype_and_device_keeps_the_gradient():
    x = xp.ones(3, requires_grad=True)
    y = xp.asarray(x, dtype=xp.float32, device="sim:0")
    xp.sum(y * 3).backward()
    assert (
        x.grad.dtype == xp.float64 and str(x.grad.device) == "cpu" and x.grad.tolist() == [3.0] * 3
    )


def test_lists_of_tensors():
    x, y = xp.asarray(2.0).requires_grad_(), xp.asarray([1.0, 3.0]).requires_grad_()
    out = xp.asarray([[x, 1], y, [y[1], np.float64(5)]])
    assert out.tolist() == [[2.0, 1.0], [1.0, 3.0], [3.0, 5.0]]
    xp.sum(out * out).backward()
    assert float(x.grad) == 4.0 and y.grad.tolist() == [2.0, 12.0]
    assert xp.asarray([xp.asarray(1), 2.5]).dtype == xp.float64
    assert xp.asarray((xp.asarray(1), True), dtype=xp.int8).dtype == xp.int8
    assert str(xp.asarray([xp.asarray(1.0, device="sim:0"), 2.0]).device) == "sim:0"


def test_read_only_arrays_stay_read_only():
    a = A.copy()
    a.flags.writeable = False
    x = xp.asarray(a)
    with pytest.raises(ValueError, match=r"__setitem__: the tensor is read-only.*copy"):
        x[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        x += 1.0
    xp.asarray(a, copy=True)[0, 0] = 1.0


def test_byte_orders():
    a = A.astype(">f8")
    x = xp.asarray(a)
    assert x.dtype == xp.float64 and x.numpy().dtype.isnative
    np.testing.assert_array_equal(x.numpy(), a)
    with pytest.raises(ValueError, match="asarray: copy=False, but the byte order"):
        xp.asarray(a, copy=False)
    with pytest.raises(TypeError, match=r"from_numpy: x has dtype >f8.*asarray changes"):
        xp.from_numpy(a)
    assert xp.zeros(1, dtype=np.dtype(">f4")).dtype == xp.float32


def test_subclasses_of_arrays():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix([[1.0, 2.0]])
    x = xp.asarray(matrix)
    assert type(x.numpy()) is np.ndarray and (x * x).tolist() == [[1.0, 4.0]]
    assert np.shares_memory(x.numpy(), matrix)
    masked = xp.asarray(np.ma.array([1.0, 2.0], mask=[False, True]))
    assert type(masked.numpy()) is np.ndarray and masked.tolist() == [1.0, 2.0]  # as numpy.asarray
    assert type(xp.from_numpy(matrix).numpy()) is np.ndarray


def test_objects_with_an_array_method():
    class Holder:
        def __array__(self, dtype=None, copy=None):
            return np.array(A) if copy else A

    np.testing.assert_array_equal(xp.asarray(Holder()).numpy(), A)
    assert not np.shares_memory(xp.asarray(Holder(), copy=True).numpy(), A)


def test_tensor_copies_and_detaches():
    a = A.copy()
    x = xp.tensor(a, requires_grad=True)
    assert x.is_leaf and x.requires_grad and not np.shares_memory(x.detach().numpy(), a)
    y = xp.tensor(x * 2)
    assert not y.requires_grad and not np.shares_memory(y.numpy(), x.detach().numpy())
    assert not xp.tensor([x, x]).requires_grad
    assert xp.tensor([1, 2], dtype=xp.float32, device="sim:0").dtype == xp.float32


def test_from_numpy_shares():
    a = A.copy()
    x = xp.from_numpy(a[:, ::-1])
    x[0, 0] = 9.0
    assert a[0, 2] == 9.0
    assert xp.from_numpy(np.array(1.0)).shape == ()


def test_requires_grad_of_asarray():
    x = xp.asarray(A, requires_grad=True)
    assert x.is_leaf and x.requires_grad
    assert xp.asarray(x, requires_grad=True) is x
    y = x * 2
    assert xp.asarray(y, requires_grad=True) is y


def test_the_default_dtype(float32):
    assert xp.asarray(1.0).dtype == xp.asarray([[1.0], [2.0]]).dtype == xp.float32
    assert xp.asarray(1j).dtype == xp.asarray([1.0, 1j]).dtype == xp.complex64
    assert xp.asarray(np.float64(1)).dtype == xp.asarray([np.float64(1)]).dtype == xp.float64
    assert xp.asarray(np.ones(2)).dtype == xp.float64
    assert xp.asarray([1.0], dtype=xp.float64).dtype == xp.float64
    assert xp.asarray([1, 2]).dtype == xp.int64
    for out in [xp.zeros(2), xp.ones(2), xp.empty(2), xp.full(2, 1.0), xp.arange(3.0), xp.eye(2),
                xp.linspace(0, 1, 3), xp.logspace(0, 1, 3), xp.tensor([1.0])]:  # fmt: skip
        assert out.dtype == xp.float32
    assert xp.linspace(0, 1j, 3).dtype == xp.full(2, 1j).dtype == xp.complex64
    assert xp.get_default_dtype() == xp.float32
    assert xp.__array_namespace_info__().default_dtypes()["real floating"] == xp.float32


def test_meshgrid_copies():
    x = xp.arange(2)
    first, second = xp.meshgrid(x, xp.asarray(5))
    assert first.tolist() == [[0, 1]] and second.tolist() == [[5, 5]]
    first[...] = 9
    assert x.tolist() == [0, 1]
    assert xp.meshgrid() == ()


def test_from_dlpack():
    x = xp.asarray(A.copy())
    assert xp.from_dlpack(x) is x and xp.from_dlpack(x, copy=True) is not x
    assert np.shares_memory(xp.from_dlpack(x.numpy()).numpy(), x.numpy())
    assert str(xp.from_dlpack(x, device="sim:0").device) == "sim:0"
    with pytest.raises(BufferError, match="from_dlpack: copy=False, but going from cpu to sim:0"):
        xp.from_dlpack(x, device="sim:0", copy=False)
    with pytest.raises(
        TypeError, match="from_dlpack: x is a list; allowed are arrays with __dlpack"
    ):
        xp.from_dlpack([1.0])


ONE = xp.ones(2)
GRAD = xp.ones((), requires_grad=True)
ERRORS = [
    (lambda: xp.zeros(-1), ValueError, "zeros: shape is -1; sizes must not be negative"),
    (lambda: xp.ones((2, -1)), ValueError, r"ones: shape is \(2, -1\)"),
    (lambda: xp.empty(2.0), TypeError, "empty: shape is 2.0; allowed are an int or ints"),
    (lambda: xp.zeros("a"), TypeError, "zeros: shape is 'a'"),
    (lambda: xp.zeros(2, 3), TypeError, r"the sizes are one argument: zeros\(\(2, 3\)\)"),
    (lambda: xp.zeros(2, dtype="float99"), TypeError, "zeros: dtype is 'float99'; allowed"),
    (lambda: xp.zeros(2, dtype=object), TypeError, "zeros: dtype is <class 'object'>"),
    (lambda: xp.zeros(2, dtype="int8", requires_grad=True), RuntimeError, "zeros: .*dtype int8"),
    (lambda: xp.zeros(2, device="gpu"), ValueError, "zeros: device is 'gpu'; allowed"),
    (lambda: xp.zeros_like([1]), TypeError, "zeros_like: x is a builtins.list"),
    (lambda: xp.full_like(1.0, 2), TypeError, "full_like: x is a builtins.float"),
    (lambda: xp.full(2, "a"), TypeError, "full: fill_value is 'a' of type str; allowed"),
    (lambda: xp.full(2, [1, 2]), TypeError, "full: fill_value is .*list; allowed are Python"),
    (lambda: xp.full(2, 1j, dtype="float64"), TypeError, "full: fill_value is 1j, but dtype is fl"),
    (lambda: xp.full_like(ONE, 1j), TypeError, "full_like: fill_value is 1j"),
    (lambda: xp.full(2, -1, dtype="uint8"), OverflowError, "full: .*-1, out of bounds for uint8"),
    (lambda: xp.full(2, xp.ones(3)), ValueError, r"\(3,\) could not be broadcast to \(2,\)"),
    (lambda: xp.arange(1, 2, 0), ValueError, "arange: step is 0; it must not be"),
    (lambda: xp.arange("a"), TypeError, "arange: start is 'a'; allowed are numbers"),
    (lambda: xp.arange(1j), TypeError, "arange: start, stop, step are 0, 1j, 1; allowed are real"),
    (lambda: xp.arange(float("inf")), ValueError, "arange: .*inf"),
    (lambda: xp.arange(3, dtype="bool"), TypeError, "arange: dtype is bool"),
    (lambda: xp.arange(ONE), TypeError, r"arange: start has shape \(2,\); it must be 0-d"),
    (lambda: xp.arange(GRAD), RuntimeError, r"arange: start requires grad.*start\.detach\(\)"),
    (lambda: xp.linspace(0, 1, -1), ValueError, "linspace: num is -1"),
    (lambda: xp.linspace(0, 1, 2.5), TypeError, "linspace: num is 2.5; allowed is an integer"),
    (lambda: xp.linspace(0, 1j, 3, dtype="float64"), TypeError, "linspace: .*dtype is float64"),
    (lambda: xp.linspace([0], 1, 3), TypeError, r"linspace: start is \[0\]; allowed are numbers"),
    (lambda: xp.logspace(0, 1, -1), ValueError, "logspace: num is -1"),
    (lambda: xp.eye(-1), ValueError, "eye: n_rows is -1"),
    (lambda: xp.eye(2, 2.5), TypeError, "eye: n_cols is 2.5"),
    (lambda: xp.meshgrid(xp.ones((2, 2))), ValueError, r"meshgrid: arrays\[0\] has shape \(2, 2\)"),
    (lambda: xp.meshgrid(ONE, indexing="x"), ValueError, "meshgrid: indexing is 'x'; allowed"),
    (lambda: xp.meshgrid([1]), TypeError, r"meshgrid: arrays\[0\] is a builtins.list"),
    (lambda: xp.asarray("abc"), TypeError, "asarray: .*str"),
    (lambda: xp.asarray(b"abc"), TypeError, "asarray: .*bytes"),
    (lambda: xp.asarray(["a"]), TypeError, "asarray: obj gives dtype <U1; allowed"),
    (lambda: xp.asarray(None), TypeError, "asarray: obj gives dtype object"),
    (lambda: xp.asarray({1: 2}), TypeError, "asarray: obj gives dtype object"),
    (lambda: xp.asarray([object()]), TypeError, "asarray: obj gives dtype object"),
    (
        lambda: xp.asarray(np.array(1, "M8[s]")),
        TypeError,
        r"asarray: obj gives dtype datetime64\[s\]",
    ),
    (lambda: xp.asarray(np.zeros(1, "i4,f4")), TypeError, "asarray: obj gives dtype"),
    (lambda: xp.asarray([[1], [1, 2]]), ValueError, "asarray: obj is no array: .*inhomogeneous"),
    (
        lambda: xp.asarray([ONE, [1.0]]),
        ValueError,
        r"asarray: .*different shapes \[\(1,\), \(2,\)\]",
    ),
    (lambda: xp.asarray(2**64), OverflowError, "asarray: obj is 18446744073709551616; allowed"),
    (lambda: xp.asarray(-1, dtype="uint8"), OverflowError, "asarray: .*-1 out of bounds for uint8"),
    (lambda: xp.asarray([300], dtype="uint8"), OverflowError, "asarray: .*300 out of bounds"),
    (lambda: xp.asarray(1j, dtype="float64"), TypeError, "asarray: obj is complex and cannot"),
    (lambda: xp.asarray(ONE, dtype="flaot32"), TypeError, "asarray: dtype is 'flaot32'.*'float32'"),
    (lambda: xp.asarray([1.0], copy=False), ValueError, "asarray: copy=False, but a list has to"),
    (lambda: xp.asarray(1, copy=False), ValueError, "asarray: copy=False, but a int has to"),
    (lambda: xp.asarray(range(3), copy=False), ValueError, "asarray: copy=False, but a range"),
    (lambda: xp.asarray([ONE], copy=False), ValueError, "asarray: copy=False, but a list of Tens"),
    (lambda: xp.asarray(A, copy=False, dtype="int8"), ValueError, "copy=False, but dtype float64"),
    (lambda: xp.asarray(A, copy=False, device="sim:0"), ValueError, "copy=False, but .*sim:0"),
    (lambda: xp.asarray(ONE, copy=False, dtype="int8"), ValueError, "going from float64 to int8"),
    (lambda: xp.asarray(ONE, copy=False, device="sim:0"), ValueError, "from cpu to sim:0 has to"),
    (lambda: xp.asarray([1], requires_grad=True), RuntimeError, "asarray: .*dtype int64"),
    (lambda: xp.tensor([1], requires_grad=True), RuntimeError, "tensor: .*dtype int64"),
    (lambda: xp.from_numpy([1]), TypeError, "from_numpy: x is a list; allowed is a numpy.ndarray"),
    (lambda: xp.from_numpy(np.array(["a"])), TypeError, "from_numpy: x has dtype <U1"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[e[2][:40] for e in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
