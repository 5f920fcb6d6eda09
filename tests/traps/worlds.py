"""Traps by what a function reads from outside, changed between its calls."""

import functools
import gc
import itertools
import operator
from collections import Counter, deque
from types import SimpleNamespace

import numpy as np

import tensorxp as xp
from tensorxp import nn
from tests.traps import TRAPS, X
from tests.traps.exits import NUMBERS, Colour, Result, State, reset

# the world that a function reads, changed between its calls


def _world(read, change, *, grad=False):
    """Return the trap of `read(world, x)`; `change(world, i)` changes the world before call i."""

    def make():
        reset()
        world = World()

        def calls():
            for i, numbers in enumerate(NUMBERS):
                if i:
                    change(world, i)
                yield (X(*numbers, grad=grad),)

        return lambda x: read(world, x), calls, lambda: list(world.leaves())

    return make


class Falls:
    def __init__(self, world):
        self.world = world

    def __getattr__(self, name):
        return self.world.k


class Described:
    def __get__(self, owner, kind):
        return owner.k


class First:
    z = 2.0


class Second:
    z = 5.0


class Derived(First):
    pass


class World:
    scale = 2.0
    shared = 3.0
    described = Described()

    def __init__(self):
        self.k = 2.0
        self.n = 2
        self.flag = True
        self.name = "sin"
        self.items = [1.0, 2.0]
        self.table = {"a": 2.0, "b": {"c": 3.0}}
        self.bag = {1, 2}
        self.pair = (2.0, 3.0)
        self.t = X(1.0, 2.0, 3.0)
        self.p = X(1.0, 2.0, 3.0, grad=True)
        self.fn = xp.sin
        self.own = lambda x: x * 2
        self.model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 1))
        self.model = self.model.double().eval()
        self.norm = nn.LayerNorm(3).double()
        self.batch = nn.BatchNorm1d(3).double().eval()
        self.box = SimpleNamespace(v=2.0, inner=SimpleNamespace(w=3.0))
        self.array = np.array([1.0, 2.0, 3.0])
        self.gen = np.random.default_rng(0)
        self.rng = xp.random.Generator() if hasattr(xp.random, "Generator") else None
        self.it = itertools.count()
        self.p2 = P(2)
        self.slots = Slots(2.0)
        self.none = None
        self.deque = deque([1.0, 2.0])
        self.counter = Counter(a=2)
        self.device = "cpu"
        self.dtype = xp.float64
        self.key = slice(0, 2)
        self.lst_of_t = [X(1.0, 2.0, 3.0), X(3.0, 2.0, 1.0)]
        self.calls = 0

    def leaves(self):
        yield self.p
        yield from self.model.parameters()

    @property
    def twice(self):
        return self.k * 2

    @functools.cached_property
    def kept(self):
        return self.k * 3

    def method(self, x):
        return x * self.k

    @classmethod
    def of_class(cls, x):
        return x * cls.shared

    @staticmethod
    def of_nobody(x, k=2.0):
        return x * k

    def __call__(self, x):
        return x * self.k

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.items[i]

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, x):
        return x in self.items

    def __mul__(self, x):
        return x * self.k

    def __rmul__(self, x):
        return x * self.k

    def __enter__(self):
        self.calls += 1
        return self.k

    def __exit__(self, *exc):
        return False

    def __bool__(self):
        return self.flag


class P:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return isinstance(other, P) and self.n == other.n

    def __hash__(self):
        return hash(self.n)


class Fake:
    """Says that it is a float."""

    k = 2.0
    __class__ = property(lambda self: float)

    def __rmul__(self, x):
        return x * self.k


class Slots:
    __slots__ = ("v",)

    def __init__(self, v):
        self.v = v


class Other(World):
    shared = 5.0

    def method(self, x):
        return x * 7.0


def _set(**values):
    """Return a change that sets attributes of the world to what functions of i give."""

    def change(w, i):
        for name, value in values.items():
            setattr(w, name, value(i) if callable(value) else value)

    return change


def _do(*functions):
    def change(w, i):
        functions[min(i, len(functions)) - 1](w)

    return change


def _patched(w, i):
    World.shared = 3.0 + i


def _global_name(w, i):
    global _GLOBAL, _GLOBAL_FN, _GLOBAL_T
    _GLOBAL = 2.0 + i
    _GLOBAL_FN = (xp.sin, xp.cos, xp.exp, xp.tanh)[i]
    _GLOBAL_T = X(1.0 + i, 2.0, 3.0)


def _local_module(w, i):
    _MODULE.factor = 2.0 + i


