"""Checks of a function's values and derivatives, of a primitive of your own too, in one line.

    check(cube_p, normal(3, 2), reference=lambda x: x**3)

runs about a dozen checks on random inputs and says in an AssertionError which one failed.
Derivatives are checked in random directions: with a direction v, a cotangent ct and the derivative
J, Re<ct, J v> must be what central differences in float64 give. For complex numbers <a, b> =
sum(conj(a) b), which is PyTorch's convention for gradients. A `Row` is the same as data, for tables
of many functions.
"""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any
from zlib import crc32

import numpy as np

import tensorxp as xp
from tensorxp._backend.families import Family
from tensorxp._backend.names import listing

__all__ = [
    "Row", "booleans", "check", "checks", "integers", "nonzero", "normal", "spaced", "uniform",
]  # fmt: skip
__dir__ = listing(globals())

Sampler = Callable[[np.random.Generator], Any]
STEP = 1e-6
_GIVES = "callable\n    It takes a NumPy generator and gives an array of this shape, dtype "
_sampler = Family("*shape : int", _GIVES + "float64.")


@_sampler.see("normal, nonzero")
def uniform(low: float, high: float, *shape: int) -> Sampler:
    """Return a sampler of numbers between two bounds.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import uniform
    >>> uniform(0.5, 2.0, 3)(np.random.default_rng(0)).shape
    (3,)

    Parameters
    ----------
    low, high : float
    """
    return lambda rng: rng.uniform(low, high, shape)


@_sampler.see("uniform, nonzero")
def normal(*shape: int) -> Sampler:
    """Return a sampler of standard normal numbers.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import normal
    >>> normal(3, 2)(np.random.default_rng(0)).shape
    (3, 2)
    """
    return lambda rng: rng.standard_normal(shape)


@_sampler.see("normal, spaced")
def nonzero(*shape: int) -> Sampler:
    """Return a sampler of numbers of both signs, from 0.5 to 2 in magnitude.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import nonzero
    >>> nonzero(3, 2)(np.random.default_rng(0)).shape
    (3, 2)
    """
    return lambda rng: rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape)


@_sampler.but(returns=_GIVES + "int64.").see("booleans")
def integers(low: int, high: int, *shape: int) -> Sampler:
    """Return a sampler of integers.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import integers
    >>> integers(0, 5, 4)(np.random.default_rng(0)).shape
    (4,)

    Parameters
    ----------
    low, high : int
        From `low` to below `high`.
    """
    return lambda rng: rng.integers(low, high, shape)


@_sampler.but(returns=_GIVES + "bool.").see("integers")
def booleans(*shape: int) -> Sampler:
    """Return a sampler of truth values.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import booleans
    >>> booleans(4)(np.random.default_rng(0)).shape
    (4,)
    """
    return lambda rng: rng.integers(0, 2, shape) == 1


@_sampler.see("normal, nonzero")
def spaced(*shape: int) -> Sampler:
    """Return a sampler of numbers in random order, no two closer than 0.1, for sorts and extrema.

    >>> import numpy as np
    >>> from tensorxp.autograd.testing import spaced
    >>> spaced(6)(np.random.default_rng(0)).shape
    (6,)
    """
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1 - 0.45


@dataclass(frozen=True)
class Row:
    """One function: how to call it, what it means in NumPy, what holds for it.

    Attributes
    ----------
    name : str
        Seeds the random inputs.
    fn : callable
        Takes Tensors, gives a Tensor or a tuple of them, of any shapes and dtypes.
    inputs : tuple of callable
        A sampler for each input, away from kinks. Integers and booleans are not differentiated.
    reference : callable or None
        The same function of NumPy arrays.
    complex : bool or tuple of callable
        Also check complex inputs: from these samplers, or (True) with parts from `inputs`.
    gradients, order2, forward, float32 : bool
        Whether it has gradients, those of second order, a forward mode, and keeps float32.
    rtol : float
        Of values; derivatives are compared to differences to 1e-6.

    Examples
    --------
    >>> import numpy as np
    >>> import tensorxp as xp
    >>> from tensorxp.autograd.testing import Row, normal
    >>> Row("sin", xp.sin, (normal(3, 2),), np.sin, complex=True).name
    'sin'
    """

    name: str
    fn: Callable[..., Any]
    inputs: tuple[Sampler, ...]
    reference: Callable[..., Any] | None = None
    _: KW_ONLY
    complex: bool | tuple[Sampler, ...] = False
    gradients: bool = True
    order2: bool = True
    forward: bool = True
    float32: bool = True
    rtol: float = 1e-12


