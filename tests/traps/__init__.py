"""Traps for `compile`: small programs, and changes of the world between their calls.

A trap is a function without arguments that makes a world and returns `fn` and `calls`: a generator
function that yields the arguments of one call after another, and changes the world in between.
`observe` runs a trap and returns all that can be seen of it; with `compile` and without it must be
the same.
"""

import copy
import dataclasses
import itertools
import random
import warnings
from types import SimpleNamespace

import numpy as np

import tensorxp as xp


def X(*values, grad=False, dtype=None):
    """Return a Tensor of values."""
    return xp.asarray(list(values), requires_grad=grad, dtype=dtype)


# what can be seen


def described(value, depth=0):
    """Return what can be seen of a value, as something that compares."""
    if isinstance(value, xp.Tensor):
        data = value.detach()
        return (
            type(value).__name__,
            str(value.dtype),
            value.shape,
            value.strides,
            str(value.device),
            value.requires_grad,
            value.is_leaf,
            np.asarray(data).copy(),
        )
    if isinstance(value, np.ndarray | np.generic):
        return type(value).__name__, str(value.dtype), np.array(value)
    if isinstance(value, dict):
        items = [(described(k), described(v)) for k, v in value.items()]
        return type(value).__name__, items
    if isinstance(value, list | tuple):
        return type(value).__name__, [described(v, depth) for v in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(repr, value))
    if isinstance(value, float):
        return "float", repr(value)
    if isinstance(value, int | str | bytes | bool | complex | type(None)):
        return type(value).__name__, value
    if dataclasses.is_dataclass(value) or isinstance(value, SimpleNamespace):
        return type(value).__name__, described(vars(value))
    return type(value).__name__


def tensors_in(value):
    """Return the Tensors in containers."""
    if isinstance(value, xp.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [x for item in value for x in tensors_in(item)]
    return []


def _gradient(g):
    """Return what can be seen of a gradient, but for its layout in memory."""
    return g if g is None else (type(g).__name__, str(g.dtype), g.shape, np.asarray(g.detach()))


def _twice(total, given):
    """Return first and second derivatives, as can be seen."""
    leaves = [x for x in given if x.is_leaf and x.requires_grad]
    try:
        found = xp.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        again = sum(xp.sum(xp.real(g * g)) for g in found if g is not None and g.requires_grad)
        if isinstance(again, xp.Tensor):
            again.backward()
    except Exception as error:
        return type(error).__name__
    return [_gradient(g) for g in found]


def _call(fn, args, leaves, twice):
    kwargs = {}
    if isinstance(args, dict):
        args, kwargs = (), args
    elif args and isinstance(args[-1], dict) and args[-1].pop("**", False):
        *args, kwargs = args
    given = [*tensors_in([*args, *kwargs.values()]), *leaves]
    for x in given:
        if x.is_leaf and x.requires_grad:
            x.grad = None
    try:
        out = fn(*args, **kwargs)
    except Exception as error:
        text = "modified by an in-place" if "modified by an in-place" in str(error) else str(error)
        return "raised", type(error).__name__, text
    outs = tensors_in(out)
    shared = [
        (i, j, x is y, bool(np.shares_memory(np.asarray(x.detach()), np.asarray(y.detach()))))
        for (i, x), (j, y) in itertools.combinations(enumerate([*outs, *given]), 2)
        if i < len(outs)
    ]
    seen = [described(out), shared, [described(x) for x in given]]
    seen.append([_gradient(x.grad) if x.is_leaf and x.requires_grad else None for x in given])
    recorded = [y for y in outs if y.requires_grad]
    if recorded:
        total = sum(xp.sum(xp.real(y * y) * (i + 1)) for i, y in enumerate(recorded))
        try:
            if twice:
                seen.append(_twice(total, given))
            else:
                total.backward()
        except Exception as error:
            seen.append((type(error).__name__,))
        seen.append([_gradient(x.grad) if x.is_leaf and x.requires_grad else None for x in given])
    for y in outs:  # a write to a result shows in what shares its memory
        try:
            with xp.no_grad():
                y[...] = 0.5
        except Exception as error:
            seen.append(type(error).__name__)
    seen.append([described(x) for x in [*outs, *given]])
    return seen


def observe(trap, compiler=lambda fn: fn, twice=False):
    """Return what is seen of each call of a trap; its second derivatives are, if `twice`."""
    np.random.seed(0)
    random.seed(0)
    xp.random.manual_seed(0)
    made = trap()
    fn, calls = made[:2]
    leaves = made[2] if len(made) > 2 else []
    probe = made[3] if len(made) > 3 else (lambda: None)
    if len(made) > 4:  # what is compiled is inside
        made[4].run = compiler(made[4].run)
    else:
        fn = compiler(fn)
    seen = []
    before = xp.get_default_dtype()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for args in calls():
                there = leaves() if callable(leaves) else leaves
                seen.append((_call(fn, args, there, twice), described(probe())))
    finally:
        xp.set_default_dtype(before)
        xp.set_grad_enabled(True)
    return seen


def differences(a, b, path=""):
    """Return where two observations differ; arrays agree to rounding."""
    if type(a) is not type(b):
        return [f"{path}: {a!r} and {b!r}"]
    if isinstance(a, np.ndarray):
        if a.dtype.kind == "f" and a.dtype.itemsize < 8:
            close = np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        elif a.dtype.kind in "fc":
            close = np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        else:
            close = np.array_equal(a, b)
        return [] if a.shape == b.shape and close else [f"{path}: {a!r} and {b!r}"]
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return [f"{path}: {a!r} and {b!r}"]
        pairs = enumerate(zip(a, b, strict=True))
        return [d for i, (x, y) in pairs for d in differences(x, y, f"{path}.{i}")]
    return [] if a == b else [f"{path}: {a!r} and {b!r}"]


TRAPS = {}


def trap(make):
    """Add a trap to the table."""
    assert make.__name__ not in TRAPS
    TRAPS[make.__name__] = make
    return make


def several(name, fn, *arguments, leaves=()):
    """Add the trap of a function that is called with arguments, one after another."""

    def make():
        def calls():
            for args in arguments:
                yield args() if callable(args) else copy.deepcopy(args)

        return fn, calls, leaves

    assert name not in TRAPS, name
    TRAPS[name] = make