_GLOBAL, _GLOBAL_FN, _GLOBAL_T = 2.0, xp.sin, X(1.0, 2.0, 3.0)
_MODULE = SimpleNamespace(factor=2.0)


def _helper(x, k=2.0):
    return x * k


def _helper_kw(x, *, k=2.0):
    return x * k


def _no_grad_write(t, value):
    with xp.no_grad():
        t[...] = value


WORLDS = {
    "getattr_dunder": (
        lambda w, x: x * Falls(w).anything,
        lambda w, i: setattr(w, "k", 2.0 + i),
    ),
    "descriptor": (lambda w, x: x * w.described, lambda w, i: setattr(w, "k", 2.0 + i)),
    "instance_dict": (
        lambda w, x: x * w.box.v,
        lambda w, i: w.box.__dict__.update(v=2.0 + i),
    ),
    "bases": (
        lambda w, x: x * Derived().z,
        lambda w, i: setattr(Derived, "__bases__", (First, Second)[i % 2 : i % 2 + 1]),
    ),
    "jacobian": (
        lambda w, x: xp.autograd.jacobian(lambda t: t**2 * w.k, x),
        lambda w, i: setattr(w, "k", 2.0 + i % 2),
    ),
    "attribute": (lambda w, x: x * w.k, _set(k=lambda i: 2.0 + i)),
    "attribute_type": (
        lambda w, x: xp.astype(x.detach(), xp.int64) * w.k,
        _set(k=lambda i: (2, 2.0)[i % 2]),
    ),
    "attribute_sign_of_zero": (
        lambda w, x: xp.copysign(x, xp.asarray(w.k)),
        _set(k=lambda i: (0.0, -0.0)[i % 2]),
    ),
    "attribute_bool": (lambda w, x: x * w.k, _set(k=lambda i: (1, True)[i % 2])),
    "flag": (lambda w, x: x * 2 if w.flag else x * 3, _set(flag=lambda i: bool(i % 2))),
    "string": (
        lambda w, x: getattr(xp, w.name)(x),
        _set(name=lambda i: ("cos", "sin", "exp")[i % 3]),
    ),
    "string_compared": (
        lambda w, x: x * 2 if w.name == "sin" else x * 3,
        _set(name=lambda i: "sincos"[3 * (i % 2) : 3 + 3 * (i % 2)]),
    ),
    "list_item": (lambda w, x: x * w.items[0], lambda w, i: w.items.__setitem__(0, 2.0 + i)),
    "list_item_from_the_end": (lambda w, x: x * w.items[-1], lambda w, i: w.items.append(2.0 + i)),
    "list_returned": (lambda w, x: (x * 2, w.items), lambda w, i: w.items.append(2.0 + i)),
    "dict_returned": (lambda w, x: [x * 2, (w.table,)], lambda w, i: w.table.update(z=2.0 + i)),
    "list_grown_by_a_function": (lambda w, x: x * len(operator.iadd(w.items, [1.0])), _set(k=2.0)),
    "list_cut_by_a_function": (
        lambda w, x: operator.delitem(w.items, 0) or x * len(w.items),
        lambda w, i: w.items.extend([2.0, 3.0]),
    ),
    "list_length": (lambda w, x: x * len(w.items), lambda w, i: w.items.append(1.0)),
    "list_truth": (lambda w, x: x * 2 if w.items else x * 3, lambda w, i: w.items.clear()),
    "list_loop": (lambda w, x: x * sum(w.items), lambda w, i: w.items.append(1.0)),
    "list_for": (lambda w, x: xp.stack([x * v for v in w.items]), lambda w, i: w.items.append(1.0)),
    "list_star": (
        lambda w, x: xp.stack([*[x * v for v in w.items]]),
        lambda w, i: w.items.reverse(),
    ),
    "list_in": (lambda w, x: x * 2 if 2.0 in w.items else x * 3, lambda w, i: w.items.clear()),
    "list_index": (lambda w, x: x * w.items.index(2.0), lambda w, i: w.items.insert(0, 9.0)),
    "list_slice": (lambda w, x: x * sum(w.items[1:]), lambda w, i: w.items.append(1.0)),
    "list_equal": (
        lambda w, x: x * 2 if w.items == [1.0, 2.0] else x * 3,
        lambda w, i: w.items.append(1.0),
    ),
    "list_added": (lambda w, x: x * sum([*w.items, 1.0]), lambda w, i: w.items.append(1.0)),
    "list_unpacked": (
        lambda w, x: (lambda a, b: x * a + b)(*w.items),
        lambda w, i: w.items.reverse(),
    ),
    "list_rebound": (lambda w, x: x * w.items[0], _set(items=lambda i: [2.0 + i])),
    "list_sorted": (lambda w, x: x * sorted(w.items)[0], lambda w, i: w.items.append(-1.0 * i)),
    "list_max": (lambda w, x: x * max(w.items), lambda w, i: w.items.append(5.0 + i)),
    "list_enumerate": (
        lambda w, x: sum(x * i * v for i, v in enumerate(w.items)),
        lambda w, i: w.items.append(1.0),
    ),
    "list_zip": (
        lambda w, x: sum(t * v for t, v in zip(x, w.items, strict=False)),
        lambda w, i: w.items.reverse(),
    ),
    "list_to_tensor": (lambda w, x: x[:2] * xp.asarray(w.items), lambda w, i: w.items.reverse()),
    "list_as_index": (lambda w, x: x[w.lst] * 2, lambda w, i: setattr(w, "lst", [0, i % 3])),
    "list_of_tensors": (
        lambda w, x: x * xp.stack(w.lst_of_t)[0],
        lambda w, i: w.lst_of_t.reverse(),
    ),
    "list_of_tensors_written": (
        lambda w, x: x * xp.stack(w.lst_of_t)[0],
        lambda w, i: _no_grad_write(w.lst_of_t[0], i),
    ),
    "dict_item": (lambda w, x: x * w.table["a"], lambda w, i: w.table.__setitem__("a", 2.0 + i)),
    "dict_inner": (
        lambda w, x: x * w.table["b"]["c"],
        lambda w, i: w.table["b"].__setitem__("c", 2.0 + i),
    ),
    "dict_get": (
        lambda w, x: x * w.table.get("z", 1.0),
        lambda w, i: w.table.__setitem__("z", 2.0 + i),
    ),
    "dict_in": (
        lambda w, x: x * 2 if "z" in w.table else x * 3,
        lambda w, i: w.table.__setitem__("z", 2.0),
    ),
    "dict_loop": (
        lambda w, x: x * sum(v for v in w.table.values() if isinstance(v, float)),
        lambda w, i: w.table.__setitem__(str(i), 1.0),
    ),
    "dict_items": (
        lambda w, x: x * len([k for k, v in w.table.items() if k < "m"]),
        lambda w, i: w.table.__setitem__(str(i), 1.0),
    ),
    "dict_missing": (
        lambda w, x: _get(w.table, "z", x),
        lambda w, i: w.table.__setitem__("z", 2.0),
    ),
    "dict_two_stars": (
        lambda w, x: _helper_kw(x, **w.kw),
        lambda w, i: setattr(w, "kw", {"k": 2.0 + i}),
    ),
    "dict_merged": (
        lambda w, x: x * {**w.table, "q": 1}.get("a"),
        lambda w, i: w.table.__setitem__("a", 2.0 + i),
    ),
    "set_in": (lambda w, x: x * 2 if 3 in w.bag else x * 3, lambda w, i: w.bag.add(3)),
    "set_loop": (lambda w, x: x * sum(w.bag), lambda w, i: w.bag.add(3 + i)),
    "deque": (lambda w, x: x * w.deque[0], lambda w, i: w.deque.appendleft(2.0 + i)),
    "deque_sum": (lambda w, x: x * sum(w.deque), lambda w, i: w.deque.appendleft(2.0 + i)),
    "counter": (lambda w, x: x * w.counter["a"], lambda w, i: w.counter.update("a")),
    "tuple_rebound": (lambda w, x: x * w.pair[0], _set(pair=lambda i: (2.0 + i, 1.0))),
    "namespace": (lambda w, x: x * w.box.v, lambda w, i: setattr(w.box, "v", 2.0 + i)),
    "namespace_inner": (
        lambda w, x: x * w.box.inner.w,
        lambda w, i: setattr(w.box.inner, "w", 2.0 + i),
    ),
    "namespace_inner_rebound": (
        lambda w, x: x * w.box.inner.w,
        lambda w, i: setattr(w.box, "inner", SimpleNamespace(w=2.0 + i)),
    ),
    "new_attribute": (lambda w, x: x * getattr(w, "extra", 1.0), _set(extra=lambda i: 2.0 + i)),
    "hasattr": (
        lambda w, x: x * 2 if hasattr(w, "extra") else x * 3,
        _set(extra=lambda i: 2.0 + i),
    ),
    "deleted_attribute": (lambda w, x: x * w.k, lambda w, i: w.__dict__.pop("k", None)),
    "deleted_falls_to_class": (
        lambda w, x: x * w.scale,
        lambda w, i: setattr(w, "scale", 5.0) if i == 1 else w.__dict__.pop("scale", None),
    ),
    "property": (lambda w, x: x * w.twice, _set(k=lambda i: 2.0 + i)),
    "cached_property": (lambda w, x: x * w.kept, _set(k=lambda i: 2.0 + i)),
    "slots": (lambda w, x: x * w.slots.v, lambda w, i: setattr(w.slots, "v", 2.0 + i)),
    "method": (lambda w, x: w.method(x), _set(k=lambda i: 2.0 + i)),
    "method_rebound": (lambda w, x: w.method(x), _set(method=lambda i: lambda x: x * (5.0 + i))),
    "method_kept": (
        lambda w, x: w.kept_method(x),
        lambda w, i: setattr(w, "kept_method", w.method if i % 2 else (lambda x: x * 9)),
    ),
    "class_attribute": (lambda w, x: w.of_class(x), _patched),
    "class_changed": (
        lambda w, x: w.method(x) * w.shared,
        lambda w, i: setattr(w, "__class__", Other),
    ),
    "static_method": (
        lambda w, x: w.of_nobody(x),
        lambda w, i: setattr(World.of_nobody, "__defaults__", (2.0 + i,)),
    ),
    "call_dunder": (lambda w, x: w(x), _set(k=lambda i: 2.0 + i)),
    "len_dunder": (lambda w, x: x * len(w), _set(n=lambda i: 2 + i)),
    "getitem_dunder": (lambda w, x: x * w[0], lambda w, i: w.items.reverse()),
    "iter_dunder": (lambda w, x: x * sum(w), lambda w, i: w.items.append(1.0)),
    "contains_dunder": (lambda w, x: x * 2 if 2.0 in w else x * 3, lambda w, i: w.items.clear()),
    "mul_dunder": (lambda w, x: w * 2 * x, _set(k=lambda i: 2.0 + i)),
    "rmul_dunder": (lambda w, x: 2 * w * x, _set(k=lambda i: 2.0 + i)),
    "with_dunder": (lambda w, x: _with(w, x), _set(k=lambda i: 2.0 + i)),
    "bool_dunder": (lambda w, x: x * 2 if w else x * 3, _set(flag=lambda i: bool(i % 2))),
    "false_class": (
        lambda w, x: x * w.fake,
        lambda w, i: setattr(w.fake, "k", 2.0 + i),
    ),
    "eq_dunder": (
        lambda w, x: x * 2 if w.p2 == P(2) else x * 3,
        lambda w, i: setattr(w.p2, "n", 2 + i),
    ),
    "hash_dunder": (
        lambda w, x: x * {w.p2: 5.0}.get(P(2), 7.0),
        lambda w, i: setattr(w.p2, "n", 2 + i),
    ),
    "isinstance": (
        lambda w, x: x * 2 if isinstance(w, Other) else x * 3,
        lambda w, i: setattr(w, "__class__", Other),
    ),
    "type_of": (
        lambda w, x: x * 2 if type(w.k) is float else x * 3,
        _set(k=lambda i: (2, 2.0)[i % 2]),
    ),
    "none": (lambda w, x: x * 2 if w.none is None else x * w.none, _set(none=lambda i: 2.0 + i)),
    "function": (lambda w, x: w.fn(x), _set(fn=lambda i: (xp.sin, xp.cos, xp.exp, xp.tanh)[i])),
    "own_function": (lambda w, x: w.own(x), _set(own=lambda i: lambda x: x * (3 + i))),
    "ownclosure": (lambda w, x: w.own(x), lambda w, i: setattr(w, "own", closure(i))),
    "function_passed_on": (
        lambda w, x: sum(map(w.own, [x, x])),
        _set(own=lambda i: lambda x: x * (3 + i)),
    ),
    "function_differentiated": (
        lambda w, x: xp.autograd.value_and_grad(lambda t: xp.sum(w.own(t) ** 2))(x)[1],
        _set(own=lambda i: lambda x: x * (3 + i)),
    ),
    "function_vmapped": (
        lambda w, x: (
            xp.autograd.vmap(lambda t: t * w.k)(x) if hasattr(xp.autograd, "vmap") else x * w.k
        ),
        _set(k=lambda i: 2.0 + i),
    ),
    "partial": (
        lambda w, x: w.part(x),
        lambda w, i: setattr(w, "part", functools.partial(_helper, k=2.0 + i)),
    ),
    "partial_keywords": (
        lambda w, x: w.part2(x),
        lambda w, i: w.part2.keywords.__setitem__("k", 2.0 + i),
    ),
    "defaults": (
        lambda w, x: _helper(x),
        lambda w, i: setattr(_helper, "__defaults__", (2.0 + i,)),
    ),
    "keyword_defaults": (
        lambda w, x: _helper_kw(x),
        lambda w, i: _helper_kw.__kwdefaults__.__setitem__("k", 2.0 + i),
    ),
    "code": (
        lambda w, x: w.own(x),
        lambda w, i: setattr(w.own, "__code__", _closure_of_seven().__code__),
    ),
    "global_name": (lambda w, x: x * _GLOBAL, _global_name),
    "global_function": (lambda w, x: _GLOBAL_FN(x), _global_name),
    "global_tensor": (lambda w, x: x * _GLOBAL_T, _global_name),
    "global_module_attribute": (lambda w, x: x * _MODULE.factor, _local_module),
    "numpy_array": (lambda w, x: x * xp.asarray(w.array), lambda w, i: w.array.__setitem__(0, i)),
    "numpy_array_beside": (lambda w, x: x * w.array, lambda w, i: w.array.__setitem__(0, i)),
    "numpy_array_item": (lambda w, x: x * w.array[0], lambda w, i: w.array.__setitem__(0, i)),
    "numpy_array_shape": (
        lambda w, x: x * w.array.shape[0],
        lambda w, i: setattr(w, "array", np.ones(3 + i)),
    ),
    "numpy_array_sum": (lambda w, x: x * np.sum(w.array), lambda w, i: w.array.__setitem__(0, i)),
    "numpy_generator": (lambda w, x: x * w.gen.random(), lambda w, i: None),
    "iterator": (lambda w, x: x * next(w.it), lambda w, i: None),
    "tensor_written": (lambda w, x: x * w.t, lambda w, i: _no_grad_write(w.t, float(i))),
    "tensor_item_written": (lambda w, x: x * w.t[0], lambda w, i: w.t.__setitem__(0, float(i))),
    "tensor_rebound": (lambda w, x: x * w.t, _set(t=lambda i: X(1.0, 2.0, 3.0 + i))),
    "tensor_of_other_dtype": (
        lambda w, x: x * w.t,
        _set(t=lambda i: X(1, 2, 3 + i, dtype=(xp.float32, xp.int64)[i % 2])),
    ),
    "tensor_of_other_shape": (lambda w, x: xp.sum(w.t) * x, _set(t=lambda i: xp.ones((i, 3)))),
    "tensor_of_other_layout": (
        lambda w, x: xp.reshape(w.m, (-1,))[:3] * x,
        lambda w, i: setattr(
            w, "m", xp.reshape(xp.arange(9.0), (3, 3)).T if i % 2 else xp.ones((3, 3))
        ),
    ),
    "tensor_shape_only": (lambda w, x: x * w.t.shape[0], _set(t=lambda i: xp.ones(3 + i))),
    "tensor_ndim": (lambda w, x: x * w.t.ndim, _set(t=lambda i: xp.ones((1,) * i))),
    "tensor_dtype": (
        lambda w, x: xp.astype(x, w.t.dtype),
        _set(t=lambda i: xp.ones(3, dtype=(xp.float32, xp.float64)[i % 2])),
    ),
    "tensor_read": (lambda w, x: x * float(w.t[0]), lambda w, i: w.t.__setitem__(0, float(i))),
    "tensor_bool": (
        lambda w, x: x * 2 if w.t[0] > 1.5 else x * 3,
        lambda w, i: w.t.__setitem__(0, float(i)),
    ),
    "tensor_range": (
        lambda w, x: sum([x for _ in range(int(w.t[1]))]),
        lambda w, i: w.t.__setitem__(1, float(i)),
    ),
    "tensor_index": (lambda w, x: x[w.i] * x, lambda w, i: setattr(w, "i", xp.asarray(i % 3))),
    "tensor_index_written": (lambda w, x: x[w.j] * x, lambda w, i: w.j.__setitem__(..., i % 3)),
    "tensor_indices": (lambda w, x: x[w.js] * x, lambda w, i: w.js.__setitem__(0, i % 3)),
    "tensor_tolist": (
        lambda w, x: x * sum(w.t.tolist()),
        lambda w, i: w.t.__setitem__(0, float(i)),
    ),
    "tensor_numpy": (
        lambda w, x: x * xp.asarray(w.t.numpy() * 2),
        lambda w, i: w.t.__setitem__(0, float(i)),
    ),
    "parameter_written": (lambda w, x: x * w.p, lambda w, i: _no_grad_write(w.p, float(i))),
    "parameter_rebound": (lambda w, x: x * w.p, _set(p=lambda i: X(1.0, 2.0, 3.0 + i, grad=True))),
    "parameter_frozen": (lambda w, x: x * w.p, lambda w, i: w.p.requires_grad_(i % 2 == 0)),
    "parameter_hooked": (lambda w, x: x * w.p, lambda w, i: w.p.register_hook(lambda ct: ct * 2)),
    "parameter_grad_read": (
        lambda w, x: x * 2 if w.p.grad is None else x * w.p.grad,
        lambda w, i: setattr(w.p, "grad", xp.ones(3)),
    ),
    "parameter_from_operation": (
        lambda w, x: x * w.q,
        lambda w, i: setattr(w, "q", w.p * (1.0 + i)),
    ),
    "module": (lambda w, x: w.model(x), lambda w, i: _no_grad_write(w.model[0].weight, 0.1 * i)),
    "module_weight_rebound": (
        lambda w, x: w.model(x),
        lambda w, i: setattr(w.model[0], "weight", nn.Parameter(xp.full((3, 3), 0.1 * i))),
    ),
    "module_weight_data": (
        lambda w, x: w.model(x),
        lambda w, i: setattr(w.model[0].weight, "data", xp.full((3, 3), 0.1 * i)),
    ),
    "module_trained": (lambda w, x: w.model(x), lambda w, i: w.model.train(i % 2 == 1)),
    "module_part_trained": (lambda w, x: w.model(x), lambda w, i: w.model[2].train(i % 2 == 1)),
    "module_hook": (
        lambda w, x: w.model(x),
        lambda w, i: w.model[1].register_forward_hook(lambda m, a, y: y * 2),
    ),
    "module_pre_hook": (
        lambda w, x: w.model(x),
        lambda w, i: w.model.register_forward_pre_hook(lambda m, a: (a[0] * 2,)),
    ),
    "module_backward_hook": (
        lambda w, x: w.model(x),
        lambda w, i: w.model[3].register_full_backward_hook(
            lambda m, gi, go: tuple(g * 2 for g in gi)
        ),
    ),
    "module_part_replaced": (
        lambda w, x: w.model(x),
        lambda w, i: w.model.__setitem__(1, (nn.ReLU(), nn.Sigmoid(), nn.Tanh())[i % 3]),
    ),
    "module_appended": (lambda w, x: w.model(x), lambda w, i: w.model.append(nn.Sigmoid())),
    "module_float32": (
        lambda w, x: w.model(x),
        lambda w, i: w.model.float() if i % 2 else w.model.double(),
    ),
    "module_forward_replaced": (
        lambda w, x: w.model(x),
        lambda w, i: setattr(w.model[1], "forward", lambda x: x * i),
    ),
    "module_frozen": (lambda w, x: w.model(x), lambda w, i: w.model.requires_grad_(i % 2 == 0)),
    "module_bias_none": (lambda w, x: w.model(x), lambda w, i: setattr(w.model[0], "bias", None)),
    "module_state_loaded": (
        lambda w, x: w.model(x),
        lambda w, i: w.model.load_state_dict({k: v * 0.5 for k, v in w.model.state_dict().items()}),
    ),
    "norm_eps": (lambda w, x: w.norm(x), lambda w, i: setattr(w.norm, "eps", float(i))),
    "batch_norm_eps": (
        lambda w, x: w.batch(x[None]),
        lambda w, i: setattr(w.batch, "eps", float(i)),
    ),
    "batch_norm_buffer": (
        lambda w, x: w.batch(x[None]),
        lambda w, i: w.batch.running_mean.__setitem__(0, float(i)),
    ),
    "batch_norm_training": (
        lambda w, x: w.batch(xp.stack([x, x * 2])),
        lambda w, i: w.batch.train(i % 2 == 1),
    ),
    "dropout_p": (lambda w, x: w.model(x), lambda w, i: setattr(w.model.train()[2], "p", 0.0)),
    "default_dtype": (
        lambda w, x: x * xp.ones(3),
        lambda w, i: xp.set_default_dtype((xp.float32, xp.float64)[i % 2]),
    ),
    "dtype_attribute": (
        lambda w, x: x * xp.ones(3, dtype=w.dtype),
        _set(dtype=lambda i: (xp.complex128, xp.float32)[i % 2]),
    ),
    "grad_mode": (lambda w, x: x * w.p, lambda w, i: xp.set_grad_enabled(i % 2 == 0)),
    "key": (lambda w, x: x[w.key] * 2, _set(key=lambda i: slice(0, i))),
    "written_by_it": (lambda w, x: _written(w, x), lambda w, i: None),
    "appended_by_it": (lambda w, x: w.items.append(1.0) or x * len(w.items), lambda w, i: None),
    "attribute_by_it": (lambda w, x: setattr(w, "k", w.k + 1) or x * w.k, lambda w, i: None),
    "dict_by_it": (
        lambda w, x: w.table.update(z=len(w.table)) or x * len(w.table),
        lambda w, i: None,
    ),
    "tensor_by_it": (lambda w, x: w.t.__setitem__(0, w.t[0] + 1) or x * w.t, lambda w, i: None),
    "tensor_iadd": (lambda w, x: operator.iadd(w.t, 1) * x, lambda w, i: None),
    "pop_by_it": (lambda w, x: x * w.items.pop() if w.items else x, lambda w, i: None),
    "reads_what_it_wrote": (lambda w, x: _kept_state(w, x), lambda w, i: None),
    "returns_global_tensor": (lambda w, x: w.t, lambda w, i: None),
    "returns_parameter": (lambda w, x: (w.p, x * 2), lambda w, i: None),
    "returns_view_of_global": (lambda w, x: w.t[1:], lambda w, i: None),
    "returns_list_from_outside": (lambda w, x: (w.items, x * 2), lambda w, i: None),
    "returns_number": (lambda w, x: (w.k, x * 2), _set(k=lambda i: 2.0 + i)),
    "sgd_step": (lambda w, x: _step(w, x), lambda w, i: None),
    "monkeypatched_method": (
        lambda w, x: w.method(x),
        lambda w, i: setattr(World, "method", [_world_method, lambda s, x: x * 11][i % 2]),
    ),
    "errstate": (lambda w, x: x / (x - 1), lambda w, i: None),
    "gc_count": (lambda w, x: x * (1 + 0 * len(gc.get_objects(0))), lambda w, i: None),
    "while_else": (lambda w, x: _loops(w, x), _set(n=lambda i: 2 + i)),
    "try_finally": (lambda w, x: _finally(w, x), _set(k=lambda i: 2.0 + i)),
    "nested_functions": (lambda w, x: _nested(w, x), _set(k=lambda i: 2.0 + i)),
    "generator_function": (lambda w, x: sum(_yields(w, x)), _set(n=lambda i: 2 + i)),
    "super_call": (lambda w, x: Child().run(w, x), _set(k=lambda i: 2.0 + i)),
    "instance": (lambda w, x: State(x * w.k).y, _set(k=lambda i: 2.0 + i)),
    "dataclass": (lambda w, x: Result(x * w.k, 2).y, _set(k=lambda i: 2.0 + i)),
    "enum": (lambda w, x: x * Colour.RED.value, lambda w, i: None),
    "lambda_in_a_list": (
        lambda w, x: [lambda t: t * 2, lambda t: t * 3][w.n % 2](x),
        _set(n=lambda i: 2 + i),
    ),
    "format_of_number": (lambda w, x: w.table2[f"k{w.n}"] * x, _set(n=lambda i: 2 + i % 2)),
    "conditional_import": (lambda w, x: _imports(x), lambda w, i: None),
    "deep_attribute": (
        lambda w, x: x * w.model[0].in_features,
        lambda w, i: setattr(w.model[0], "in_features", 3 + i),
    ),
    "parameters_loop": (
        lambda w, x: sum(xp.sum(p * p) for p in w.model.parameters()) * x,
        lambda w, i: w.model.append(nn.Linear(1, 1).double()),
    ),
    "named_parameters": (
        lambda w, x: x * len(dict(w.model.named_parameters())),
        lambda w, i: w.model.append(nn.Linear(1, 1)),
    ),
    "training_read": (
        lambda w, x: x * 2 if w.model.training else x * 3,
        lambda w, i: w.model.train(i % 2 == 1),
    ),
    "int_enum_key": (lambda w, x: x * w.table3[2], lambda w, i: w.table3.__setitem__(2, float(i))),
    "getattr_dynamic": (
        lambda w, x: x * getattr(w, w.which),
        _set(which=lambda i: ("k", "n")[i % 2]),
    ),
    "operator_attrgetter": (
        lambda w, x: x * operator.attrgetter("k")(w),
        _set(k=lambda i: 2.0 + i),
    ),
    "operator_itemgetter": (
        lambda w, x: x * operator.itemgetter("a")(w.table),
        lambda w, i: w.table.__setitem__("a", 2.0 + i),
    ),
    "chain_of_lists": (
        lambda w, x: x * sum(itertools.chain(w.items, [1.0])),
        lambda w, i: w.items.append(2.0),
    ),
    "list_copy": (lambda w, x: x * sum(list(w.items)), lambda w, i: w.items.append(2.0)),
    "list_of_lists": (
        lambda w, x: x * w.rows[0][0],
        lambda w, i: w.rows[0].__setitem__(0, 2.0 + i),
    ),
    "tuple_of_lists": (
        lambda w, x: x * w.tuple[0][0],
        lambda w, i: w.tuple[0].__setitem__(0, 2.0 + i),
    ),
    "tuple_of_lists_summed": (
        lambda w, x: x * sum(map(sum, w.tuple)),
        lambda w, i: w.tuple[0].__setitem__(0, 2.0 + i),
    ),
    "nested_loop": (
        lambda w, x: x * sum(v for row in w.rows for v in row),
        lambda w, i: w.rows[0].append(1.0),
    ),
    "unpacked_rows": (
        lambda w, x: x * sum(a * b for a, b in w.rows2),
        lambda w, i: w.rows2[0].reverse(),
    ),
    "compared_lists": (
        lambda w, x: x * 2 if w.rows[0] < w.rows[1] else x * 3,
        lambda w, i: w.rows.reverse(),
    ),
    "string_joined": (lambda w, x: x * len(",".join(w.names)), lambda w, i: w.names.append("z")),
    "cell": (lambda w, x: w.cell(x), lambda w, i: w.set_cell(2.0 + i)),
    "global_annotation": (
        lambda w, x: x * _helper.__defaults__[0],
        lambda w, i: setattr(_helper, "__defaults__", (2.0 + i,)),
    ),
    "function_attribute": (
        lambda w, x: x * _helper.factor,
        lambda w, i: setattr(_helper, "factor", 2.0 + i),
    ),
}


