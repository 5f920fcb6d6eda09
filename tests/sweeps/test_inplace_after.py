"""`y = op(x)`, a write to `y` or to `x`, then backward, for every operation: right, or an error.

The gradients are those of the same write to a copy. Where a rule needs the value that was
overwritten, backward raises, and then PyTorch's does so too (where the row names its function).
"""

import os
from operator import attrgetter

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import is_float, outputs_of, random_like, to_numpy
from tests.harness import sample
from tests.tables import rows

#: To an output, or to an input after the operation.
WRITES = {
    "add": lambda y: y.__iadd__(1),
    "item": lambda y: y.__setitem__((0,) * y.ndim if all(y.shape) else ..., 0),
    "multiply": lambda y: y.__imul__(2),
    "divide": lambda y: y.__itruediv__(4),
    "relu": lambda y: y.__imul__(y > 0),
    "add_row": lambda y: y.__iadd__(y[-1:] * 1 if y.ndim and len(y) else 1),
}
THOROUGH = os.environ.get("TENSORXP_THOROUGH", "0") == "1"
CASES = [(name, to) for name in WRITES for to in ("output", "input")]
ROWS = [row for row in rows() if row.gradients and "sim:" not in row.name]


def backward(lib, fn, arrays, write, to, copied):
    """Return the gradients of a weighted sum of all outputs, after the write to a copy or not."""
    make = xp.asarray if lib is xp else lib.tensor
    leaves = [make(a) for a in arrays]
    for x in leaves:
        if is_float(x):
            x.requires_grad_()
    xs = [x * 1 if is_float(x) else x for x in leaves]
    ys = outputs_of(fn(*[x.clone() if copied and to == "input" else x for x in xs]))
    ys = [y for y in ys if is_float(y) and y.requires_grad]
    if to == "output":
        ys = [y.clone() for y in ys] if copied else ys
    for x in ys if to == "output" else [x for x in xs if is_float(x)]:
        write(x)
    loss = 0
    for y, weight in zip(ys, random_like(ys, seed=4), strict=True):
        product = make(np.conj(weight)) * y
        loss = loss + (lib.real(product) if lib is xp or product.is_complex() else product).sum()
    if isinstance(loss, int):
        return []
    grads = lib.autograd.grad(loss, [x for x in leaves if x.requires_grad], allow_unused=True)
    return [None if g is None else to_numpy(g) for g in grads]


def attempt(*args):
    """Return the gradients, or the error."""
    try:
        return backward(*args)
    except (RuntimeError, TypeError, ValueError) as error:
        return error


def close(a, b):
    if a is None or b is None:
        return a is b
    return np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)


def shares(row, arrays):
    """Return whether an output is over the memory of an input."""
    xs = [xp.asarray(a) for a in arrays]
    return any(
        np.shares_memory(x.numpy(), to_numpy(y)) for x in xs for y in outputs_of(row.fn(*xs))
    )


def wrong_of(row, kind, name, to, torch):
    """Return what is wrong with a write after a row's operation, or None."""
    arrays = sample(row, kind)
    expected = attempt(xp, row.fn, arrays, WRITES[name], to, True)
    if isinstance(expected, Exception) or (to == "input" and shares(row, arrays)):
        return None  # what it cannot be written, or a view, which follows the write
    found = attempt(xp, row.fn, arrays, WRITES[name], to, False)
    case = f"{row.name} ({kind}), {name} to an {to}"
    if not isinstance(found, Exception):
        if all(map(close, found, expected)):
            return None
        return f"{case}: gradients {found}, of a copy {expected}"
    if "read-only" in str(found) and to == "output":
        return None
    if "modified by an in-place" not in str(found):
        return f"{case}: {type(found).__name__}: {found}"
    if torch is not None and row.torch is not None:
        function = attrgetter(row.torch)(torch) if isinstance(row.torch, str) else row.torch
        theirs = attempt(torch, function, arrays, WRITES[name], to, False)
        if not isinstance(theirs, Exception):
            return f"{case}: PyTorch does it, here {found}"
    return None


@pytest.mark.parametrize("name, to", CASES if THOROUGH else CASES[:2])
def test_writes_after_an_operation(name, to):
    try:
        import torch
    except ImportError:
        torch = None
    wrong = [wrong_of(row, "real", name, to, torch) for row in ROWS]
    wrong += [wrong_of(row, "complex", name, to, torch) for row in ROWS if row.complex]
    assert not any(wrong), "\n".join(filter(None, wrong))


#: What has no row with PyTorch's function, but PyTorch lets one write to its result.
WRITABLE = {
    "sign": xp.sign,
    "copysign": lambda x: xp.copysign(x, -x),
    "log_expit": xp.special.log_expit,
    "softplus": xp.special.softplus,
    "abs": xp.abs,
    "clip": lambda x: xp.clip(x, -0.5, 0.5),
    "square": xp.square,
    "sin": xp.sin,
    "log1p": lambda x: xp.log1p(x * x),
    "divide": lambda x: 1 / (x * x + 1),
    "mean": xp.mean,
    "var": xp.var,
    "prod": lambda x: xp.sum(x, axis=0),
    "maximum": lambda x: xp.maximum(x, 0.1),
    "where": lambda x: xp.where(x > 0, x, x * x),
    "matmul": lambda x: x @ x.mT,
    "take": lambda x: x[xp.asarray([0, 0, 1])],
    "sort": xp.sort,
    "cumsum": lambda x: xp.cumulative_sum(x, axis=0),
}


@pytest.mark.parametrize("name", WRITABLE)
def test_results_that_may_be_written(name):
    arrays = [np.random.default_rng(0).normal(size=(3, 2))]
    for write in WRITES.values():
        found = backward(xp, WRITABLE[name], arrays, write, "output", False)
        assert all(map(close, found, backward(xp, WRITABLE[name], arrays, write, "output", True)))


def test_a_written_sign_of_complex_numbers():
    arrays = [np.asarray([1 + 2j, -0.5j, 3.0])]
    found = [backward(xp, xp.sign, arrays, WRITES["add"], "output", c) for c in (False, True)]
    assert close(found[0][0], found[1][0]) and np.any(found[0][0] != 0)
