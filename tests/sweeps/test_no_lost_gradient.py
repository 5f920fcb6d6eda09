"""No gradient is lost in silence, by whatever parameter of whatever function.

Each parameter that is not structure (an axis, a dtype, …) is given as a Tensor that requires grad.
Where the result follows it, the gradient is the slope by differences, or there is an error.
"""

import inspect
from importlib import import_module

import numpy as np
import pytest

import tensorxp as xp
from tests.sweeps.calls import CALLS, argument

SPACES = {
    "xp": xp, "linalg": xp.linalg, "fft": xp.fft, "special": xp.special,
    "F": xp.nn.functional, "random": xp.random, "Tensor": xp.Tensor, "np": np,
    "np.linalg": np.linalg, "np.fft": np.fft,
}  # fmt: skip
STRUCTURE = set(
    "axis axes dtype device keepdims keepdim shape dim out copy requires_grad generator inplace "
    "reduction training order indexing mode size_average reduce self".split()
)
#: Documented: values that are copied or drawn without history, or that are not set at all.
DETACHED = {
    "xp.tensor data": "as PyTorch's, a copy without history",
    "xp.empty_like x": "no values",
    "np.empty_like prototype": "no values",
    "np.empty like": "no values",
    "random.randint_like low": "integers are drawn",
    "Tensor.new_tensor data": "as PyTorch's, a copy without history",
    "Tensor.tolist self": "Python numbers",
    "Tensor.detach self": "says so",
    "linalg.eig x": "the phase of eigenvectors is free",
    "np.linalg.eig a": "the phase of eigenvectors is free",
}
STEP = 1e-4
#: What is no function of numbers, or has no case in the table since nothing there is a parameter.
LEFT_OUT = set(
    """
    astype bool can_cast complex128 complex64 einsum float16 float32 float64 from_numpy int16 int32
    int64 int8 isdtype permute_dims result_type to_device uint16 uint32 uint64 uint8 multi_dot
    affine_grid ctc_loss max_unpool1d max_unpool2d max_unpool3d multi_head_attention_forward
    upsample upsample_bilinear upsample_nearest manual_seed set_rng_state set_default_dtype compile
    set_default_device device
    """.split()
)


def floats(out):
    """Return the floating-point Tensors in a result."""
    if isinstance(out, xp.Tensor):
        return [out] if out._data.dtype.kind in "fc" else []
    return [x for item in out for x in floats(item)] if isinstance(out, tuple | list) else []


