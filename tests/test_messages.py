"""Common mistakes of users of NumPy and PyTorch, and what the errors must tell them.

Each row: the mistake, the exception, and what its message holds: the function, what was given,
what is allowed, the likely fix.
"""

from operator import attrgetter

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend.names import _OTHER_NAMES

X = xp.ones((2, 3))
Y = xp.ones((4, 5))
V = xp.ones(3)
I = xp.asarray([1, 2, 3])
Z = V * 1j
BYTES = xp.asarray([1, 2], dtype=xp.uint8)
ZERO_D = xp.asarray(1.0)
LEAF = xp.ones(3, requires_grad=True)
OTHER = xp.ones(3, requires_grad=True)
FAR = xp.ones(3, device="sim:0")
grad = xp.autograd.grad


def backward_twice():
    y = xp.sum(LEAF * LEAF)
    grad(y, LEAF)
    grad(y, LEAF)


def write_what_was_saved():
    a = LEAF * 2
    b = a * a
    a += 1
    grad(xp.sum(b), LEAF)


def write(operator, target=None):
    """Return a function that runs a statement on a fresh tensor `a`."""
    return lambda: exec(operator, {"a": xp.ones(3) if target is None else target(), "xp": xp})


def leaf():
    return xp.ones(3, requires_grad=True)