def closure(i):
    k = 2.0 + i
    return lambda x: x * k


def _closure_of_seven():
    k = 7.0
    return lambda x: x * k + k


def _get(table, key, x):
    try:
        return x * table[key]
    except KeyError:
        return x * 9


def _with(w, x):
    with w as k:
        return x * k


def _written(w, x):
    w.t[0] = w.t[0] + 1
    return x * w.t


def _kept_state(w, x):
    w.k = w.k * 2
    return x * w.k


def _step(w, x):
    loss = xp.sum((x * w.p) ** 2)
    (g,) = xp.autograd.grad(loss, [w.p])
    with xp.no_grad():
        w.p -= 0.1 * g
    return loss.detach()


def _loops(w, x):
    n = 0
    while n < w.n:
        n += 1
        if n == 3:
            continue
        x = x * n
    else:
        x = x + 1
    return x


def _finally(w, x):
    try:
        y = x * w.k
    finally:
        y = y + 1
    return y


def _nested(w, x):
    total = x

    def add(k):
        nonlocal total
        total = total + x * k

    for k in (1, w.k):
        add(k)
    return total


def _yields(w, x):
    for i in range(w.n):
        yield x * i


def _imports(x):
    import math as m

    return x * m.pi


class Parent:
    def run(self, w, x):
        return x * w.k