def parameters(fn):
    """Return the parameters of a function, those of a ufunc by its number of inputs."""
    if isinstance(fn, np.ufunc):
        kind = inspect.Parameter.POSITIONAL_ONLY
        return [inspect.Parameter(f"x{i + 1}", kind) for i in range(fn.nin)]
    try:
        given = inspect.signature(fn).parameters.values()
    except ValueError:  # of C without a signature, before NumPy 2.3
        return []
    return [p for p in given if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


class Call:
    """A function with its required arguments and one that varies."""

    def __init__(self, fn, code, varied):
        self.fn, self.varied = fn, varied
        self.required = [p for p in parameters(fn) if p.default is p.empty]
        self.codes = dict(zip([p.name for p in self.required], code.split(), strict=False))

    def values(self):
        """Return the values to try for what varies."""
        if self.varied.name in self.codes:
            own = [argument(self.codes[self.varied.name])]
        else:
            own = [self.varied.default] if isinstance(self.varied.default, float) else []
        tried = [*own, 0.5, 1.5, argument("v")]
        return [np.asarray(v, dtype=float) for v in tried if np.asarray(v).dtype.kind in "iuf"]

    def __call__(self, value):
        """Return the floating-point results for a Tensor in the place of what varies."""
        args, named = [], {self.varied.name: value}
        for p in self.required:
            x = argument(self.codes[p.name])
            x = xp.asarray(x) if isinstance(x, np.ndarray) else x
            if p.kind is p.KEYWORD_ONLY:
                named.setdefault(p.name, x)
            else:
                args.append(named.pop(p.name, x))
        xp.random.manual_seed(0)
        out = self.fn(*args, **named)
        return floats(args[0] if out is None and args else out)

    def total(self, value):
        """Return a weighted sum of the results as a Tensor; 0 where nothing is differentiable."""
        total = 0.0
        for k, y in enumerate(self(value)):
            weight = np.random.default_rng(k).uniform(0.5, 1.5, y.shape)
            total = total + xp.sum(xp.real(y) * xp.asarray(weight))
        return total


def slope(call, value):
    """Return the slope of `call.total` at `value`, None where it has none."""
    left, at, again, right = (
        float(call.total(xp.asarray(value + h))) for h in (-STEP, 0.0, 0.0, STEP)
    )
    if not np.isfinite([left, at, right]).all() or at != again:  # memory that nobody wrote
        return None
    sides = (right - at) / STEP, (at - left) / STEP
    if abs(sides[0] - sides[1]) > 1e-2 * (1e-2 + max(map(abs, sides))):
        return None  # a kink or a jump
    return sum(sides) / 2


ALLOWED = (TypeError, ValueError, RuntimeError, NotImplementedError, IndexError, AttributeError,
           AssertionError, OverflowError, KeyError, ZeroDivisionError, BufferError)  # fmt: skip


def wrong_of(name, fn, code, counts):
    """Return what is wrong with the gradients by a function's parameters."""
    wrong = []
    for p in parameters(fn):
        if (p.name in STRUCTURE and p.name != "self") or f"{name} {p.name}" in DETACHED:
            continue
        call = Call(fn, code, p)
        for value in call.values():
            try:
                expected = slope(call, value)
            except ALLOWED:
                continue  # no value to give here
            leaf = xp.asarray(value, requires_grad=True)
            try:
                total = call.total(leaf)
                if isinstance(total, float) or expected is None:
                    break
                counts.append(name)
                if not total.requires_grad:
                    if abs(expected) > 1e-6:
                        wrong.append(f"{name}: the gradient by {p.name} is lost ({expected})")
                    break
                (found,) = xp.autograd.grad(total, leaf, allow_unused=True)
            except ALLOWED:
                break  # refused
            found = 0.0 if found is None else float(xp.sum(found))
            if abs(found - expected) > 1e-3 * (1 + abs(expected)):
                wrong.append(f"{name}: the gradient by {p.name} is {found}, the slope {expected}")
            break
    return wrong


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("space", CALLS)
def test_every_parameter(space):
    wrong, counts = [], []
    for code, names in CALLS[space].items():
        for name in names.split():
            fn = getattr(SPACES[space], name, None)
            if fn is not None:
                wrong += wrong_of(f"{space}.{name}", fn, code, counts)
    assert not wrong, "\n".join(wrong)
    assert len(counts) >= len(CALLS[space]) / 4


def test_every_function_is_in_the_table():
    modules = [import_module(f"tensorxp.{n}") for n in ("linalg", "fft", "special", "random")]
    modules = [*zip(("linalg", "fft", "special", "random"), modules, strict=True), ("xp", xp)]
    missing = []
    for space, module in [*modules, ("F", xp.nn.functional)]:
        known = {name for names in CALLS[space].values() for name in names.split()} | LEFT_OUT
        for name in module.__all__:
            fn = getattr(module, name)
            if not inspect.isfunction(fn) or name in known:
                continue
            if any(p.default is p.empty for p in parameters(fn)):
                missing.append(f"{space}.{name}")
    assert not missing


X = np.asarray([0.3, 1.7, -0.4, 0.9, 2.2])
Q = np.asarray([0.1, 0.37, 0.5, 0.8, 1.0])


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_by_q(method):
    x, q = xp.asarray(X, requires_grad=True), xp.asarray(Q, requires_grad=True)
    xp.sum(xp.quantile(x, q, method=method) * xp.asarray(X)).backward()
    places = Q * 4
    rows = np.sort(X)
    below, above = (f(places).astype(int) for f in (np.floor, np.ceil))
    expected = 4 * (rows[above] - rows[below]) * X if method == "linear" else 0 * X
    np.testing.assert_allclose(q.grad.numpy(), expected, rtol=1e-12)
    p = xp.asarray(Q * 100, requires_grad=True)
    xp.sum(xp.percentile(x.detach(), p, method=method) * xp.asarray(X)).backward()
    np.testing.assert_allclose(p.grad.numpy(), expected / 100, rtol=1e-12)
    half = xp.asarray(0.37, requires_grad=True)  # 0-d, axes, half of the dtype
    y = xp.quantile(xp.asarray(np.stack([X, X + 1]), dtype=xp.float32), half, axis=1, method=method)
    assert y.dtype == xp.float32 and y.shape == (2,)
    _, slope = xp.autograd.jvp(
        lambda q: xp.quantile(xp.asarray(X), q, method=method), xp.asarray(Q), xp.ones(5)
    )
    np.testing.assert_allclose(slope.numpy() * X, expected, rtol=1e-12)
    assert not xp.quantile(xp.asarray(X), xp.asarray(Q)).requires_grad


def test_quantiles_by_q_as_in_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ("quantile", "nanquantile"):
        theirs = torch.tensor(Q, requires_grad=True)
        getattr(torch, name)(torch.tensor(X), theirs).sum().backward()
        ours = xp.asarray(Q, requires_grad=True)
        xp.sum(xp.quantile(xp.asarray(X), ours)).backward()
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)


