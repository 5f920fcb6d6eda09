"""Traps by what a function does with its argument; the second call has other numbers."""

import copy
import dataclasses
import functools
import math
import operator
import pickle
import random
import threading
import time
import warnings
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Sequence
from enum import Enum
from types import SimpleNamespace

import numpy as np

import tensorxp as xp
from tensorxp import nn
from tensorxp.autograd import apply_primitive, elementwise, primitive
from tensorxp.nn import functional as F
from tests.traps import TRAPS, X

# values that leave for Python: the second call has other numbers

EXITS = {
    "overlapping_write": lambda x: _overlapping(x * 1),
    "entered": lambda x: (lambda scope: [scope.__enter__(), x * 2, scope.__exit__()][1])(
        xp.no_grad()
    ),
    "matches": lambda x: x * 2 if isinstance(x.shape, Sequence) else x * 3,
    "float_of_detached": lambda x: x / float(x.sum().detach()),
    "float_of_sum": lambda x: x * float(xp.sum(x)),
    "int_of_sum": lambda x: x * int(xp.sum(x)),
    "item": lambda x: x * x[0].item(),
    "item_of_detached": lambda x: x * x.detach()[0].item(),
    "numpy": lambda x: x * xp.asarray(x.detach().numpy() * 2),
    "numpy_function": lambda x: x * xp.asarray(np.asarray(x.detach()) * 2),
    "numpy_array": lambda x: x * xp.asarray(np.array(x.detach())),
    "numpy_max": lambda x: x * float(np.max(x.detach())),
    "tolist": lambda x: x * xp.asarray(x.tolist()),
    "tolist_of_detached": lambda x: x * sum(x.detach().tolist()),
    "list": lambda x: x * float(sum(list(x)).detach()),
    "bool": lambda x: x * 2 if xp.sum(x) > 3 else x * 3,
    "bool_of_detached": lambda x: x * 2 if (x.detach() > 2).any() else x * 3,
    "bool_all": lambda x: x * 2 if bool(xp.all(x > 1.5)) else x * 3,
    "and": lambda x: x * ((x[0] > 1.5 and 2.0) or 3.0),
    "not": lambda x: x * 2 if not (x[0] > 1.5) else x * 3,
    "while": lambda x: _doubled_until(x, 10),
    "range": lambda x: sum([x] * len(range(int(x[0].detach())))) + x,
    "index": lambda x: x[int(x[0].detach()) - 1] * x,
    "index_by_tensor": lambda x: x[xp.astype(x[0].detach(), xp.int64) - 1] * x,
    "slice_by_tensor": lambda x: x[: xp.astype(x[0].detach(), xp.int64)] * 2,
    "list_index_of_tensors": lambda x: x[[xp.astype(x[0].detach(), xp.int64) - 1]] * x,
    "pickled": lambda x: x * pickle.loads(pickle.dumps(x.detach())),
    "deepcopied": lambda x: x * copy.deepcopy(x.detach()),
    "copied": lambda x: x * copy.copy(x.detach()),
    "repr": lambda x: x * len(repr(x.detach() * 1000)),
    "str": lambda x: x * len(str(x.detach() * 1e5)),
    "format": lambda x: x * float(f"{x.detach()[0]:.3f}"),
    "f_string": lambda x: x * len(f"{x.detach() * 1e5}"),
    "repr_digits": lambda x: x * sum(map(ord, repr(x))),
    "str_digits": lambda x: x * sum(map(ord, str([x]))),
    "format_digits": lambda x: x * sum(map(ord, "{} {}".format(x[0], 2))),  # noqa: UP032
    "percent_digits": lambda x: x * sum(map(ord, "%s" % (x,))),  # noqa: UP031
    "dlpack": lambda x: x * xp.from_dlpack(x.detach()),
    "numpy_dlpack": lambda x: x * xp.asarray(np.from_dlpack(x.detach())),
    "max_builtin": lambda x: x * max(x.detach().tolist()),
    "max_of_tensors": lambda x: max(x[0], x[1]) * x,
    "sorted": lambda x: sorted(x, key=float)[0] * x,
    "in": lambda x: x * (2 if 2.0 in x.detach() else 3),
    "in_list": lambda x: x * (2 if 2.0 in list(x.detach()) else 3),
    "equal_lists": lambda x: x * (2 if [x[0].detach()] == [2.0] else 3),
    "hash_of_item": lambda x: x * ({1.0: 5.0, 2.0: 7.0}.get(x[0].item(), 9.0)),
    "dict_key": lambda x: x * {1.0: 5.0}.get(float(x[0]), 9.0),
    "round_builtin": lambda x: x * round(float(x[0]), 1),
    "math": lambda x: x * math.exp(x[0]),
    "math_isclose": lambda x: x * (2 if math.isclose(x[0], 1.0) else 3),
    "complex": lambda x: x * complex(x[0]).real,
    "index_dunder": lambda x: x * operator.index(xp.astype(x[0].detach(), xp.int64)),
    "allclose": lambda x: x * 2 if xp.allclose(x, xp.asarray([1.0, 2.0, 3.0])) else x * 3,
    "quantile": lambda x: xp.quantile(xp.arange(10.0), x.detach() / 10) * x,
    "repeat": lambda x: xp.repeat(x, xp.astype(x.detach(), xp.int64)) * 2,
    "unique_values": lambda x: xp.unique_values(xp.floor(x.detach() / 2)),
    "unique_all": lambda x: xp.unique_all(xp.floor(x.detach() / 2)).values,
    "unique_inverse": lambda x: xp.unique_inverse(xp.floor(x.detach() / 2)).inverse_indices,
    "unique_counts": lambda x: xp.unique_counts(xp.floor(x.detach() / 2)).counts,
    "nonzero": lambda x: xp.nonzero(x.detach() > 1.5)[0],
    "mask": lambda x: x[x > 1.5] * 2,
    "mask_of_detached": lambda x: x[x.detach() > 1.5] * 2,
    "argwhere": lambda x: xp.argwhere(x.detach() > 1.5),
    "bincount": lambda x: xp.bincount(xp.astype(x.detach(), xp.int64)),
    "one_hot": lambda x: F.one_hot(xp.astype(x.detach(), xp.int64)) * 2,
    "write_under_0d_mask": lambda x: _written_under(x * 1, x.detach()[0] > 1.5),
    "where_python": lambda x: xp.where(x > 1.5, x * 2, 0.0),
    "buffer": lambda x: (
        x * float(np.frombuffer(x.detach().numpy(), dtype=x.detach().numpy().dtype)[0])
    ),
    "argmax_index": lambda x: x[xp.argmax(x.detach())] * x,
    "take_argsort": lambda x: xp.take(x, xp.argsort(x.detach())) * x,
    "searchsorted": lambda x: xp.searchsorted(xp.asarray([0.0, 1.5, 2.5]), x.detach()) + x,
    "iteration": lambda x: sum(t * i for i, t in enumerate(x)) * x,
    "unpack": lambda x: (lambda a, b, c: a * b + c * x)(*x),
    "zip": lambda x: xp.stack([a * b for a, b in zip(x, reversed(x.tolist()), strict=True)]),
    "grad_attribute": lambda x: x * 2 if x.grad is None else x * 3,
    "data_attribute": lambda x: x * x.data if hasattr(x, "data") else x * 3,
    "version": lambda x: x * (x.version + 1),
    "strides": lambda x: x * x.strides[0],
    "contiguous": lambda x: (
        x * (2 if x.is_contiguous() else 3) if hasattr(x, "is_contiguous") else x
    ),
    "is_leaf": lambda x: x * (2 if x.is_leaf else 3),
    "requires_grad": lambda x: x * (2 if x.requires_grad else 3),
    "grad_fn": lambda x: x * (2 if x.grad_fn is None else 3),
    "id": lambda x: x * (1 + id(x) * 0),
    "type": lambda x: x * (2 if type(x) is nn.Parameter else 3),
    "isinstance": lambda x: x * (2 if isinstance(x, nn.Parameter) else 3),
    "cond_number": lambda x: x * (2 if xp.linalg.matrix_rank(xp.outer(x, x)) > 1 else 3),
    "fixed_point": lambda x: xp.optimize.fixed_point(lambda t: xp.cos(t) * 0.5, x),
    "odeint": lambda x: xp.integrate.solve_ivp(lambda t, y: -y * x[0], (0.0, 1.0), x).y,
    "svd_rank": lambda x: xp.linalg.pinv(xp.outer(x, xp.arange(3.0))),
    "array_equal": lambda x: x * (2 if np.array_equal(x.detach(), [1.0, 2.0, 3.0]) else 3),
    "numpy_where": lambda x: np.where(x.detach() > 1.5, 2.0, 3.0) * x,
    "numpy_sum": lambda x: np.sum(x) * x,
    "memo": lambda x: _memo(x),
    "len_of_mask": lambda x: x * len(x[x.detach() > 1.5]),
    "histogram": lambda x: x * len(set(x.detach().tolist())),
    "warns": lambda x: _warns(x),
    "prints": lambda x: print(end="") or x * 2,
    "clock": lambda x: x * (1 + 0 * time.time()),
    "numpy_random": lambda x: x * np.random.rand(),
    "numpy_generator": lambda x: x * np.random.default_rng(int(x[0])).random(),
    "python_random": lambda x: x * random.random(),
    "our_random": lambda x: x * xp.random.rand(3),
    "dropout": lambda x: F.dropout(x, 0.5, True),
    "set_of_tensors": lambda x: x * len({x[0], x[1]}),
    "memory_order": lambda x: x.T * 2 if x.ndim == 2 else x,
    "no_grad_inside": lambda x: _without_grad(x),
    "generator_result": lambda x: (t for t in x),
    "iterator_result": lambda x: iter([x, x]),
    "closure_result": lambda x: lambda: x,
    "array_result": lambda x: (x.detach() * 2).numpy(),
    "dataclass_result": lambda x: Result(x * 2, 3),
    "namespace_result": lambda x: SimpleNamespace(y=x * 2),
    "set_result": lambda x: {1, 2},
    "ordered_result": lambda x: OrderedDict(y=x * 2),
    "default_dict_result": lambda x: defaultdict(list, y=x * 2),
    "deque_result": lambda x: deque([x * 2]),
    "counter_result": lambda x: Counter("ab"),
    "enum_result": lambda x: (Colour.RED, x * 2),
    "tuple_result": lambda x: (x * 2, [x * 3, {"a": x * 4}], None, 3, 2.0, True, "t"),
    "pair_result": lambda x: Pair(x * 2, x + 1),
    "same_twice": lambda x: [x * 2] * 2,
    "same_twice_named": lambda x: (lambda y: (y, y))(x * 2),
    "list_twice": lambda x: (lambda y: (y, y))([x * 2]),
    "argument_back": lambda x: x,
    "argument_in_a_list": lambda x: [x, x * 2],
    "view_back": lambda x: x[1:],
    "detached_back": lambda x: x.detach(),
    "reshaped_back": lambda x: xp.reshape(x, (3, 1)),
    "real_back": lambda x: xp.real(x),
    "asarray_back": lambda x: xp.asarray(x),
    "astype_back": lambda x: xp.astype(x, x.dtype, copy=False),
    "broadcast_back": lambda x: xp.broadcast_to(x * 2, (2, 3)),
    "flipped_back": lambda x: (x * 2)[::-1],
    "strided_back": lambda x: (x * 2)[::2],
    "transposed_back": lambda x: xp.outer(x, x).T,
    "two_views": lambda x: (lambda y: (y[:2], y[1:]))(x * 2),
    "view_and_base": lambda x: (lambda y: (y, y[1:]))(x * 2),
    "constant_back": lambda x: (xp.zeros(3), x * 2),
    "constant_view": lambda x: (xp.ones((2, 3))[0], x * 2),
    "leaf_back": lambda x: xp.ones(3, requires_grad=True),
    "inner_leaf": lambda x: x * xp.ones(3, requires_grad=True),
    "grad_of_inner_leaf": lambda x: _inner_gradient(x),
    "value_and_grad": lambda x: xp.autograd.value_and_grad(lambda t: xp.sum(t**3))(x),
    "vjp": lambda x: xp.autograd.vjp(lambda t: t**2, x)[1](x),
    "pullback_result": lambda x: xp.autograd.vjp(lambda t: t**2, x),
    "jvp": lambda x: xp.autograd.jvp(lambda t: t**2, (x,), (xp.ones(3),)),
    "jacobian": lambda x: xp.autograd.jacobian(lambda t: t**3, x),
    "jacobian_forward": lambda x: xp.autograd.jacobian(lambda t: t**3, x, strategy="forward"),
    "hessian": lambda x: xp.autograd.hessian(lambda t: xp.sum(t**3) * t[0], x),
    "hvp": lambda x: xp.autograd.hvp(lambda t: xp.sum(t**3), x, x),
    "grad_by_argument": lambda x: (
        xp.autograd.grad(xp.sum((x * 1) ** 2), x) if x.requires_grad else x * 1
    ),
    "backward_inside": lambda x: _backward_inside(x),
    "hook_inside": lambda x: _hook_inside(x),
    "retain_inside": lambda x: _retain_inside(x),
    "writes_to_argument": lambda x: add_one(x),
    "writes_to_view": lambda x: add_one(x[1:]) * 1,
    "writes_to_detached": lambda x: add_one(x.detach()) * x,
    "writes_to_copy": lambda x: add_one(x * 1),
    "index_add": lambda x: xp.index_add(x * 1, [0, 1], x[:2]),
    "raises": lambda x: 1 / 0 if x.ndim else x,
    "raises_value": lambda x: xp.reshape(x, (2, 2)),
    "raises_by_value": lambda x: x[xp.astype(x.detach(), xp.int64)],
    "tries": lambda x: _tries(x),
    "suppresses": lambda x: _cholesky_or(x),
    "asserts": lambda x: _asserts(x),
    "recursion": lambda x: _power(x, 3),
    "global_counter": lambda x: _counted(x),
    "lru_cache": lambda x: x * _cached(3),
    "partial": lambda x: functools.partial(operator.mul, 2)(x),
    "reduce": lambda x: functools.reduce(operator.mul, [x, x, 2]),
    "map": lambda x: sum(map(lambda t: t * 2, x)),
    "filter": lambda x: sum(filter(lambda t: t.ndim == 0, x)) * x,
    "filter_by_value": lambda x: sum(filter(lambda t: t > 1.5, x.detach())) + x,
    "dict_display": lambda x: {**{"a": x * 2}, "b": 3}["a"],
    "star": lambda x: xp.stack([*[x, x * 2], x * 3]),
    "walrus": lambda x: (y := x * 2) * y,
    "ternary_on_shape": lambda x: x * 2 if x.shape[0] > 3 else x * 3,
    "comprehension": lambda x: xp.stack([x * i for i in range(3) if i != 1]),
    "matmul": lambda x: x @ xp.reshape(xp.arange(9.0), (3, 3)),
    "einsum": lambda x: xp.einsum("i,j->ij", x, x),
    "sort": lambda x: xp.sort(x) * x,
    "cumsum": lambda x: xp.cumulative_sum(x) * x,
    "softmax": lambda x: F.softmax(x, dim=0),
    "complex_result": lambda x: x * (1 + 2j),
    "integers": lambda x: xp.astype(x.detach(), xp.int64) // 2,
    "power": lambda x: x**3 + 2**x,
    "checkpoint": lambda x: xp.autograd.checkpoint(lambda t: xp.sin(t) * t, x),
    "compiled_inside": lambda x: xp.compile(lambda t: t * 2)(x),
    "compiled_before": lambda x: _INNER(x),
    "own_gelu": lambda x: apply_primitive(gelu_p, (x,)),
    "own_copy": lambda x: apply_primitive(own_copy_p, (x,)) * x,
    "own_rule": lambda x: apply_primitive(scaled_p, (x,)),
    "function": lambda x: Cube.apply(x),
    "numpy_ufunc": lambda x: np.sin(x) * np.add(x, 2),
    "numpy_functions": lambda x: np.concatenate([x, x]) * np.mean(x),
    "bytes_of": lambda x: x * len(bytes(x.detach().numpy())),
    "memoryview": lambda x: x * memoryview(x.detach().numpy())[0],
    "getattr": lambda x: xp.sin(x) * x.ndim,
    "setattr_new": lambda x: _with_attributes(x),
    "exec": lambda x: eval("x * 2", {"x": x}),
    "locals": lambda x: locals()["x"] * 2,
    "globals": lambda x: x * globals()["_SCALE"],
    "vars": lambda x: x * vars(_BOX)["scale"],
    "sum_of_generator": lambda x: sum(t * 2 for t in x) * x,
    "any_of_tensors": lambda x: x * 2 if any(x.detach() > 1.5) else x * 3,
    "chained_comparison": lambda x: x * 2 if 0.5 < x[0].detach() < 1.5 else x * 3,
    "min_key": lambda x: min([x, x * 2], key=lambda t: float(t[0])),
    "thread_local": lambda x: x * _LOCAL.scale,
    "default_dtype_read": lambda x: x * xp.zeros(3) + xp.get_default_dtype().itemsize,
}

