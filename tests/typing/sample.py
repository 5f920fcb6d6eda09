"""A user's program, which type checkers read: `mypy --strict` must find nothing in it."""

from collections.abc import Callable

import numpy as np

import tensorxp as xp

Function = Callable[[xp.Tensor], xp.Tensor]


def loss(x: xp.Tensor, target: xp.Tensor) -> xp.Tensor:
    """Return the mean square of the difference."""
    return xp.mean((x - target) ** 2)


def step(x: xp.Tensor, rate: float) -> None:
    """Move `x` against its gradient."""
    with xp.no_grad():
        x -= rate * x.grad
    x.grad = None


def descend(fn: Function, x: xp.Tensor, rate: float = 0.1, steps: int = 3) -> list[float]:
    """Return the values of `fn` along a few steps of gradient descent."""
    values: list[float] = []
    for _ in range(steps):
        y = fn(x)
        y.backward()
        step(x, rate)
        values.append(float(y))
    return values


def creation() -> tuple[xp.Tensor, ...]:
    """Return tensors made in the usual ways."""
    shape: tuple[int, ...] = (2, 3)
    return (
        xp.zeros(shape),
        xp.ones(3, dtype=xp.float32, device="cpu"),
        xp.arange(0, 10, 2),
        xp.asarray([[1.0, 2.0], [3.0, 4.0]], requires_grad=True),
        xp.from_numpy(np.ones(3)),
        xp.tensor(2.0, requires_grad=True),
        *xp.meshgrid(xp.arange(2), xp.arange(3)),
    )


def arithmetic(x: xp.Tensor) -> xp.Tensor:
    """Return what operators, functions and methods make of `x`."""
    y = xp.sqrt(x) + 1.0
    z: xp.Tensor = xp.sum(y * 2)
    z = z + (2 * y - 1.0 / y).sum() + x.mT.reshape(-1).mean() - x[0, ...].max()
    mask: xp.Tensor = (x > 0) & ~(x == 1)
    w = xp.where(mask, x, 0.0) @ xp.permute_dims(x, (1, 0))
    w[0] = 1.0
    w += xp.concat([w[:1], w[1:]], axis=0)
    values, inverse = xp.unique_inverse(x)
    q, r = xp.linalg.qr(x)
    spectrum: xp.Tensor = xp.fft.rfft(x).abs()
    return -z + xp.sum(w) + values[0] + xp.sum(q @ r) + xp.sum(spectrum) + inverse[0, 0]


def attributes(x: xp.Tensor) -> tuple[int, float, str]:
    """Return what a program asks a tensor for."""
    shape: tuple[int, ...] = x.shape
    dtype: xp.DType = x.dtype
    device: xp.Device = x.device
    array: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = x.detach().numpy()
    total: float = x.sum().item()
    assert x.ndim == len(shape) and x.size == array.size and bool(xp.all(x == x))
    return int(x[0, 0]), total, f"{dtype} on {device}"


def square_sum(x: xp.Tensor) -> xp.Tensor:
    """Return the sum of the squares."""
    return xp.sum(x**2)


def derivatives(x: xp.Tensor) -> list[xp.Tensor]:
    """Return gradients by the functional interface."""
    (first,) = xp.autograd.grad(xp.sum(x**3), [x], create_graph=True)
    (second,) = xp.autograd.grad(xp.sum(first), x)
    value, gradient = xp.autograd.value_and_grad(square_sum)(x)
    out, tangent = xp.autograd.jvp(xp.exp, x, xp.ones_like(x))
    return [first, second, value, gradient, out, tangent]


def draws() -> xp.Tensor:
    """Return random numbers of a seeded generator."""
    return xp.random.normal(shape=(2, 3)) * xp.special.erf(xp.asarray(0.5))


def main() -> None:
    """Run everything once."""
    x = xp.asarray([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    print(loss(x, xp.zeros((2, 2))), descend(square_sum, x))
    print(arithmetic(x.detach()), attributes(x), len(creation()), len(derivatives(x)), draws())


if __name__ == "__main__":
    main()
