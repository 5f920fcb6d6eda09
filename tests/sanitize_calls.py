"""The calls of `tests.sanitize`: everything, in random shapes, layouts and dtypes, and wrongly.

Every call has a seed of its own, which is written to `--last` before: `--seed N --calls 1` makes
one call again. What raises is fine; SystemError is not, as it tells of an error in C.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from inspect import isclass
from typing import Any

import numpy as np

import tensorxp as xp
from tests.nn.cases import CASES
from tests.tables import rows

Draw = np.random.Generator
DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
    "complex128"
).split()


# arrays


def misaligned(a: Any) -> Any:
    """Return a copy of `a` whose memory begins at an odd address."""
    memory = np.empty(a.nbytes + 1, np.uint8)[1:]
    out = np.ndarray(a.shape, a.dtype, memory.data if a.nbytes else None)
    out[...] = a
    return out


def strided(a: Any) -> Any:
    """Return a copy of `a` with gaps in every axis."""
    out = np.zeros([2 * n for n in a.shape], a.dtype)[(*(slice(None, None, 2),) * a.ndim, ...)]
    out[...] = a
    return out


def stretched(a: Any, rng: Draw) -> Any:
    """Return `a` with its first element along an axis in place of all, with stride 0."""
    if not a.ndim or not a.size:
        return a
    axis = int(rng.integers(a.ndim))
    return np.broadcast_to(np.take(a, [0], axis), a.shape)


def cut(a: Any, rng: Draw) -> Any:
    """Return `a` without some, or any, of one axis."""
    if not a.ndim:
        return a
    axis = int(rng.integers(a.ndim))
    at = [slice(None)] * a.ndim
    at[axis] = slice(0, int(rng.integers(0, 2)))
    return a[*at, ...]


def enlarged(arrays: list[Any], rng: Draw) -> list[Any]:
    """Return them over and over along their first axis, so that loops share them among threads."""
    if len({a.shape for a in arrays}) != 1 or not arrays[0].size or not arrays[0].ndim:
        return arrays  # they would be broadcast to what no memory holds
    times = max(1, int(rng.choice([3000, 40_000, 300_000])) // arrays[0].size)
    return [np.tile(a, [times] + [1] * (a.ndim - 1)) for a in arrays]


def normal(shape: Any, dtype: Any, rng: Draw) -> Any:
    """Return an array of normal numbers, 0-d too."""
    return np.asarray(rng.standard_normal(shape) * 3).astype(dtype)


def laid_out(a: Any, rng: Draw) -> Any:
    """Return an array of the values of `a`, laid out at random."""
    a = np.asarray(a)
    choices: list[Callable[[], Any]] = [
        lambda: a.copy(),
        lambda: misaligned(a),
        lambda: strided(a),
        lambda: a[(*(slice(None, None, -1),) * a.ndim, ...)],
        lambda: np.asfortranarray(a),
        lambda: stretched(a, rng),
    ]
    return choices[rng.integers(len(choices))]()


def varied(arrays: list[Any], rng: Draw) -> list[Any]:
    """Return arrays of other sizes and dtypes, laid out at random."""
    way = rng.integers(8)
    if way == 0:
        arrays = [cut(a, rng) for a in arrays]
    elif way == 1:
        arrays = [a[:0] if np.ndim(a) else a for a in arrays]
    elif way == 2:
        arrays = enlarged([np.asarray(a) for a in arrays], rng)
    elif way == 3:
        dtype = rng.choice(DTYPES)
        arrays = [np.asarray(a).astype(dtype) for a in arrays]
    elif way == 4:
        arrays = [np.asarray(a).astype(np.float32) for a in arrays]
    elif way == 5 and arrays:
        at = int(rng.integers(len(arrays)))
        special = [np.nan, np.inf, -np.inf, 0.0, 1e300, 5e-324]
        a = np.array(arrays[at])
        if a.size and a.dtype.kind in "fc":
            a.flat[rng.integers(a.size)] = rng.choice(special)
        arrays[at] = a
    return [laid_out(a, rng) for a in arrays]


def tensors(arrays: list[Any], recorded: bool) -> list[Any]:
    """Return Tensors over the arrays' memory where that may be written to."""
    out = []
    for a in arrays:
        x = xp.asarray(a) if isinstance(a, np.ndarray) else a
        if recorded and isinstance(x, xp.Tensor) and x.dtype.kind in ("f", "c"):
            x = x.requires_grad_(True)
        out.append(x)
    return out