def check(
    function: Any,
    *inputs: Any,
    params: dict[str, Any] | None = None,
    reference: Callable[..., Any] | None = None,
    device: Any = "cpu",
    **holds: Any,
) -> None:
    """Check the values and derivatives of a function, or of a primitive of your own.

    Values, dtypes, shapes and device; single precision; gradients, those of second order, forward
    mode and both together against central differences; that nothing is written to inputs and
    cotangents; that a write before backward is noticed; other layouts of memory; many cotangents at
    once; and a second backward.

    Parameters
    ----------
    function : callable or Primitive
        Of Tensors of these shapes and dtypes; it gives a Tensor or a tuple of Tensors.
    *inputs : callable or array
        Samplers such as `normal(3, 2)`, or NumPy arrays and Tensors.
    params : dict or None
        The parameters of a primitive.
    reference : callable or None
        The same function of NumPy arrays, which values, dtypes and shapes are compared to.
    device : Device, str or None
    **holds : Any
        Other fields of `Row`, such as `complex`, `order2` and `rtol`.

    Raises
    ------
    AssertionError
        A check failed; a note says which one.
    TypeError
        `function` cannot be called; `holds` has a name that `Row` has not; `params` are given to
        what is no primitive.

    Examples
    --------
    >>> import tensorxp as xp
    >>> from tensorxp.autograd import elementwise, testing
    >>> cube_p = elementwise(
    ...     "cube", forward=lambda xp, x: x**3, x=lambda ct, x: ct * 3 * (x * x).conjugate()
    ... )
    >>> testing.check(cube_p, testing.normal(3, 2), reference=lambda x: x**3, complex=True)
    """
    call = function
    if isinstance(function, xp.autograd.Primitive):
        given = dict(params or {})

        def call(*xs: Any) -> Any:
            return xp.autograd.apply_primitive(function, xs, given)
    elif not callable(function):
        raise TypeError(
            f"check: function is a {type(function).__name__}; allowed are functions and primitives"
        )
    elif params is not None:
        raise TypeError(
            "check: params are given, but function is no Primitive; use functools.partial"
        )
    samplers = tuple(x if callable(x) else _constant(x) for x in inputs)
    name = str(holds.pop("name", getattr(function, "name", getattr(function, "__name__", "f"))))
    allowed = [field.name for field in fields(Row)]
    for field in holds:
        if field not in allowed:
            raise TypeError(f"check: {field!r} is given; allowed are {', '.join(allowed)}")
    row = Row(name, call, samplers, reference, **holds)
    for kind in ("real", "complex") if row.complex else ("real",):
        for each in checks(row):
            try:
                each(row, kind, str(device or "cpu"))
            except Exception as error:
                told = f"{each.__name__} of {name!r}, {kind} inputs: {each.__doc__}"
                if isinstance(error, AssertionError):
                    error.add_note(told)
                    raise
                raise AssertionError(f"{type(error).__name__}: {error} in {told}") from error


def _constant(value: Any) -> Sampler:
    array = np.asarray(value.detach().cpu() if isinstance(value, xp.Tensor) else value)
    return lambda rng: array.copy()


def checks(row: Row) -> Iterator[Callable[[Row, str, str], None]]:
    """Yield the checks that hold for a row.

    Parameters
    ----------
    row : Row

    Yields
    ------
    callable
        Of the row, a kind of inputs ("real" or "complex") and the name of a device; it raises an
        AssertionError where what its docstring says is not so. Shapes and dtypes are the inputs'.

    Examples
    --------
    >>> import numpy as np
    >>> import tensorxp as xp
    >>> from tensorxp.autograd.testing import Row, checks, normal
    >>> row = Row("sin", xp.sin, (normal(3),), np.sin)
    >>> for each in checks(row):
    ...     each(row, "real", "cpu")
    """
    yield check_value
    yield check_untouched
    yield check_layouts
    if row.float32:
        yield check_float32
    if row.gradients:
        yield check_gradients
        yield check_writes
        yield check_again
        yield check_batched
        if row.forward:
            yield check_forward
        if row.order2:
            yield check_second


def sample(row: Row, kind: str = "real") -> list[Any]:
    """Return the row's inputs as NumPy arrays, the same at each call."""
    rng = np.random.default_rng(crc32(row.name.encode()))
    if kind == "real":
        return [np.asarray(sampler(rng)) for sampler in row.inputs]
    if isinstance(row.complex, tuple):
        return [np.asarray(sampler(rng)) for sampler in row.complex]
    arrays = [np.asarray(sampler(rng)) for sampler in row.inputs]
    pairs = zip(arrays, row.inputs, strict=True)
    return [np.asarray(a + 1j * s(rng)) if is_float(a) else a for a, s in pairs]


