"""Random mixtures of Functions, casts, complex numbers, hooks, detach, no_grad and writes.

Each program runs on tensorxp and on PyTorch. Values, retained gradients and gradients of leaves
agree; where PyTorch refuses a backward, tensorxp may have kept a copy, and where it works, it
works here.
"""

import os
import random
import warnings

import numpy as np
import pytest

import tensorxp as xp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SHAPES = [(2, 3), (3,), (1, 3), (2, 1), (1,)]
DTYPES = ["float32", "float64", "complex128"]
COUNT = 20_000 if os.environ.get("TENSORXP_THOROUGH", "0") == "1" else 300


def functions(lib):
    """Return Functions of a library: one that saves its output, one of two inputs and outputs."""

    def tanh_forward(ctx, x):
        y = lib.tanh(x)
        ctx.save_for_backward(y)
        return y

    def tanh_backward(ctx, ct):
        (y,) = ctx.saved_tensors
        return ct * (1 - y * y).conj()

    def both_forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + 2 * y

    def both_backward(ctx, a, b):
        x, y = ctx.saved_tensors
        gx, gy = a * y.conj() + b, a * x.conj() + 2 * b
        return fit(gx, x), fit(gy, y)

    def fit(g, like):
        while g.ndim > like.ndim:
            g = g.sum(0)
        for axis, n in enumerate(like.shape):
            if n == 1 and g.shape[axis] != 1:
                g = lib.sum(g, axis, keepdim=True) if lib is torch else lib.sum(
                    g, axis=axis, keepdims=True)  # fmt: skip
        if lib.is_complex(g) if lib is torch else g.dtype.kind == "c" or "complex" in str(g.dtype):
            if "complex" not in str(like.dtype):
                g = lib.real(g)
        return g.to(like.dtype)

    bodies = {"Tanh": (tanh_forward, tanh_backward), "Both": (both_forward, both_backward)}
    return {
        name: type(name, (lib.autograd.Function,), {
            "forward": staticmethod(f), "backward": staticmethod(b)})
        for name, (f, b) in bodies.items()
    }  # fmt: skip


FUNCTIONS = {lib: functions(lib) for lib in (xp, torch)}


def is_complex(x):
    return "complex" in str(x.dtype)


def write(lib, kind, a, b):
    """Write in place to a copy of `a`, or to `a` itself."""
    if is_complex(b) and not is_complex(a):
        raise TypeError("PyTorch drops the imaginary part, tensorxp raises")
    if kind < 4:
        a = a.clone()
    if kind % 4 == 0:
        a += b
    elif kind % 4 == 1:
        a[:1] = b[-1:]
    elif kind % 4 == 2:
        a[lib.real(a) > 0.2 if is_complex(a) else a > 0.2] = 0.5
    else:
        v = a[..., :1]
        v *= 0.5
    return [a]


def detached(lib, a, b):
    c = a.detach().clone()
    c += 1
    return [c * b]


def quiet(lib, a, b):
    with lib.no_grad():
        c = a * b
    return [c + a]


def hooked(lib, a, b):
    c = a * 1
    if c.requires_grad:
        c.register_hook(lambda g: g * 2)
        c.retain_grad()
    return [c]


def as_type(lib, x, name):
    return x.to(getattr(lib, name))


STEPS = [
    lambda lib, k, a, b: [lib.sin(a)],
    lambda lib, k, a, b: [lib.exp(a * 0.3)],
    lambda lib, k, a, b: [a + b],
    lambda lib, k, a, b: [a * b],
    lambda lib, k, a, b: [a - 0.5 * b],
    lambda lib, k, a, b: [a / (lib.abs(b) + 1)],
    lambda lib, k, a, b: [lib.abs(a)],
    lambda lib, k, a, b: [lib.real(a) * 1 if is_complex(a) else lib.square(a)],
    lambda lib, k, a, b: [lib.imag(a) * 1 if is_complex(a) else a * 1j],
    lambda lib, k, a, b: [a.conj() * b],
    lambda lib, k, a, b: [as_type(lib, a, DTYPES[k % 2 if not is_complex(a) else 2])],
    lambda lib, k, a, b: [FUNCTIONS[lib]["Tanh"].apply(a * 0.5)],
    lambda lib, k, a, b: list(FUNCTIONS[lib]["Both"].apply(a, b)),
    lambda lib, k, a, b: write(lib, k % 8, a, b),
    lambda lib, k, a, b: write(lib, k % 4, a, b),
    lambda lib, k, a, b: detached(lib, a, b),
    lambda lib, k, a, b: quiet(lib, a, b),
    lambda lib, k, a, b: hooked(lib, a, b),
    lambda lib, k, a, b: [a[..., ::2] * 1],
    lambda lib, k, a, b: [lib.where(lib.real(a) > 0 if is_complex(a) else a > 0, a, b)],
]  # fmt: skip


def leaves(rng):
    """Return leaves of both libraries."""
    made = []
    for _ in range(3):
        shape, name = rng.choice(SHAPES), rng.choice(DTYPES)
        data = np.random.default_rng(rng.randrange(1 << 30)).normal(size=(2, *shape))
        data = (data[0] + 1j * data[1] if name == "complex128" else data[0]).astype(name)
        recorded = rng.random() < 0.8
        made.append((xp.asarray(data.copy()).requires_grad_(recorded),
                     torch.tensor(data).requires_grad_(recorded)))  # fmt: skip
    return made


def loss_of(lib, xs):
    """Return a real scalar of all tensors that require grad; None without any."""
    total = None
    for x in xs:
        if x.requires_grad:
            y = lib.sin(x)
            part = (lib.real(y) + lib.imag(y) if is_complex(y) else y).sum()
            total = part if total is None else total + part
    return total


def attempt(call):
    try:
        return call(), None
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return None, error


def close(a, b):
    a, b = a.detach().numpy(), b.detach().resolve_conj().numpy()
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def run(seed):
    """Run one program on both libraries and compare."""
    rng = random.Random(seed)
    pairs = leaves(rng)
    firsts = list(pairs)
    for _ in range(rng.randrange(2, 10)):
        step, k = rng.choice(STEPS), rng.randrange(64)
        i, j = rng.randrange(len(pairs)), rng.randrange(len(pairs))
        (a, ta), (b, tb) = pairs[i], pairs[j]
        ours, error = attempt(lambda: step(xp, k, a, b))  # noqa: B023
        theirs, refused = attempt(lambda: step(torch, k, ta, tb))  # noqa: B023
        assert (error is None) == (refused is None), (seed, error, refused)
        if error is not None:
            continue
        for x, y in zip(ours, theirs, strict=True):
            assert x.requires_grad == y.requires_grad, (seed, k)
            pairs.append((x, y))
    loss, loss_t = loss_of(xp, [x for x, _ in pairs]), loss_of(torch, [y for _, y in pairs])
    if loss is None or not torch.isfinite(loss_t):
        return
    close(loss, loss_t)
    _, error = attempt(loss.backward)
    _, refused = attempt(loss_t.backward)
    assert error is None or refused is not None, error
    if error is not None or refused is not None:
        return
    for x, y in firsts:
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            close(x.grad, y.grad)
    for x, y in pairs[len(firsts) :]:
        if y.requires_grad and y.retains_grad:
            close(x.grad, y.grad)


def test_mixtures():
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(COUNT):
            try:
                run(seed)
            except AssertionError as error:
                wrong.append(f"seed {seed}: {error}")
    assert not wrong, "\n".join(wrong)