def differentiated(out: Any) -> None:
    """Go backward from every result that can."""
    for y in out if isinstance(out, tuple | list) else [out]:
        if isinstance(y, xp.Tensor) and y.requires_grad:
            y.backward(xp.ones_like(y.detach()), retain_graph=True)


# calls


def an_operation(rng: Draw) -> None:
    """Call an operation of the tables, plain, recorded or compiled."""
    row = ROWS[rng.integers(len(ROWS))]
    arrays = [np.asarray(sampler(rng)) for sampler in row.inputs]
    if row.complex and rng.integers(4) == 0:
        arrays = [a * (1 + 0.5j) if a.dtype.kind == "f" else a for a in arrays]
    used(row.name, row.fn, arrays, rng)


def a_layer(rng: Draw) -> None:
    """Call a function or a module of nn."""
    case = CASES[rng.integers(len(CASES))]
    dtype = "float64" if rng.integers(2) else "float32"
    used(case.id, case.call(xp, dtype), [a.astype(dtype) for a in case.free], rng)


def used(name: str, fn: Any, arrays: list[Any], rng: Draw) -> None:
    """Call `fn` on variations of the arrays: compiled one time in three, with backward."""
    told(name)
    compiled = bool(rng.integers(3) == 0)
    if compiled:
        fn = xp.compile(fn)
    for _ in range(3 if compiled else 1):
        given = varied(arrays, rng)
        told(f"{name}: {[(a.shape, str(a.dtype), a.strides) for a in given]}, {compiled=}")
        try:
            differentiated(fn(*tensors(given, bool(rng.integers(2)))))
        except SystemError:
            raise
        except Exception:
            pass


UNARY = "exp sin tanh abs negative square sqrt floor sign isnan logical_not round".split()
BINARY = (
    "add subtract multiply divide maximum minimum pow remainder floor_divide less equal hypot "
    "logaddexp copysign"
).split()
REDUCTIONS = "sum prod max min mean any all argmax var".split()


def a_program(rng: Draw) -> None:
    """Compile a random program, and call it on several sizes."""
    # drawn before: what draws while it runs is not compiled
    plan = [picks_of(rng) for _ in range(rng.integers(2, 14))]

    def program(*xs: Any) -> Any:
        values = list(xs)
        for picks in plan:
            values.append(one_step(values, picks))
        return values[-1], values[-2]

    fn = xp.compile(program)
    for _ in range(3):
        shape = tuple(rng.choice([0, 1, 2, 3, 5, 33, 300], rng.integers(0, 4)))
        shape = shape if np.prod(shape) < 1e5 else shape[:1]
        arrays = []
        for _ in range(rng.integers(1, 4)):
            own = tuple(n if rng.integers(4) else 1 for n in shape[rng.integers(len(shape) + 1) :])
            a = normal(own, rng.choice(["f4", "f8", "f8", "i8", "?"]), rng)
            arrays.append(laid_out(a, rng))
        told(f"program: {[(a.shape, str(a.dtype), a.strides) for a in arrays]}")
        try:
            differentiated(fn(*tensors(arrays, bool(rng.integers(2)))))
        except SystemError:
            raise
        except Exception:
            pass


def picks_of(rng: Draw) -> list[int]:
    """Return the numbers that decide a step."""
    return rng.integers(1 << 30, size=30).tolist()  # type: ignore[no-any-return]