CORE = [
    # shapes
    (lambda: X @ Y, ValueError, "matmul", "(2, 3)", "(4, 5)", "last of x1", "x.mT"),
    (lambda: xp.matmul(X, X), ValueError, "matmul", "(2, 3)", "contracted axes do not match"),
    (lambda: X + Y, ValueError, "add", "(2, 3)", "(4, 5)", "could not be broadcast", "equal or 1"),
    (lambda: xp.multiply(X, Y), ValueError, "multiply", "(2, 3)", "(4, 5)", "equal or 1"),
    (lambda: xp.where(X > 0, X, Y), ValueError, "where", "condition", "(4, 5)", "equal or 1"),
    (lambda: xp.concat([X, Y]), ValueError, "concat", "(2, 3)", "(4, 5)", "axis 0"),
    (lambda: xp.stack([X, Y]), ValueError, "stack", "(2, 3)", "(4, 5)", "must be the same"),
    (lambda: X.reshape(4, 2), ValueError, "reshape", "(2, 3)", "6 elements", "(4, 2)"),
    (lambda: X.reshape(-1, 4), ValueError, "reshape", "(2, 3)", "(-1, 4)"),
    (lambda: X.reshape(-1, -1), ValueError, "reshape", "(-1, -1)", "one size may be -1"),
    (lambda: X.mT.view(6), ValueError, "view", "(3, 2)", "strides", "(6,)", "reshape copies"),
    (lambda: X.squeeze(0), ValueError, "squeeze", "axis is 0", "(2, 3)", "must be 1"),
    (lambda: xp.broadcast_to(V, (2, 4)), ValueError, "broadcast_to", "(3,)", "(2, 4)"),
    (lambda: xp.matrix_transpose(V), ValueError, "matrix_transpose", "(3,)", "two axes"),
    (lambda: xp.permute_dims(X, (0, 0)), ValueError, "permute_dims", "(0, 0)", "permutation of 2"),
    (lambda: xp.repeat(V, [1, 2]), ValueError, "repeat", "(2,)", "3 elements", "an int or one"),
    (lambda: xp.tensordot(X, Y), ValueError, "tensordot", "[2, 3]", "[4, 5]", "must be equal"),
    (lambda: xp.vecdot(X, Y), ValueError, "vecdot", "3", "5", "axis -1", "must be equal"),
    (lambda: xp.linalg.cross(X[0, :2], X[0, :2]), ValueError, "cross", "(2,)", "must be 3"),
    (lambda: xp.einsum("i", X), ValueError, "einsum", "'i'", "1 letters", "2 axes"),
    (lambda: xp.einsum("ij,jk", X, X), ValueError, "einsum", "(2, 3)"),
    (lambda: xp.nonzero(ZERO_D), ValueError, "nonzero", "0 dimensions", "1 and above"),
    (lambda: xp.cumulative_sum(X), ValueError, "cumulative_sum", "axis is None", "2"),
    (lambda: xp.max(xp.ones(0)), ValueError, "max", "(0,)", "no identity"),
    (lambda: xp.zeros((2, -1)), ValueError, "zeros", "(2, -1)", "not be negative"),
    (lambda: xp.zeros(2.5), TypeError, "zeros", "2.5", "an int or ints"),
    (lambda: xp.asarray([[1, 2], [3]]), ValueError, "asarray", "inhomogeneous", "(2,)"),
    (lambda: xp.asarray([V, [1.0]]), ValueError, "asarray", "different shapes", "(1,)", "(3,)"),
    (lambda: xp.meshgrid(X), ValueError, "meshgrid", "arrays[0]", "(2, 3)", "1-d"),
    # axes and keys
    (lambda: xp.sum(X, axis=2), IndexError, "sum", "axis 2", "dimension 2", "-2 to 1"),
    (lambda: X.mean(dim=5), IndexError, "mean", "axis 5", "dimension 2", "-2 to 1"),
    (lambda: xp.sum(X, axis="a"), TypeError, "sum", "'a'", "str", "integer"),
    (lambda: xp.sum(X, axis=(0, 0)), ValueError, "sum", "(0, 0)", "twice"),
    (lambda: xp.expand_dims(V, axis=5), IndexError, "expand_dims", "axis 5", "-2 to 1"),
    (lambda: X[5], IndexError, "__getitem__", "index 5", "size 2", "(2, 3)"),
    (lambda: X[0, 0, 0], IndexError, "__getitem__", "too many indices", "(2, 3)"),
    (lambda: X[1.5], IndexError, "__getitem__", "1.5", "float", "ints, slices"),
    (lambda: X["name"], IndexError, "__getitem__", "'name'", "str", "ints, slices"),
    (lambda: X[xp.ones(2)], IndexError, "__getitem__", "float64", "integers and booleans"),
    (lambda: X[xp.ones(3) > 0], IndexError, "__getitem__", "boolean index", "size of axis is 2"),
    (lambda: V[FAR > 0], IndexError, "__getitem__", "cpu", "sim:0", ".to(device)"),
    (lambda: V[: xp.asarray(1.5)], IndexError, "__getitem__", "slice bound", "ints"),
    (lambda: xp.take(X, xp.asarray([5]), axis=0), IndexError, "take", "index 5", "(2, 3)"),
    (lambda: xp.take(X, V, axis=0), TypeError, "take", "float64", "integers"),
    (lambda: xp.take_along_axis(X, I), ValueError, "take_along_axis", "1 dimensions", "2 of x"),
    # what is no Tensor
    (lambda: V + list((1, 2, 3)), TypeError, "add", "x2", "list", "Tensors", "tensorxp.asarray"),
    (lambda: V * "a", TypeError, "multiply", "x2", "str", "Python scalars", "tensorxp.asarray"),
    (lambda: V - None, TypeError, "subtract", "x2", "NoneType", "tensorxp.asarray"),
    (lambda: xp.sqrt(2.0), TypeError, "sqrt", "float", "a Tensor", "tensorxp.asarray"),
    (lambda: xp.sin([1.0]), TypeError, "sin", "list", "a Tensor", "tensorxp.asarray"),
    (lambda: xp.exp(np.ones(3)), TypeError, "exp", "numpy.ndarray", "tensorxp.asarray"),
    (lambda: xp.reshape([1, 2], (2,)), TypeError, "reshape", "list", "tensorxp.asarray"),
    (lambda: xp.zeros_like([1]), TypeError, "zeros_like", "list", "tensorxp.asarray"),
    (lambda: xp.concat(5), TypeError, "concat", "5", "sequence of Tensors"),
    (lambda: xp.concat([]), ValueError, "concat", "empty", "at least one"),
    (lambda: xp.asarray("abc"), TypeError, "asarray", "str", "arrays and numbers"),
    (lambda: xp.asarray(object()), TypeError, "asarray", "object", "booleans, integers"),
    (lambda: xp.Tensor([1, 2]), TypeError, "Tensor", "tensorxp.asarray"),
    (lambda: xp.from_numpy([1]), TypeError, "from_numpy", "list", "numpy.ndarray"),
    (lambda: xp.full(2, [1, 2]), TypeError, "full", "[1, 2]", "Python scalars and 0-d"),
    (lambda: xp.linspace(V, 1, 3), TypeError, "linspace", "start", "(3,)", "0-d"),
    (lambda: xp.array([1.0]), AttributeError, "tensorxp", "'array'", "asarray"),
    (lambda: xp.cat([V, V]), AttributeError, "tensorxp", "'cat'", "concat"),
    (lambda: xp.nosuch, AttributeError, "tensorxp", "'nosuch'"),
    (lambda: X.type_as(3), TypeError, "type_as", "other", "int", "a Tensor"),
    (lambda: X.view_as((3, 2)), TypeError, "view_as", "other", "tuple", "a Tensor"),
    (lambda: X.reshape_as([1]), TypeError, "reshape_as", "other", "list", "a Tensor"),
    (lambda: X.expand_as(None), TypeError, "expand_as", "other", "NoneType", "a Tensor"),
    (lambda: X.bmm(3), TypeError, "matmul", "scalars", "x2 is 3"),
    (lambda: 2 @ xp.ones((2, 2)), TypeError, "matmul", "scalars", "x1 is 2", "multiply"),
    (lambda: xp.einsum(X, X), TypeError, "einsum", "subscripts", "Tensor", "a str"),
    (lambda: xp.einsum(3), TypeError, "einsum", "subscripts", "int", "a str"),
    # words of PyTorch
    (lambda: X.size(), TypeError, "size", "attribute", "x.shape"),
    (lambda: X.size(0), TypeError, "size", "x.shape[0]"),
    (lambda: xp.ones(2, 3), TypeError, "ones", "ones((2, 3))"),
    (lambda: xp.zeros(2, 3, 4), TypeError, "zeros", "zeros((2, 3, 4))"),
    (lambda: xp.empty(2, "float32"), TypeError, "empty", "empty(2, dtype=...)"),
    (lambda: xp.sum(X, dim=0), TypeError, "sum", "dim", "sum(x, axis=0)"),
    (lambda: xp.argmax(X, dim=1), TypeError, "argmax", "dim", "argmax(x, axis=1)"),
    (lambda: xp.cumsum(X, dim=1), TypeError, "cumsum", "dim", "cumsum(x, axis=1)"),
    (lambda: X.max(dim=1), TypeError, "max", "dim", "amax(dim=...)", "argmax(axis=...)"),
    (lambda: X.min(dim=1, keepdim=True), TypeError, "min", "amin(dim=...)", "argmin(axis=...)"),
    (lambda: X.std(dim=0), TypeError, "std", "n - 1", "correction=1", "axis="),
    (lambda: X.var(dim=0), TypeError, "var", "n - 1", "correction=1", "axis="),
    (lambda: X.std(True), TypeError, "std", "axis is True"),
    (lambda: xp.sum(X, axis=True), TypeError, "sum", "axis is True", "integer"),
    (lambda: X.std(0, unbiased=True), TypeError, "std", "unbiased", "correction=1"),
    (lambda: X.sum(0, True), TypeError, "sum", "keepdims=True"),
    (lambda: X.sum(0, dim=0), TypeError, "sum", "both axis and dim"),
    # dtypes
    (lambda: xp.zeros(3, dtype="flaot32"), TypeError, "zeros", "'flaot32'", "int64",
     "did you mean"),
    (lambda: V.astype("string"), TypeError, "astype", "'string'", "float64"),
    (lambda: V.to("flaot64"), TypeError, "to: ", "'flaot64'", "did you mean 'float64'"),
    (lambda: xp.float32(3), TypeError, "float32", "asarray(value, dtype=tensorxp.float32)"),
    (lambda: xp.astype(Z, xp.float64), TypeError, "astype", "complex128", "float64", "real(x)"),
    (lambda: xp.isdtype(xp.float32, "float"), ValueError, "isdtype", "'float'", "real floating"),
    (lambda: xp.finfo(xp.int8), TypeError, "finfo", "int8", "floating-point"),
    (lambda: V & V, TypeError, "bitwise_and", "float64", "integers and booleans"),
    (lambda: I << 1.5, TypeError, "bitwise_left_shift", "int64", "1.5", "integers and booleans"),
    (lambda: I**-1, ValueError, "pow", "int64", "-1", "float exponent"),
    (lambda: xp.fft.rfft(Z), TypeError, "rfft", "complex128", "real"),
    (lambda: xp.asarray(300, dtype=xp.uint8), OverflowError, "asarray", "300", "uint8"),
    (lambda: BYTES + 300, OverflowError, "add", "x2 is 300", "uint8 holds 0 to 255"),
    (lambda: xp.maximum(-1, BYTES), OverflowError, "maximum", "x1 is -1", "uint8 holds 0 to 255"),
    (lambda: I * 2**70, OverflowError, "multiply", "x2 is 11805", "int64 holds -922"),
    (lambda: V * 10**5000, OverflowError, "multiply", "x2 is an int of 16610 bits"),
    (lambda: xp.full(2, 300, dtype="uint8"), OverflowError, "full", "300", "uint8"),
    (write("a[0] = 300", lambda: BYTES), OverflowError, "__setitem__", "300", "holds 0 to 255"),
    (write("a += 300", lambda: BYTES), OverflowError, "in-place add", "300", "uint8"),
    (lambda: xp.sum(Z, dtype=xp.float32), TypeError, "sum", "complex128", "float32", "real(x)"),
    (lambda: Z.prod(dtype="int64"), TypeError, "prod", "complex128", "int64", "real(x)"),
    (lambda: xp.cumulative_sum(Z, dtype="float64"), TypeError, "cumulative_sum", "complex128"),
    (lambda: xp.cumprod(Z, dtype="float64"), TypeError, "cumulative_prod", "float64"),
    (lambda: xp.topk, AttributeError, "'topk'", "sort(x, descending=True)[..., :k]"),
    (lambda: V.topk(2), AttributeError, "Tensor", "'topk'", "sort(x, descending=True)[..., :k]"),
    (lambda: V.scatter_add(0, I, V), AttributeError, "'scatter_add'", "index_add(x, key, values)"),
    (lambda: xp.masked_fill, AttributeError, "'masked_fill'", "where(mask, value, x)"),
    (lambda: xp.clip(V, "a"), TypeError, "clip", "min", "str", "Tensors"),
    (lambda: xp.set_default_dtype("int8"), TypeError, "set_default_dtype", "int8", "float32"),
    # devices
    (lambda: V + FAR, xp.DeviceError, "add", "cpu", "sim:0", "one device", "x.to(device)"),
    (lambda: xp.concat([V, FAR]), xp.DeviceError, "concat", "cpu", "sim:0", "x.to(device)"),
    (lambda: np.ones(3) + FAR, xp.DeviceError, "add", "sim:0", "asarray", 'device="sim:0"'),
    (lambda: xp.zeros(3, device="gpu"), ValueError, "zeros", "'gpu'", '"cpu"', '"cuda"'),
    (lambda: V.to("sim:9"), xp.DeviceError, "sim:9", "does not exist", "2 simulated devices"),
    (lambda: FAR.numpy(), TypeError, "numpy", "sim:0", "t.cpu().numpy()"),
    (lambda: np.asarray(FAR), TypeError, "numpy.asarray", "sim:0", "t.cpu()"),
    # to Python and NumPy
    (lambda: float(V), TypeError, "float", "(3,)", "one element", "t[index]"),
    (lambda: V.item(), TypeError, "item", "(3,)", "one element", "t.tolist()"),
    (lambda: bool(V > 0), ValueError, "bool", "(3,)", "ambiguous", "tensorxp.any or tensorxp.all"),
    (lambda: range(V), TypeError, "index", "(3,)", "float64", "0-d integer"),
    (lambda: len(ZERO_D), TypeError, "len", "0-d", "t.size"),
    (lambda: list(ZERO_D), TypeError, "iter", "0-d", "t.item()"),
    (lambda: LEAF.numpy(), RuntimeError, "numpy", "requires grad", "t.detach().numpy()"),
    (lambda: np.asarray(LEAF), RuntimeError, "numpy.asarray", "requires grad", "t.detach()",
     "no_grad"),
    # gradients
    (lambda: I.requires_grad_(), RuntimeError, "requires_grad_", "int64", "floating-point"),
    (lambda: xp.ones(3, dtype=xp.int64, requires_grad=True), RuntimeError, "ones", "int64",
     "float"),
    (lambda: (LEAF * 2).backward(), RuntimeError, "backward", "(3,)", "one element", "sum first"),
    (lambda: xp.sum(V).backward(), RuntimeError, "backward", "grad_fn", "requires_grad=True"),
    (backward_twice, RuntimeError, "already", "'multiply'", "retain_graph=True"),
    (write_what_was_saved, RuntimeError, "'multiply'", "version 1, expected version 0", "clone"),
    (write("a += 1", leaf), RuntimeError, "in-place add", "leaf", "tensorxp.no_grad()"),
    (write("a[0] = 1", leaf), RuntimeError, "__setitem__", "leaf", "tensorxp.no_grad()"),
    (lambda: (LEAF * 2).requires_grad_(False), RuntimeError, "only leaf", "'multiply'",
     "t.detach()"),
    (lambda: LEAF.backward(xp.ones(2)), RuntimeError, "backward", "gradient", "(2,)", "(3,)"),
    (lambda: LEAF.backward(1.0), TypeError, "backward", "gradient", "float", "Tensor"),
    (lambda: grad(xp.sum(LEAF), OTHER), RuntimeError, "grad", "do not depend", "allow_unused=True"),
    (lambda: grad(xp.sum(LEAF), [3]), TypeError, "grad", "inputs[0]", "int", "Tensors"),
    (write("a.grad = 3"), TypeError, "grad", "int", "Tensor, None"),
    (write("a.grad = xp.ones(2)"), RuntimeError, "grad", "(2,)", "(3,)", "float64"),
    (lambda: V.register_hook(print), RuntimeError, "register_hook", "does not require grad"),
    (lambda: xp.autograd.jvp(xp.sin, V, xp.ones(2)), ValueError, "jvp", "tangents[0]", "(2,)",
     "(3,)"),
    (lambda: xp.autograd.gradcheck(xp.sin, (V,)), ValueError, "gradcheck", "requires_grad=True"),
    (lambda: xp.arange(ZERO_D.detach().requires_grad_()), RuntimeError, "arange", "start.detach()"),
    # writes
    (write("a += xp.ones((2, 3))"), ValueError, "in-place add", "(3,)", "(2, 3)", "x = x op y"),
    (write("a += 1j"), TypeError, "in-place add", "float64", "complex", "x = x op y"),
    (write("a[0] = xp.ones(2)"), ValueError, "__setitem__", "(2,)", "()", "(3,)"),
    (write('a[0] = "a"'), TypeError, "__setitem__", "<U1", "float64"),
    (write("a[7] = 1.0"), IndexError, "__setitem__", "index 7", "(3,)"),
    (write("b = xp.broadcast_to(a, (2, 3)); b += 1"), ValueError, "in-place add", "read-only",
     "x.copy()"),
    (write("xp.broadcast_to(a, (2, 3))[0] = 1.0"), ValueError, "__setitem__", "read-only", "copy"),
    # linear algebra, random numbers
    (lambda: xp.linalg.inv(X), ValueError, "inv", "(2, 3)", "must be equal"),
    (lambda: xp.linalg.inv(xp.zeros((2, 2))), ValueError, "inv", "Singular", "(2, 2)"),
    (lambda: xp.linalg.cholesky(-xp.eye(2)), ValueError, "cholesky", "not positive definite"),
    (lambda: xp.linalg.det(V), ValueError, "det", "(3,)", "two axes"),
    (lambda: xp.quantile(V, 2.0), ValueError, "quantile", "2.0", "0 to 1"),
    (lambda: xp.random.normal(shape=(-1,)), ValueError, "normal", "(-1,)", "not be negative"),
    (lambda: xp.random.randint(5, 2, (3,)), ValueError, "randint", "5", "2", "below"),
]  # fmt: skip


