"""Traps by what a function is given, and by what happens around its calls."""

import math
import operator
import threading
import warnings
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np

import tensorxp as xp
from tensorxp import nn
from tensorxp.nn import functional as F
from tests.traps import X, several, trap
from tests.traps.exits import Pair, Result, add_one
from tests.traps.worlds import P, closure

# arguments


several("arg_int_and_float", lambda x, k: x * k, (X(1, 2), 2), (X(1, 2), 2.0), (X(1, 2), True))
several("arg_p_of_2", lambda x, p: x * p.n, (X(1, 2), P(2)), (X(1, 2), P(2.0)))
several("arg_p_changed", lambda x, p: x * p.n, *[lambda n=n: (X(1.0, 2.0), P(n)) for n in range(4)])
several(
    "arg_frozenset",
    lambda x, s: x * xp.copysign(xp.ones(1), xp.asarray(next(iter(s)))),
    (X(1.0, 2.0), frozenset({0.0})),
    (X(1.0, 2.0), frozenset({-0.0})),
)
several(
    "arg_tuple_of_zero",
    lambda x, s: xp.copysign(x, xp.asarray(s[0])),
    (X(1.0, 2.0), (0.0,)),
    (X(1.0, 2.0), (-0.0,)),
)
several(
    "arg_nested_scalar",
    lambda x, d: x * d["a"][0],
    (X(1, 2), {"a": [1]}),
    (X(1, 2), {"a": [1.0]}),
    (X(1, 2), {"a": [True]}),
)
several(
    "arg_key_type",
    lambda x, d: x * len(str(next(iter(d)))),
    (X(1.0), {1: 2}),
    (X(1.0), {1.0: 2}),
    (X(1.0), {True: 2}),
)
several("arg_list_mutated", lambda x, l: l.append(1) or x * len(l), (X(1.0), [1]), (X(1.0), [1]))
several("arg_dict_returned", lambda d: d, ({"a": X(1.0)},), ({"a": X(2.0)},))
several("arg_list_returned", lambda x: [x[0] * 2, x], ([X(1.0)],), ([X(2.0)],))
several(
    "arg_array",
    lambda x, a: x * a,
    (X(1.0, 2.0), np.array([1.0, 2.0])),
    (X(1.0, 2.0), np.array([3.0, 2.0])),
)
several(
    "arg_numpy_scalar",
    lambda x, a: x * a,
    (X(1, 2), np.float32(2)),
    (X(1, 2), np.float64(2)),
    (X(1, 2), np.int64(2)),
)
several("arg_set", lambda x, s: x * sum(s), (X(1.0), {1, 2}), (X(1.0), {1, 3}))
several("arg_slice", lambda x, s: x[s] * 2, (X(1.0, 2.0), slice(0, 1)), (X(1.0, 2.0), slice(1, 2)))
several("arg_dtype", lambda x, d: xp.astype(x, d), (X(1.0), xp.float32), (X(1.0), xp.int64))
several("arg_function", lambda x, f: f(x), (X(1.0), xp.sin), (X(1.0), xp.cos), (X(1.0), closure(1)))
several(
    "arg_none",
    lambda x, y=None: x * 2 if y is None else x * y,
    (X(1.0),),
    (X(1.0), X(3.0)),
    (X(1.0), None),
)
several("arg_keywords", lambda x, *, k=2: x * k, (X(1.0),), (X(1.0), {"**": True, "k": 3}))
several(
    "arg_layout",
    lambda x: xp.reshape(x, (-1,)) * 2,
    (xp.ones((2, 3)),),
    (xp.ones((3, 2)).T,),
    (xp.ones((2, 6))[:, ::2],),
)
several(
    "arg_layout_back",
    lambda x: x * 2,
    (xp.ones((2, 3)),),
    (xp.reshape(xp.arange(6.0), (3, 2)).T,),
    (xp.ones((2, 6))[:, ::2],),
    (xp.ones((2, 3))[::-1],),
)
several("arg_layout_view", lambda x: xp.reshape(x, (6,)), (xp.ones((2, 3)),), (xp.ones((3, 2)).T,))
several(
    "arg_layout_written",
    lambda x: add_one(xp.reshape(x * 1, (6,))),
    (xp.ones((2, 3)),),
    (xp.ones((3, 2)).T,),
)
several("arg_complex", lambda x: xp.abs(x) * 2, (X(1.0, 2.0),), (X(1 + 2j, 2.0),))
several("arg_empty", lambda x: xp.sum(x) * 2 + x, (xp.ones((0,)),), (xp.ones((2,)),))
several("arg_0d", lambda x: x * 2, (xp.asarray(2.0),), (xp.asarray(3.0),))
several(
    "arg_dtypes",
    lambda x: x * 2 + 1,
    *[
        (xp.ones(3, dtype=d),)
        for d in (xp.int8, xp.uint8, xp.int32, xp.int64, xp.float32, xp.float16, xp.complex64)
    ],
)
several("arg_bool", lambda x: x & (x == x), (X(True, False),), (X(False, False),))
several(
    "arg_parameter",
    lambda x: x * (2 if isinstance(x, nn.Parameter) else 3),
    lambda: (nn.Parameter(xp.ones(2)),),
    lambda: (xp.ones(2, requires_grad=True),),
)
several(
    "arg_requires_grad",
    lambda x: x * 2,
    lambda: (X(1.0, grad=True),),
    lambda: (X(1.0),),
    lambda: (X(1.0, grad=True),),
)
several(
    "arg_non_leaf",
    lambda x: x * (2 if x.is_leaf else 3),
    lambda: (X(1.0, grad=True) * 1,),
    lambda: (X(1.0, grad=True),),
)
several(
    "arg_overflow",
    lambda x: x + 100,
    (xp.asarray([100], dtype=xp.int8),),
    (xp.asarray([1], dtype=xp.int8),),
)
several("arg_division", lambda x, y: x // y, (X(7, 8), X(2, 3)), (X(-7, 8), X(2, -3)))
several("arg_string", lambda x, s: getattr(xp, s)(x), (X(1.0), "sin"), (X(1.0), "cos"))
several("arg_module", lambda m, x: m(x), *[lambda i=i: (_linear(i), X(1.0, 2.0)) for i in range(3)])
several("arg_pair", lambda p: Pair(p.b, p.a * 2), (Pair(X(1.0), 2),), (Pair(X(2.0), 3),))
several("arg_dataclass", lambda r: r.y * r.n, (Result(X(1.0), 2),), (Result(X(2.0), 3),))
several(
    "arg_generator", lambda g: sum(g), lambda: (iter([X(1.0), X(2.0)]),), lambda: (iter([X(3.0)]),)
)
several(
    "arg_ordered",
    lambda d: sum(d.values()),
    (OrderedDict(a=X(1.0)),),
    (OrderedDict(a=X(2.0), b=X(1.0)),),
)
several("arg_subclass_of_int", lambda x, k: x * k, (X(1), True), (X(1), 1))
several("arg_large_int", lambda x, k: x * (k % 7), (X(1), 2**80), (X(1), 2**80 + 1))
several("arg_nan", lambda x, k: x * k, (X(1.0), math.nan), (X(1.0), math.inf), (X(1.0), -math.inf))
several(
    "arg_wrong_shape",
    lambda x, y: x @ y,
    (xp.ones((2, 3)), xp.ones((3, 2))),
    (xp.ones((2, 3)), xp.ones((2, 3))),
)
several("arg_wrong_type", lambda x: x * 2, (X(1.0),), ("a",), (None,), ([1, 2],))
several("arg_missing", lambda x, y: x * y, (X(1.0), X(2.0)), (X(1.0),), (X(1.0), X(2.0), X(3.0)))


def _linear(i):
    layer = nn.Linear(2, 2).double()
    with xp.no_grad():
        layer.weight[...] = 0.1 * (i + 1)
        layer.bias[...] = 0.0
    return layer


@trap
def same_tensor_twice():
    def fn(x, y):
        return x * y if x is y else x + y

    def calls():
        x = X(1.0, 2.0, grad=True)
        yield (X(1.0, 2.0, grad=True), X(3.0, 4.0, grad=True))
        yield (x, x)
        yield (X(1.0, 2.0, grad=True), X(3.0, 4.0, grad=True))

    return fn, calls


@trap
def gradient_by_a_tensor_that_is_given_twice():
    def fn(x, y):
        return xp.autograd.grad(xp.sum(x * y), x, create_graph=True)[0]

    def calls():
        x = X(1.0, 2.0, grad=True)
        yield (X(1.0, 2.0, grad=True), X(3.0, 4.0, grad=True))
        yield (x, x)

    return fn, calls


@trap
def argument_that_is_the_global_too():
    w = X(1.0, 2.0, grad=True)

    def fn(x):
        return x * w if x is not w else x + w

    def calls():
        yield (X(3.0, 4.0, grad=True),)
        yield (w,)
        yield (X(3.0, 4.0, grad=True),)

    return fn, calls, [w]


@trap
def argument_that_is_told_by_is():
    known, items = X(1.0, 2.0, 3.0), [2.0]

    def fn(x, values):
        found = 2 if x is known else 3
        return x * found * (5 if values is items else values[0]) * (1 + operator.is_(known, x))

    def calls():
        for x in (X(1.0, 2.0, 4.0), known, X(1.0, 2.0, 4.0)):
            yield x, [2.0]
            yield x, items

    return fn, calls


@trap
def argument_that_is_the_global_first():
    w = X(1.0, 2.0, grad=True)

    def fn(x):
        return x * w if x is not w else x + w

    def calls():
        yield (w,)
        yield (X(3.0, 4.0, grad=True),)
        yield (w,)

    return fn, calls, [w]


@trap
def argument_that_is_a_view_of_the_global():
    w = xp.ones((2, 2))

    def fn(x):
        y = x * 1
        y += w[0]
        return y

    def calls():
        yield (X(1.0, 2.0),)
        yield (w[0],)
        w[0] = 5.0
        yield (w[0],)

    return fn, calls, [w]


@trap
def argument_that_is_a_view_with_a_new_history():
    def fn(x):
        return x * 2

    def calls():
        base = xp.ones(3) * 1
        view = base[1:]
        yield (view,)
        base *= X(1.0, 2.0, 3.0, grad=True)
        yield (view,)

    return fn, calls


@trap
def written_between_forward_and_backward():
    def fn(x):
        return xp.exp(x) * x

    def calls():
        yield (X(1.0, grad=True) * 1,)
        yield (X(2.0, grad=True) * 1,)

    return fn, calls


@trap
def numpy_errors_raise():
    def fn(x):
        return xp.log(x) / x

    def calls():
        yield (X(1.0, 2.0),)
        with np.errstate(all="raise"):
            yield (X(0.0, 2.0),)
            yield (X(1.0, 2.0),)
        yield (X(0.0, 2.0),)

    return fn, calls


@trap
def method_of_an_object_that_dies():
    def fn(box, x):
        return x * box.v

    def calls():
        for i in range(4):
            yield (SimpleNamespace(v=float(i)), X(1.0))

    return fn, calls


@trap
def recorded_under_no_grad_view():
    def fn(x):
        y = x * 2
        with xp.no_grad():
            z = y[1:]
        return z

    def calls():
        yield (X(1.0, 2.0, grad=True),)
        yield (X(1.0, 3.0, grad=True),)

    return fn, calls


@trap
def decorated_by_no_grad():
    @xp.no_grad()
    def fn(x):
        return x * 2

    def calls():
        yield (X(1.0, 2.0, grad=True),)
        yield (X(1.0, 3.0, grad=True),)

    return fn, calls


@trap
def recorded_inside_no_grad():
    def fn(x):
        with xp.enable_grad():
            return x * 2

    def calls():
        for mode in (True, False, True, False):
            with xp.set_grad_enabled(mode):
                yield (X(1.0, 2.0, grad=True),)

    return fn, calls


@trap
def mode_asked_for():
    def fn(x):
        return x * 2 if xp.is_grad_enabled() else x * 3

    def calls():
        for mode in (True, False, True, False):
            with xp.set_grad_enabled(mode):
                yield (X(1.0, 2.0, grad=True),)

    return fn, calls


@trap
def second_derivative():
    k = 2.0

    def inner(x):
        return xp.sum(x**3) * k

    compiled = []

    def fn(x):
        if not compiled:
            compiled.append(xp.compile(inner))
        (g,) = xp.autograd.grad(compiled[0](x), x, create_graph=True)
        return g * 2

    def calls():
        nonlocal k
        yield (X(1.0, 2.0, grad=True),)
        k = 3.0
        yield (X(1.0, 2.0, grad=True),)

    return fn, calls


@trap
def threads():
    def fn(x):
        return xp.sin(x) * k[0]

    k = [2.0]

    def calls():
        yield (X(1.0, 2.0),)
        done = threading.Thread(target=lambda: k.__setitem__(0, 5.0))
        done.start()
        done.join()
        yield (X(1.0, 2.0),)

    return fn, calls


@trap
def training():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    optimizer = xp.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def fn(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def calls():
        rng = np.random.default_rng(0)
        for _ in range(4):
            yield (xp.asarray(rng.normal(size=(5, 2))), xp.asarray(rng.normal(size=(5, 1))))

    return fn, calls, [], lambda: [p.detach() for p in model.parameters()]


@trap
def training_of_the_loss():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    optimizer = xp.optim.Adam(model.parameters(), lr=0.1)

    def fn(x, y):
        return F.mse_loss(model(x), y)

    def calls():
        rng = np.random.default_rng(0)
        for _ in range(4):
            yield (xp.asarray(rng.normal(size=(5, 2))), xp.asarray(rng.normal(size=(5, 1))))
            optimizer.step()

    return fn, calls, list(model.parameters())


@trap
def warnings_are_errors():
    def fn(x):
        return xp.log(x) / x

    def calls():
        yield (X(1.0, 2.0),)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield (X(0.0, 2.0),)
            yield (X(1.0, 2.0),)
            yield (X(-1.0, 2.0),)

    return fn, calls


# written between forward and backward

_BETWEEN = {
    "exp": lambda w, x: xp.exp(x) * w,
    "double": lambda w, x: x * 2 + w,
    "copied": lambda w, x: xp.sin(x.copy()) * 3 + w * 2,
    "copied_twice": lambda w, x: xp.sin(x * 1) * (w * 1),
    "added": lambda w, x: xp.sin(x + 1) * xp.cos(w + 1),
    "chain": lambda w, x: xp.tanh(xp.sin(xp.exp(x * 0.1 + 1) - 1)) + w * 3,
    "transposed": lambda w, x: xp.sin(xp.flip(x)) * w[::-1],
    "squared": lambda w, x: (x + w) ** 2,
    "divided": lambda w, x: x / (w + 2),
    "norm": lambda w, x: x / xp.sqrt(xp.sum(x * x) + 1) + w,
    "softmax": lambda w, x: F.softmax(x + w, dim=0),
    "two": lambda w, x: (x * 2, xp.exp(x * 2) + w),
    "two_of_one": lambda w, x: (lambda y: (y, xp.sin(y) * w))(xp.exp(x)),
    "relu": lambda w, x: F.relu(x) * 2 + w,
    "where": lambda w, x: xp.where(x > w, x, w),
    "maximum": lambda w, x: xp.maximum(x, w) * 3,
    "sum": lambda w, x: xp.sum(x * 2) + xp.sum(w),
    "converted": lambda w, x: xp.sin(xp.astype(x, xp.float64, copy=True)) + w,
    "real": lambda w, x: xp.sin(xp.real(x)) + xp.conj(w) * xp.conj(w),
}


def _between(read, what, n):
    def make():
        box = SimpleNamespace(w=xp.linspace(0.5, 1.5, n, requires_grad=True), compiled=None)

        def fn(x, data):
            x = x * 1  # a tensor that may be written to
            y = box.run(x)
            first = y[0] if isinstance(y, tuple) else y
            with xp.no_grad():
                target = {"x": x, "w": box.w, "y": first, "nothing": None}[what]
                if target is not None:
                    target[...] = 0.25
            total = xp.sum(y[0] * 2 + y[1] * 3) if isinstance(y, tuple) else xp.sum(y * 2)
            found = xp.autograd.grad(total, [x, box.w])
            with xp.no_grad():
                box.w[...] = xp.linspace(0.5, 1.5, n)
            return [xp.copy(g) + 0 for g in found]

        def calls():
            for i in range(3):
                yield (xp.linspace(-1.0, 1.0 + i, n, requires_grad=True), 0)

        box.run = lambda x: read(box.w, x)
        return fn, calls, [], lambda: None, box

    return make


BETWEEN = {
    f"{name}_{what}_{n}": _between(read, what, n)
    for name, read in _BETWEEN.items()
    for what in ("x", "w", "y", "nothing")
    for n in (3, 5000)
}