def one_step(values: list[Any], picks: list[int]) -> Any:
    """Return a new value from those that there are."""
    x, y = values[picks[0] % len(values)], values[picks[1] % len(values)]
    way, keepdims = picks[2] % 12, picks[3] % 2 == 0
    axis = None if not x.ndim or picks[4] % 3 == 0 else picks[5] % x.ndim
    if way <= 1:
        return getattr(xp, UNARY[picks[6] % len(UNARY)])(x)
    if way <= 3:
        return getattr(xp, BINARY[picks[6] % len(BINARY)])(x, y)
    if way == 4:
        return getattr(xp, REDUCTIONS[picks[6] % len(REDUCTIONS)])(x, axis=axis, keepdims=keepdims)
    if way == 5:
        return x[key_of(x, picks[7:])]
    if way == 6:
        z = xp.asarray(x, copy=True)
        z[key_of(x, picks[7:])] = 2
        return z
    if way == 7:
        return xp.where(x > 0, x, y)
    if way == 8:
        return xp.reshape(x, (-1,))
    if way == 9:
        return xp.matmul(x, y) if x.ndim and y.ndim else x + y
    if way == 10:
        turn = picks[6] % max(x.ndim, 1)
        return xp.permute_dims(x, (*range(turn, x.ndim), *range(turn)))
    return xp.concat([x, x], axis=axis)


def key_of(x: Any, picks: list[int]) -> Any:
    """Return a key of basic indexing, or an array."""
    if picks[0] % 4 == 0 and x.ndim and x.shape[0]:
        n = x.shape[0]
        return np.asarray([pick % (2 * n) - n for pick in picks[2 : 2 + picks[1] % 4]], np.int64)
    key: list[Any] = []
    for axis, n in enumerate(x.shape[: picks[1] % (x.ndim + 1)]):
        way, start, stop, step = picks[2 + 4 * axis : 6 + 4 * axis]
        if way % 5 == 0 and n:
            key.append(start % (2 * n) - n)
        elif way % 5 == 1:
            key += [None, slice(None)]
        else:
            bounds = start % (2 * n + 3) - n - 1, stop % (2 * n + 3) - n - 1
            key.append(slice(*bounds, (-2, -1, 1, 2, 3)[step % 5]))
    if picks[0] % 4 == 1:
        key.append(...)
    return tuple(key)


def an_assignment(rng: Draw) -> None:
    """Write through keys and views, in place."""
    shape = tuple(rng.integers(0, 5, rng.integers(0, 4)))
    a = laid_out(normal(shape, rng.choice(DTYPES), rng), rng)
    told(f"assignment: {a.shape, str(a.dtype), a.strides}")
    x = xp.asarray(a)
    try:
        if rng.integers(2) and x.dtype.kind == "f":
            x = x.requires_grad_(True) * 1
        view = x[key_of(x, picks_of(rng))]
        key = key_of(view, picks_of(rng))
        view[key] = view[key] if rng.integers(2) else 3
        view += 1
        differentiated(view)
    except SystemError:
        raise
    except Exception:
        pass


def a_training_step(rng: Draw) -> None:
    """Let an optimizer update parameters of every layout."""
    name = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
    dtype = rng.choice(["f4", "f8"])
    shapes = [tuple(rng.integers(0, 4, rng.integers(0, 3))), (70_001,)]
    params = [xp.asarray(laid_out(normal(s, dtype, rng), rng)) for s in shapes]
    told(f"{name}: {[(p.shape, str(p.dtype)) for p in params]}")
    try:
        params = [p.requires_grad_(True) for p in params]
        optimizer = getattr(xp.optim, name)(params, lr=0.1)
        for _ in range(2):
            for p in params:
                p.grad = xp.asarray(laid_out(normal(p.shape, dtype, rng), rng))
            optimizer.step()
    except SystemError:
        raise
    except Exception:
        pass