def net():
    return xp.nn.Sequential(xp.nn.Linear(3, 4), xp.nn.ReLU(), xp.nn.Linear(4, 2))


def load(changes):
    """Return a function that loads a state dict with `changes`."""

    def call():
        module = net()
        module.load_state_dict({**module.state_dict(), **changes})

    return call


NN = [
    (lambda: net()(Y), RuntimeError, "linear", "(4, 5)", "(4, 3)", "last axis of 3"),
    (lambda: xp.nn.Conv2d(3, 4, 3)(xp.ones((1, 2, 8, 8))), RuntimeError, "conv2d", "3 channels",
     "2"),
    (lambda: xp.nn.Conv2d(3, 4, 3)(Y), RuntimeError, "conv2d", "(4, 5)", "4 axes"),
    (lambda: xp.nn.Conv2d(3, 4, 9)(xp.ones((1, 3, 4, 4))), RuntimeError, "conv2d", "(9, 9)"),
    (lambda: xp.nn.LayerNorm(3)(Y), RuntimeError, "normalized_shape=[3]", "(4, 5)"),
    (lambda: xp.nn.Embedding(3, 4)(xp.asarray([5])), IndexError, "embedding", "[0, 3)"),
    (lambda: xp.nn.Embedding(3, 4)(V), TypeError, "embedding", "float64", "integer"),
    (lambda: xp.nn.Dropout(2.0), ValueError, "dropout", "2.0", "between 0 and 1"),
    (lambda: xp.nn.Parameter([1.0]), TypeError, "Parameter", "list", "tensorxp.asarray"),
    (lambda: xp.nn.Parameter(I), RuntimeError, "int64", "floating-point"),
    (lambda: xp.nn.functional.cross_entropy(X, xp.asarray([0])), ValueError, "cross_entropy",
     "(1,)", "(2,)", "(2, 3)"),
    (lambda: xp.nn.functional.mse_loss(X, X, reduction="avg"), ValueError, "avg", "reduction"),
    (lambda: xp.nn.functional.relu([1.0]), TypeError, "relu", "list", "tensorxp.asarray"),
    (lambda: xp.nn.Sequential(3), TypeError, "int", "Module"),
    (lambda: xp.nn.Module()(X), NotImplementedError, "Module", "forward"),
    (lambda: net().nosuch, AttributeError, "Sequential", "'nosuch'"),
    (lambda: net().to("gpu"), ValueError, "to", "'gpu'", '"cpu"', '"cuda"'),
    (load({"extra": V}), RuntimeError, "Sequential", "Unexpected key", '"extra"'),
    (load({"0.weight": Y}), RuntimeError, "size mismatch", "0.weight", "(4, 5)", "(4, 3)"),
    (lambda: net().load_state_dict({}), RuntimeError, "Missing key", '"0.weight"', '"2.bias"'),
    (lambda: net().load_state_dict([1]), TypeError, "state_dict", "list", "dict"),
    (lambda: xp.optim.SGD([], lr=0.1), ValueError, "SGD", "empty parameter list"),
    (lambda: xp.optim.SGD(net(), lr=0.1), TypeError, "Tensors", "Linear"),
    (lambda: xp.optim.SGD([LEAF], lr=-1), ValueError, "SGD", "-1", "not be negative"),
    (lambda: xp.optim.SGD([LEAF * 2], lr=0.1), ValueError, "non-leaf"),
]  # fmt: skip


def check(call, error, fragments):
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    missing = [fragment for fragment in fragments if fragment not in text]
    assert not missing, f"{missing} not in: {text}"


@pytest.mark.parametrize(
    "row", CORE + NN, ids=[f"{i}-{row[2].strip()}" for i, row in enumerate(CORE + NN)]
)
def test_message(row):
    call, error, *fragments = row
    check(call, error, fragments)


@pytest.mark.skipif(xp.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("call", [lambda: V.cuda(), lambda: xp.zeros(3, device="cuda:1")])
def test_the_message_without_cuda(call):
    check(call, xp.DeviceError, ["'cuda", "was asked for"])


def test_hints_are_right():
    for theirs, ours in _OTHER_NAMES.items():
        assert not hasattr(xp, theirs), f"{theirs} has come to exist"
        is_name = ours.replace(".", "").isidentifier()
        assert not is_name or attrgetter(ours)(xp) is not None
    for name in _OTHER_NAMES:
        if name in dir(xp.Tensor) and not hasattr(V, name):
            assert not hasattr(xp.Tensor, name)


def test_there_are_a_hundred():
    assert len(CORE) >= 100