F = xp.nn.functional
T = xp.asarray(np.random.default_rng(0).normal(size=(3, 4)))
LABELS = xp.asarray([0, 3, 1])
REFUSED = {
    "correction": [lambda t: xp.std(T, correction=t), lambda t: xp.var(T, correction=t),
                   lambda t: T.std(correction=t), lambda t: np.var(T, ddof=t)],
    "d": [lambda t: xp.fft.fftfreq(4, d=t), lambda t: xp.fft.rfftfreq(4, d=t)],
    "eps": [lambda t: F.layer_norm(T, 4, eps=t), lambda t: F.group_norm(T, 2, eps=t),
            lambda t: F.instance_norm(T[None], eps=t),
            lambda t: F.batch_norm(T, None, None, training=True, eps=t),
            lambda t: F.gaussian_nll_loss(T, T, T * T, eps=t)],
    "p": [lambda t: F.normalize(T, p=t), lambda t: F.pdist(T, p=t),
          lambda t: F.pairwise_distance(T, T + 1, p=t)],
    "label_smoothing": [lambda t: F.cross_entropy(T, LABELS, label_smoothing=t)],
    "max_norm": [lambda t: F.embedding(LABELS, T.T.copy(), max_norm=t)],
    "threshold": [lambda t: F.threshold(T, t, 0.0), lambda t: F.softplus(T, threshold=t)],
    "lambd": [lambda t: F.hardshrink(T, t)],
    "bounds": [
        lambda t: xp.optimize.minimize(lambda x: xp.sum(x**2), T[0], bounds=[(0.0, t)] * 4),
        lambda t: xp.optimize.minimize(lambda x: xp.sum(x**2), T[0], bounds=[(-t, 9.0)] * 4),
        lambda t: xp.optimize.least_squares(lambda x: x - 3, T[0] * 0, bounds=(-1.0, t)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_that_are_constants(name):
    if name == "bounds":
        pytest.importorskip("scipy", reason="SciPy is not installed")
    for call in REFUSED[name]:
        with pytest.raises(RuntimeError, match=rf"{name} is a Tensor that requires grad.*detach"):
            call(xp.asarray(0.5, requires_grad=True))
        with xp.no_grad():
            call(xp.asarray(0.5, requires_grad=True))
        call(xp.asarray(0.5))


def test_what_the_sweep_found():
    bias = xp.zeros((3, 3), requires_grad=True)
    F.linear(T[:, :3], T[:, 1:], bias).sum().backward()
    assert bias.grad.tolist() == [[1.0] * 3] * 3
    for shape in ((4,), (4, 2), (4, 2, 3)):
        table = xp.ones(shape, requires_grad=True)
        F.embedding(LABELS, table, padding_idx=3).sum().backward()
        assert xp.sum(table.grad, axis=tuple(range(1, len(shape)))).tolist() == [
            n * np.prod(shape[1:]) for n in (1, 1, 0, 0)]  # fmt: skip
    with pytest.raises(RuntimeError, match=r"weight has shape \(\)"):
        F.linear(T, T[0, 0])
