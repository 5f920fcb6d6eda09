"""`gradcheck` and `gradgradcheck`: derivatives against finite differences in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorxp._backend.families import see
from tensorxp._core.door import node_of, wrap
from tensorxp._core.engine import namespace
from tensorxp._core.tensor import Tensor
from tensorxp.autograd.forward import jvp
from tensorxp.autograd.functions import grad


class GradcheckError(RuntimeError):
    """A derivative disagrees with finite differences."""


def _outputs(fn: Callable[..., Any], xs: tuple[Any, ...]) -> tuple[Any, ...]:
    out = fn(*xs)
    outs = out if isinstance(out, tuple | list) else (out,)
    return tuple(y for y in outs if isinstance(y, Tensor) and y._data.dtype.kind in "fc")


def _host(x: Any) -> Any:
    return x._device.raw.to_numpy(x._data)


def _difference(fn: Any, xs: tuple[Any, ...], i: int, direction: Any, eps: float) -> list[Any]:
    """Return (f(x + eps d) - f(x - eps d)) / 2 eps for each output, as NumPy arrays."""
    sides = []
    for step in (eps, -eps):
        moved = list(xs)
        data = _host(xs[i]) + step * direction
        moved[i] = namespace().asarray(np.asarray(data), device=xs[i]._device)
        sides.append([_host(y) for y in _outputs(fn, tuple(moved))])
    return [(a - b) / (2 * eps) for a, b in zip(*sides, strict=True)]


@see("gradgradcheck")
def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    check_forward_ad: bool = False,
) -> bool:
    """Compare gradients of `func` at `inputs` with central differences, element by element.

    >>> x = xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True)
    >>> xp.autograd.gradcheck(xp.sin, (x,))
    True

    Parameters
    ----------
    func : callable
    inputs : Tensor or sequence
        Those that require grad are checked: float64 or complex128.
    eps : float
        The step.
    atol, rtol : float
        What may differ.
    raise_exception : bool
        False: return False where derivatives differ.
    check_forward_ad : bool
        Whether forward mode is checked too.

    Returns
    -------
    bool

    Raises
    ------
    GradcheckError
        Derivatives differ; it names input, output and element.
    TypeError, ValueError
        `func` is not callable; no input requires grad, or one of another dtype.
    """
    xs = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    checked = [i for i, x in enumerate(xs) if isinstance(x, Tensor) and node_of(x) is not None]
    if not checked:
        raise ValueError("gradcheck: no input requires grad; set requires_grad=True on one")
    for i in checked:
        if xs[i]._data.dtype.itemsize < (16 if xs[i]._data.dtype.kind == "c" else 8):
            raise ValueError(
                f"gradcheck: input {i} has dtype {xs[i].dtype}; finite differences need float64 or "
                "complex128"
            )
    try:
        for i in checked:
            _check_input(func, xs, i, eps, atol, rtol, check_forward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _directions(x: Any) -> Any:
    """Yield (index, one-hot, also 1j times it for complex x)."""
    data = _host(x)
    for index in np.ndindex(*data.shape):
        for unit in (1.0, 1j) if data.dtype.kind == "c" else (1.0,):
            direction = np.zeros_like(data)
            direction[index] = unit
            yield index, unit, direction


def _check_input(
    func: Any, xs: tuple[Any, ...], i: int, eps: float, atol: float, rtol: float, forward: bool
) -> None:
    outs = _outputs(func, xs)
    plain = tuple(x.detach() if isinstance(x, Tensor) else x for x in xs)
    numeric = [
        (index, unit, direction, _difference(func, plain, i, direction, eps))
        for index, unit, direction in _directions(xs[i])
    ]
    for k, y in enumerate(outs):
        for out_index in np.ndindex(*y._data.shape):
            for ct_unit in (1.0, 1j) if y._data.dtype.kind == "c" else (1.0,):
                ct = np.zeros(y._data.shape, dtype=y._data.dtype)
                ct[out_index] = ct_unit
                g = np.zeros(xs[i]._data.shape, dtype=xs[i]._data.dtype)
                if node_of(y) is not None:
                    (found,) = grad(
                        y, xs[i], wrap(ct, y._device) if y._device.type == "cpu"
                        else namespace().asarray(ct, device=y._device),
                        retain_graph=True, allow_unused=True,
                    )  # fmt: skip
                    g = g if found is None else _host(found)
                for index, unit, _, change in numeric:
                    # Re <ct, J t> = Re <vjp(ct), t>
                    want = (np.conj(ct_unit) * change[k][out_index]).real
                    have = (np.conj(g[index]) * unit).real
                    _compare("gradient", i, k, index, out_index, have, want, atol, rtol)
    if forward:
        for index, _, direction, change in numeric:
            t: list[Any] = [None] * len(xs)
            t[i] = namespace().asarray(direction, device=xs[i]._device)
            places = [j for j, x in enumerate(xs) if isinstance(x, Tensor)]

            def run(*given: Any, places: list[int] = places) -> Any:
                full = list(plain)
                for j, x in zip(places, given, strict=True):
                    full[j] = x
                return func(*full)

            _, made = jvp(run, [plain[j] for j in places], [t[j] for j in places])
            tangents = made if isinstance(made, tuple) else (made,)
            for k, tangent in enumerate(tangents):
                for out_index in np.ndindex(*tangent._data.shape):
                    have, want = _host(tangent)[out_index], change[k][out_index]
                    _compare("forward mode", i, k, index, out_index, have, want, atol, rtol)


def _compare(
    what: str, i: int, k: int, index: Any, out_index: Any, have: Any, want: Any,
    atol: float, rtol: float,
) -> None:  # fmt: skip
    if not np.isclose(have, want, rtol=rtol, atol=atol, equal_nan=True):
        raise GradcheckError(
            f"gradcheck: {what} of output {k} at {out_index} with respect to input {i} at {index}: "
            f"computed {have}, finite differences give {want}"
        )


@see("gradcheck")
def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradient of `func` at `inputs`.

    >>> x = xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True)
    >>> xp.autograd.gradgradcheck(xp.sin, (x,))
    True

    Parameters
    ----------
    func : callable
    inputs : Tensor or sequence
        As for `gradcheck`.
    grad_outputs : Tensor, sequence or None
        The cotangents; None: random ones, of fixed seed.
    eps, atol, rtol : float
        As for `gradcheck`.
    raise_exception : bool
        As for `gradcheck`.

    Returns
    -------
    bool

    Raises
    ------
    GradcheckError
        Derivatives differ.
    TypeError, ValueError
        As by `gradcheck`.
    """
    xs = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    outs = _outputs(func, xs)
    generator = np.random.default_rng(0)
    if grad_outputs is None:
        cts = []
        for y in outs:
            ct = generator.normal(size=y._data.shape)
            if y._data.dtype.kind == "c":
                ct = ct + 1j * generator.normal(size=y._data.shape)
            cts.append(namespace().asarray(np.asarray(ct, dtype=y._data.dtype), device=y._device))
    else:
        cts = list(grad_outputs) if isinstance(grad_outputs, list | tuple) else [grad_outputs]
    n = len(xs)

    def gradient(*args: Any) -> Any:
        given = [x if node_of(x) is not None else x.detach().requires_grad_(True)
                 if isinstance(x, Tensor) and x._data.dtype.kind in "fc" else x
                 for x in args[:n]]  # fmt: skip
        wanted = [x for x in given if isinstance(x, Tensor) and node_of(x) is not None]
        pairs = zip(_outputs(func, tuple(given)), args[n:], strict=True)
        recorded = [(y, c) for y, c in pairs if node_of(y) is not None]
        return grad(
            [y for y, _ in recorded], wanted, [c for _, c in recorded],
            create_graph=True, materialize_grads=True,
        )  # fmt: skip

    return gradcheck(gradient, (*xs, *cts), eps, atol, rtol, raise_exception)