class Odd:
    """Answers every protocol wrongly."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return "no array"

    def __float__(self) -> Any:
        return "no float"

    def __index__(self) -> Any:
        raise ZeroDivisionError

    def __len__(self) -> int:
        return 3

    def __getitem__(self, key: Any) -> Any:
        raise OverflowError


def things(rng: Draw) -> list[Any]:
    """Return what no function wants, and a few things that some do."""
    x = xp.asarray([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    return [
        None, "text", b"bytes", 3, -1, 2**70, 1.5, 1j, True, [], (), {}, [1, "a"], object(), Odd(),
        x, x * 2, xp.Tensor, xp.Tensor.__new__(xp.Tensor), np.ones(3), np.ones(2, dtype=object),
        np.array("text"), np.datetime64("2020"), np.ma.masked_array([1.0]), xp.float32, np.float64,
        xp.device("cpu"), xp.zeros(0), slice(None), ..., lambda *a: a, type, x.grad_fn,
        (x * 2).grad_fn, range(3), [[1], [2, 3]], float("nan"), xp.ones(3, device="sim:0"),
    ]  # fmt: skip


def a_wrong_call(rng: Draw) -> None:
    """Call a function or a method with whatever there is."""
    found = things(rng)
    pick = [found[rng.integers(len(found))] for _ in range(rng.integers(0, 4))]
    if rng.integers(2):
        owner = None
        name, fn = FUNCTIONS[rng.integers(len(FUNCTIONS))]
    else:
        name = METHODS[rng.integers(len(METHODS))]
        owner = xp.asarray(laid_out(rng.standard_normal((2, 3)), rng))
        if rng.integers(4) == 0:
            owner = xp.Tensor.__new__(xp.Tensor)
        fn = None
    told(f"{name} of {[type(x).__name__ for x in pick]}")
    try:
        fn = getattr(owner, name) if fn is None else fn
        fn(*pick)
    except SystemError:
        raise
    except Exception:
        pass


def functions() -> list[tuple[str, Any]]:
    """Return the public functions and classes by name, without those that go outside."""
    spaces = [xp, xp.linalg, xp.fft, xp.special, xp.random, xp.nn.functional, xp.autograd, xp.optim]
    spaces += [xp.utils, xp.nn, xp.nn.utils, xp.utils.data]
    left = {"save", "load", "set_default_device", "set_default_dtype", "breakpoint"}
    left |= {"set_grad_enabled", "seed", "set_num_threads"}
    return [
        (f"{space.__name__}.{name}", getattr(space, name))
        for space in spaces
        for name in sorted(getattr(space, "__all__", None) or dir(space))
        if not name.startswith("_") and name not in left and callable(getattr(space, name, None))
    ]


ROWS = rows()
FUNCTIONS = functions()
METHODS = [name for name in dir(xp.Tensor) if name not in ("__class__", "__init_subclass__")]
OPTIMIZERS = [
    name
    for name in xp.optim.__all__
    if isclass(getattr(xp.optim, name)) and name not in ("Optimizer", "LBFGS")
]
CALLS = [an_operation, a_layer, a_program, an_assignment, a_training_step, a_wrong_call]
WEIGHTS = [0.3, 0.2, 0.2, 0.1, 0.05, 0.15]


class Last:
    """The file that tells the last call."""

    file = os.open(os.devnull, os.O_WRONLY)
    seed = 0


def told(text: str) -> None:
    """Note what is about to be called."""
    os.ftruncate(Last.file, 0)
    os.pwrite(Last.file, f"--seed {Last.seed} --calls 1: {text}".encode(), 0)


def main() -> None:
    """Make calls until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize_calls")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=1 << 60)
    parser.add_argument("--last")
    given = parser.parse_args()
    if given.last:
        Last.file = os.open(given.last, os.O_RDWR | os.O_CREAT, 0o600)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    end, calls = time.monotonic() + given.seconds, 0
    while time.monotonic() < end and calls < given.calls:
        Last.seed = given.seed + calls
        rng = np.random.default_rng(Last.seed)
        CALLS[rng.choice(len(CALLS), p=WEIGHTS)](rng)
        calls += 1
    print(f"{calls} calls from seed {given.seed}, nothing found")


if __name__ == "__main__":
    main()