Pair = namedtuple("Pair", ["a", "b"])
_SCALE = 2.0
_BOX = SimpleNamespace(scale=2.0)
_LOCAL = threading.local()
_LOCAL.scale = 2.0
_COUNT = [0]


class Colour(Enum):
    RED = 1


@dataclasses.dataclass
class Result:
    y: object
    n: int


def _doubled_until(x, limit):
    while xp.sum(x) < limit:
        x = x * 2
    return x


def _overlapping(y):
    y[1:] = y[:-1]
    y[::-1] += y
    return y


def _written_under(y, mask):
    y[mask] = 0.0
    return y


def _memo(x, known={}):  # noqa: B006
    key = x.shape
    if key not in known:
        known[key] = float(x.detach()[0])
    return x * known[key]


def _warns(x):
    warnings.warn("once", stacklevel=1)
    return x * 2


def _without_grad(x):
    with xp.no_grad():
        y = x * 2
    return y + x


def _inner_gradient(x):
    y = x.detach().requires_grad_(True)
    return xp.autograd.grad(xp.sum(y**3), y)[0] * x


def _backward_inside(x):
    y = x.detach().requires_grad_(True)
    xp.sum(y * y).backward()
    return y.grad


def _hook_inside(x):
    y = x * 2
    if y.requires_grad:
        y.register_hook(lambda ct: ct * 10)
    return y * 3