def check_value(row: Row, kind: str, device: str) -> None:
    """Values, dtypes, shapes and the device are those of the NumPy function."""
    arrays = sample(row, kind)
    outs = outputs_of(row.fn(*tensors_of(arrays, device)))
    assert all(str(out.device) == device for out in outs), "on another device"
    if row.reference is not None:
        expected = outputs_of(row.reference(*arrays))
        assert len(outs) == len(expected), f"{len(outs)} outputs, not {len(expected)}"
        for out, value in zip(outs, map(np.asarray, expected), strict=True):
            assert out.dtype == value.dtype, f"dtype {out.dtype}, not {value.dtype}"
            assert out.shape == value.shape, f"shape {out.shape}, not {value.shape}"
            np.testing.assert_allclose(to_numpy(out), value, rtol=row.rtol, atol=row.rtol)


def check_float32(row: Row, kind: str, device: str) -> None:
    """Single precision stays: results have the dtypes of NumPy's, gradients their inputs'."""
    arrays = [
        a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) if a.dtype.kind in "fc" else a
        for a in sample(row, kind)
    ]
    tensors = tensors_of(arrays, device, recorded=row.gradients)
    outs = outputs_of(row.fn(*tensors))
    if row.reference is not None:
        expected = [np.asarray(value).dtype for value in outputs_of(row.reference(*arrays))]
        found = [out.dtype for out in outs]
        assert found == expected, f"dtypes {found}, not {expected}"
    cts = tensors_of(random_like(floats(outs)), device)
    for x, g in zip(recorded_of(tensors), gradients(outs, tensors, cts), strict=True):
        fits = g is None or (g.dtype == x.dtype and g.shape == x.shape)
        assert fits, f"a gradient of {g.dtype} {g.shape} for an input of {x.dtype} {x.shape}"


def check_gradients(row: Row, kind: str, device: str) -> None:
    """The vjp agrees with central differences in a random direction."""
    arrays = sample(row, kind)
    tensors = tensors_of(arrays, device, recorded=True)
    outs = outputs_of(row.fn(*tensors))
    cts = random_like(floats(outs))
    directions = random_like(floats(arrays), seed=2)
    slopes = differences(row.fn, arrays, directions, device)
    grads = gradients(outs, tensors, tensors_of(cts, device))
    assert_close(inner(grads, directions), inner(cts, slopes))


def check_forward(row: Row, kind: str, device: str) -> None:
    """The jvp agrees with central differences."""
    arrays = sample(row, kind)
    directions = random_like(floats(arrays), seed=2)
    fixed = tensors_of(arrays, device)
    of_floats = by_floats(lambda *xs: tuple(floats(outputs_of(row.fn(*xs)))), fixed)
    outs, slopes = xp.autograd.jvp(
        of_floats, tuple(floats(fixed)), tuple(tensors_of(directions, device))
    )
    expected = differences(row.fn, arrays, directions, device)
    for out, slope, value in zip(outs, slopes, expected, strict=True):
        fits = slope.shape == out.shape and slope.dtype == out.dtype
        assert fits, f"a tangent of {slope.dtype} {slope.shape} for {out.dtype} {out.shape}"
        np.testing.assert_allclose(to_numpy(slope), value, rtol=1e-6, atol=1e-6)


def check_second(row: Row, kind: str, device: str) -> None:
    """The derivative of the vjp, by inputs and cotangents, agrees with central differences."""
    arrays = sample(row, kind)
    cts = random_like(floats(outputs_of(row.fn(*tensors_of(arrays, device)))))
    weights = random_like(floats(arrays), seed=3)

    def projected_vjp(*xs: Any) -> Any:
        inputs = xs[: len(arrays)]
        grads = gradients(outputs_of(row.fn(*inputs)), inputs, xs[len(arrays) :], create_graph=True)
        out = xp.zeros((), device=device)
        for g, w in zip(grads, tensors_of(weights, device), strict=True):
            if g is not None:
                out = out + xp.sum(xp.real(xp.conj(w) * g))
        return out

    everything = [*arrays, *cts]
    tensors = tensors_of(everything, device, recorded=True)
    directions = random_like(floats(everything), seed=5)
    out = projected_vjp(*tensors)
    (slope,) = differences(projected_vjp, everything, directions, device)
    grads = gradients([out], tensors, [xp.ones((), device=device)])
    assert_close(inner(grads, directions), float(slope))
    if row.forward:  # forward over reverse
        free = tuple(floats(tensors))
        tangents = tuple(tensors_of(directions, device))
        of_floats = by_floats(projected_vjp, tensors)
        assert_close(float(xp.autograd.jvp(of_floats, free, tangents)[1]), float(slope))