class Child(Parent):
    def run(self, w, x):
        return super().run(w, x) + self.__offset()

    def __offset(self):
        return 1.0


_world_method = World.method
_init = World.__init__


def _more(self):
    """Set what needs names from below."""
    _init(self)
    self.kept_method = self.method
    Derived.__bases__ = (First,)
    self.fake = Fake()
    self.part = functools.partial(_helper, k=2.0)
    self.part2 = functools.partial(_helper, k=2.0)
    self.kw = {"k": 2.0}
    self.i = xp.asarray(1)
    self.j = xp.asarray(1)
    self.js = xp.asarray([1, 0, 2])
    self.q = self.p * 1.0
    self.m = xp.ones((3, 3))
    self.lst = [0, 1]
    self.table2 = {"k2": 2.0, "k3": 3.0}
    self.table3 = {2: 2.0}
    self.which = "k"
    self.rows = [[1.0, 2.0], [3.0, 4.0]]
    self.rows2 = [[1.0, 2.0], [3.0, 4.0]]
    self.tuple = ([1.0], [2.0])
    self.names = ["a", "b"]
    self.own = closure(0)
    k = 2.0

    def cell(x):
        return x * k

    def set_cell(value):
        nonlocal k
        k = value

    self.cell, self.set_cell = cell, set_cell
    World.shared, World.method = 3.0, _world_method
    World.of_nobody.__defaults__ = (2.0,)
    _helper.__defaults__ = (2.0,)
    _helper.factor = 2.0
    _helper_kw.__kwdefaults__["k"] = 2.0
    global _GLOBAL, _GLOBAL_FN, _GLOBAL_T
    _GLOBAL, _GLOBAL_FN, _GLOBAL_T = 2.0, xp.sin, X(1.0, 2.0, 3.0)
    _MODULE.factor = 2.0


World.__init__ = _more
for _name, (_read, _change) in WORLDS.items():
    for _grad in (False, True):
        name = f"world_{_name}{'_recorded' if _grad else ''}"
        TRAPS[name] = _world(_read, _change, grad=_grad)