def _retain_inside(x):
    y = x * 2
    if y.requires_grad:
        y.retain_grad()
    return y * 3


def add_one(x):
    x += 1
    return x


def _tries(x):
    try:
        return x * {}["missing"]
    except KeyError:
        return x * 2


def _cholesky_or(x):
    try:
        return xp.linalg.cholesky(xp.eye(3) * (x.detach()[0] - 1.5)) + x
    except Exception:
        return x * 2


def _asserts(x):
    assert xp.sum(x) < 100
    return x * 2


def _power(x, n):
    return x if n == 0 else x * _power(x, n - 1)


def _counted(x):
    _COUNT[0] += 1
    return x * _COUNT[0]


@functools.lru_cache
def _cached(n):
    return n * 2.0


def _with_attributes(x):
    state = State(x * 2)
    state.n = 3
    return state.y * state.n


class State:
    def __init__(self, y):
        self.y = y


gelu_p = elementwise(
    "gelu", forward=lambda xp, x: x * 3, x=lambda ct: ct * 3
)  # not the gelu that everybody knows
own_copy_p = elementwise("copy", forward=lambda xp, x: x + 1, x=lambda ct: ct)


@primitive
def scaled_p(raw, x):
    return x * _BOX.scale


@scaled_p.vjp
def _(ct, x):
    return ct * _BOX.scale


@scaled_p.jvp
def _(xp, t, x):
    return t * _BOX.scale


class Cube(xp.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, ct):
        return ct * 3 * ctx.saved_tensors[0] ** 2


_INNER = xp.compile(lambda t: xp.sin(t) * 2)

NUMBERS = ((1.0, 2.0, 3.0), (2.0, 1.0, 2.0), (4.0, 5.0, 1.0), (1.5, 1.5, 2.5))


def reset():
    _COUNT[0] = 0
    _BOX.scale = 2.0
    _LOCAL.scale = 2.0
    _memo.__defaults__[0].clear()


def _exit(fn, grad):
    def make():
        reset()

        def calls():
            for i, numbers in enumerate(NUMBERS):
                _BOX.scale = _LOCAL.scale = 2.0 + i
                yield (X(*numbers, grad=grad),)

        return fn, calls

    return make


for _name, _fn in EXITS.items():
    for _grad in (False, True):
        TRAPS[f"{_name}{'_recorded' if _grad else ''}"] = _exit(_fn, _grad)