def check_untouched(row: Row, kind: str, device: str) -> None:
    """Neither the call nor backward writes to inputs or cotangents, nor gives an input's memory."""
    arrays = sample(row, kind)
    tensors = tensors_of(arrays, device, recorded=row.gradients)
    outs = outputs_of(row.fn(*tensors))
    cts = tensors_of(random_like(floats(outs)), device)
    kept = [to_numpy(ct).copy() for ct in cts]
    gradients(outs, tensors, cts)
    for what, xs, before in (("input", tensors, arrays), ("cotangent", cts, kept)):
        for i, (x, a) in enumerate(zip(xs, before, strict=True)):
            assert np.array_equal(to_numpy(x), a, equal_nan=is_float(a)), f"{what} {i} was changed"


def check_layouts(row: Row, kind: str, device: str) -> None:
    """Values do not depend on how the inputs lie in memory."""
    arrays = sample(row, kind)
    expected = outputs_of(row.fn(*tensors_of(arrays, device)))
    spread = [np.repeat(a[..., None], 2, axis=-1) for a in arrays]
    views = [xp.asarray(a, device=device)[..., 0] for a in spread]
    turned = [xp.asarray(np.array(a, order="F"), device=device, copy=True) for a in arrays]
    for name, xs in (("strided", views), ("by columns", turned)):
        for out, value in zip(outputs_of(row.fn(*xs)), expected, strict=True):
            np.testing.assert_allclose(
                to_numpy(out), to_numpy(value), rtol=1e-9, atol=1e-12, err_msg=f"{name} inputs"
            )


def _grads_after(
    row: Row, arrays: Any, device: str, write: Callable[..., None]
) -> list[Any] | None:
    """Return the gradients where `write` came before backward; None where that raises."""
    tensors = [x * 1 if is_float(x) else x for x in tensors_of(arrays, device, recorded=True)]
    outs = outputs_of(row.fn(*tensors))
    cts = tensors_of(random_like(floats(outs)), device)
    pairs = [(y, ct) for y, ct in zip(floats(outs), cts, strict=True) if y.requires_grad]
    xs = recorded_of(tensors)
    kept = [y * 1 for y, _ in pairs]  # as the outputs are now, in the graph
    try:
        write(xs, [y for y, _ in pairs])
        return list(xp.autograd.grad(kept, xs, [ct for _, ct in pairs], allow_unused=True))
    except (RuntimeError, ValueError):
        return None  # noticed, or it cannot be written to, as a broadcast view


def check_writes(row: Row, kind: str, device: str) -> None:
    """A write to an output or input before backward is noticed, or gradients do not need it."""
    arrays = sample(row, kind)
    tensors = tensors_of(arrays, device, recorded=True)
    outs = outputs_of(row.fn(*tensors))
    expected = gradients(outs, tensors, tensors_of(random_like(floats(outs)), device))

    def on_outputs(xs: Any, ys: Any) -> None:
        for y in ys:
            _raw_write(y)

    def on_inputs(xs: Any, ys: Any) -> None:
        for x in xs:
            _raw_write(x)

    for name, write in (("an output", on_outputs), ("an input", on_inputs)):
        found = _grads_after(row, arrays, device, write)
        for g, value in zip(found or (), expected, strict=False):
            if g is None or value is None:
                continue
            np.testing.assert_allclose(
                to_numpy(g), to_numpy(value), rtol=1e-9, atol=1e-12,
                err_msg=f"a write to {name} changed the gradient, and nothing was raised",
            )  # fmt: skip


def _raw_write(x: Any) -> None:
    """Write into the memory of `x`, without a record but counted."""
    with xp.no_grad():
        x[...] = x + 1


def check_again(row: Row, kind: str, device: str) -> None:
    """A second backward through a graph that was kept gives the same gradients."""
    tensors = tensors_of(sample(row, kind), device, recorded=True)
    outs = outputs_of(row.fn(*tensors))
    cts = tensors_of(random_like(floats(outs)), device)
    pairs = [(y, ct) for y, ct in zip(floats(outs), cts, strict=True) if y.requires_grad]
    ys, given = [y for y, _ in pairs], [ct for _, ct in pairs]
    if not ys:
        return
    both = [
        xp.autograd.grad(ys, recorded_of(tensors), given, retain_graph=True, allow_unused=True)
        for _ in range(2)
    ]
    for first, second in zip(*both, strict=True):
        if first is not None:
            np.testing.assert_array_equal(to_numpy(first), to_numpy(second))


def check_batched(row: Row, kind: str, device: str) -> None:
    """The vjp of many cotangents at once (`jacobian`) is that of one after the other."""
    arrays = sample(row, kind)
    tensors = tensors_of(arrays, device, recorded=True)
    outs = floats(outputs_of(row.fn(*tensors)))
    cts = tensors_of(random_like(outs), device)
    if any(x.dtype.kind == "c" for x in (*outs, *tensors)):
        return  # real numbers show it
    fixed = tensors_of(arrays, device)
    for i, (y, ct) in enumerate(zip(outs, cts, strict=True)):
        if not y.requires_grad:
            continue
        of_floats = by_floats(lambda *xs, i=i: floats(outputs_of(row.fn(*xs)))[i], fixed)
        rows = xp.autograd.jacobian(of_floats, tuple(floats(fixed)))
        again = floats(outputs_of(row.fn(*tensors)))[i]
        single = gradients([again], tensors, [ct])
        for g, row_of, x in zip(single, outputs_of(rows), floats(fixed), strict=True):
            found = np.tensordot(to_numpy(ct), to_numpy(row_of), y.ndim)
            expected = np.zeros(x.shape) if g is None else to_numpy(g)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def outputs_of(out: Any) -> list[Any]:
    return list(out) if isinstance(out, (tuple, list)) else [out]


def to_numpy(x: Any) -> Any:
    x = x.detach().cpu()
    return x.resolve_conj().numpy(force=True) if hasattr(x, "resolve_conj") else x.numpy()


def is_float(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fc"
    return bool(x.dtype.is_floating_point or x.dtype.is_complex)


def floats(xs: Any) -> list[Any]:
    return [x for x in xs if is_float(x)]


def by_floats(fn: Any, tensors: Any) -> Any:
    """Return `fn` as a function of its floating inputs alone; the others are in `tensors`."""

    def of_floats(*primals: Any) -> Any:
        given = iter(primals)
        return fn(*[next(given) if is_float(x) else x for x in tensors])

    return of_floats


def recorded_of(xs: Any) -> list[Any]:
    return [x for x in xs if x.requires_grad]


def tensors_of(arrays: Any, device: str, recorded: bool = False) -> list[Any]:
    tensors = [xp.asarray(a, device=device, copy=True) for a in arrays]
    return [x.requires_grad_() if recorded and is_float(x) else x for x in tensors]


def random_like(xs: Any, seed: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    arrays = []
    for x in xs:
        a = rng.standard_normal(x.shape)
        if np.dtype(str(x.dtype)).kind == "c":
            a = a + 1j * rng.standard_normal(x.shape)
        arrays.append(np.asarray(a, dtype=str(x.dtype)))
    return arrays


def gradients(
    outs: Any, xs: Any, cts: Any, create_graph: bool = False, grad: Any = None
) -> list[Any]:
    """Return a gradient for each recorded input; None where no output depends on it."""
    grad = grad or xp.autograd.grad
    pairs = [(y, ct) for y, ct in zip(floats(outs), cts, strict=True) if y.requires_grad]
    inputs = recorded_of(xs)
    if not pairs:
        return [None] * len(inputs)
    ys, cts = [y for y, _ in pairs], [ct for _, ct in pairs]
    return list(grad(ys, inputs, cts, create_graph=create_graph, allow_unused=True))


def differences(fn: Any, arrays: Any, directions: Any, device: str) -> list[Any]:
    """Return (f(x + h v) - f(x - h v)) / 2h for each floating output."""
    ends = []
    for step in (STEP, -STEP):
        given = iter(directions)
        moved = [a + step * next(given) if is_float(a) else a for a in arrays]
        ends.append(floats(outputs_of(fn(*tensors_of(moved, device, recorded=True)))))
    return [(to_numpy(high) - to_numpy(low)) / (2 * STEP) for high, low in zip(*ends, strict=True)]


def inner(xs: Any, ys: Any) -> float:
    """Return the sum of Re<x, y>; None counts as zero."""
    pairs = [
        (x if isinstance(x, np.ndarray) else to_numpy(x), y)
        for x, y in zip(xs, ys, strict=True)
        if x is not None
    ]
    return float(sum(np.sum(np.conj(x) * y).real for x, y in pairs))


def assert_close(found: float, expected: float) -> None:
    assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (found, expected)
