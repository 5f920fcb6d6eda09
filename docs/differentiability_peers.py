"""The libraries that `make_differentiability.py` compares: how each is called and differentiated.

A row of the test tables is written with tensorxp as `xp`. `Rebinder` makes the same function
with another namespace in its place; names that differ are mapped below. A library then gives,
of a real-valued function of its arrays, the gradient, the gradient of a projected gradient,
and the derivative in a direction.
"""

import builtins
import types
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

import tensorxp


class Missing(Exception):
    """The library has no such function."""


class Unsupported(Exception):
    """The library has no such mode of differentiation."""


class Namespace:
    """The functions of a library under the standard's names, from its modules in order."""

    def __init__(self, modules: list[Any], names: dict[str, str], **chapters: Any) -> None:
        self._modules = modules
        self._names = names
        self.__dict__.update(chapters)

    def __getattr__(self, name: str) -> Any:
        if hasattr(np, name) and isinstance(getattr(np, name), type):
            return getattr(self._modules[0], name, getattr(np, name))  # a dtype
        for module in self._modules:
            found = getattr(module, self._names.get(name, name), None)
            if found is not None:
                return found
        raise Missing(name)


#: NumPy's names before its version 2, which libraries around it kept.
OLD = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
    "atan2": "arctan2", "atanh": "arctanh", "concat": "concatenate", "permute_dims": "transpose",
    "pow": "power", "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift",
    "bitwise_invert": "invert",
}  # fmt: skip


def standard_forms(np_like: Any) -> dict[str, Any]:
    """Return functions that take the standard's arguments, of a library with NumPy's old ones."""

    def cumulative(name: str) -> Any:
        def call(x: Any, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
            if include_initial or dtype is not None:
                raise Missing(name)
            return getattr(np_like, name)(x, axis=0 if axis is None else axis)

        return call

    def spread(name: str) -> Any:
        def call(x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
            return getattr(np_like, name)(x, axis=axis, ddof=correction, keepdims=keepdims)

        return call

    def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        found = getattr(np_like, "sort", None)
        if found is None or (descending and not hasattr(np_like, "flip")):
            raise Missing("sort")
        return np_like.flip(found(x, axis=axis), axis) if descending else found(x, axis=axis)

    def norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if axis is None or isinstance(axis, tuple):
            raise Missing("norm of several axes")
        return np_like.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)

    def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
        return np_like.linalg.norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)

    return {
        "cumulative_sum": cumulative("cumsum"), "cumulative_prod": cumulative("cumprod"),
        "var": spread("var"), "std": spread("std"), "sort": sort,
        "clip": lambda x, min=None, max=None: np_like.clip(x, min, max),
        "matrix_transpose": lambda x: np_like.swapaxes(x, -1, -2),
        "astype": lambda x, dtype, copy=True: x.astype(dtype),
        "vector_norm": norm, "matrix_norm": matrix_norm,
    }  # fmt: skip


def solve_triangular(solve: Any) -> Any:
    """Return PyTorch's form of SciPy's `solve_triangular`."""

    def call(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
        if not left:
            raise Missing("solve_triangular from the right")
        return solve(a, b, lower=not upper, **({"unit_diagonal": True} if unitriangular else {}))

    return call


def _module(name: str) -> Any:
    return import_module(name)


class _Forms:
    """A dict as a module."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.__dict__.update(items)


class Rebinder:
    """Makes functions that are written with tensorxp work with another namespace."""

    def __init__(self, namespace: Any, array: Callable[[Any], Any]) -> None:
        self.namespace = namespace
        self.array = array
        self.known: dict[int, Any] = {}
        self.paths: dict[int, tuple[str, ...]] = {}
        for chapter in ("special", "fft", "linalg", ""):
            module = getattr(tensorxp, chapter) if chapter else tensorxp
            for name, value in vars(module).items():
                if isinstance(value, types.FunctionType):
                    self.paths[id(value)] = (chapter, name) if chapter else (name,)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            chapter = value.__name__.removeprefix("tensorxp").removeprefix(".")
            if not value.__name__.startswith("tensorxp"):
                return value
            return self.follow((chapter,)) if chapter else self.namespace
        if isinstance(value, partial):
            given = {name: self(x) for name, x in value.keywords.items()}
            return partial(self(value.func), *map(self, value.args), **given)
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if isinstance(value, tensorxp.Tensor):
            return self.array(value.numpy())
        if isinstance(value, tensorxp.DType):
            return getattr(self.namespace, value.name)
        if type(value) in (tuple, list):
            return type(value)(self(x) for x in value)
        return value

    def follow(self, path: tuple[str, ...]) -> Any:
        found = self.namespace
        for name in path:
            found = getattr(found, name)
        return found

    def function(self, fn: types.FunctionType) -> Any:
        if id(fn) in self.known:
            return self.known[id(fn)]
        if fn.__module__.startswith("tensorxp"):
            if id(fn) not in self.paths:
                raise Missing(fn.__name__)
            return self.follow(self.paths[id(fn)])
        if not fn.__module__.startswith("tests"):
            return fn
        scope: dict[str, Any] = {"__builtins__": builtins}
        cells = tuple(types.CellType() for _ in fn.__closure__ or ())
        made = types.FunctionType(fn.__code__, scope, fn.__name__, None, cells)
        self.known[id(fn)] = made
        try:
            for name in _names(fn.__code__):
                if name in fn.__globals__:
                    scope[name] = self(fn.__globals__[name])
        except Missing:
            del self.known[id(fn)]
            raise
        made.__defaults__ = self(fn.__defaults__) if fn.__defaults__ else None
        if fn.__kwdefaults__:
            made.__kwdefaults__ = {name: self(x) for name, x in fn.__kwdefaults__.items()}
        for new, old in zip(cells, fn.__closure__ or (), strict=True):
            new.cell_contents = self(old.cell_contents)
        return made


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


class Library:
    """One library; subclasses say how to make arrays and differentiate."""

    name = ""
    conjugate = True  # whether complex gradients are PyTorch's, not their conjugates

    def __init__(self) -> None:
        self.rebind = Rebinder(self.namespace(), self.array)

    def namespace(self) -> Any:
        raise NotImplementedError

    def function(self, row: Any) -> Callable[..., Any]:
        """Return the row's function for this library's arrays."""
        return self.rebind(row.fn)  # type: ignore[no-any-return]

    def array(self, a: Any) -> Any:
        raise NotImplementedError

    def numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def real_pair(self, ct: Any, y: Any) -> Any:
        """Return the sum of Re(conj(ct) y), as the library differentiates it."""
        xp = self.namespace()
        c = self.array(np.conj(ct))
        return xp.sum(xp.real(c * y)) if np.iscomplexobj(ct) else xp.sum(c * y)

    def gradient(self, fn: Any, xs: list[Any]) -> list[Any]:
        raise Unsupported

    def second(self, fn: Any, xs: list[Any], ws: list[Any]) -> list[Any]:
        raise Unsupported

    def forward(self, fn: Any, xs: list[Any], ts: list[Any]) -> float:
        raise Unsupported


class _Graph(Library):
    """A library with `autograd.grad`."""

    library: Any

    def leaves(self, xs: list[Any]) -> list[Any]:
        return [self.array(x).requires_grad_() for x in xs]

    def grads(self, y: Any, leaves: list[Any], create_graph: bool) -> list[Any]:
        if not y.requires_grad:
            return [None] * len(leaves)
        grad = self.library.autograd.grad
        return list(grad(y, leaves, create_graph=create_graph, allow_unused=True))

    def gradient(self, fn: Any, xs: list[Any]) -> list[Any]:
        leaves = self.leaves(xs)
        found = self.grads(fn(*leaves), leaves, False)
        return [0 * x if g is None else self.numpy(g) for g, x in zip(found, xs, strict=True)]

    def second(self, fn: Any, xs: list[Any], ws: list[Any]) -> list[Any]:
        leaves = self.leaves(xs)
        first = self.grads(fn(*leaves), leaves, True)
        total = sum(
            (self.library.sum(g * self.array(w)) for g, w in zip(first, ws, strict=True)
             if g is not None), self.array(np.zeros(())),
        )  # fmt: skip
        found = self.grads(total, leaves, False)
        return [0 * x if g is None else self.numpy(g) for g, x in zip(found, xs, strict=True)]


class Ours(_Graph):
    name = "tensorxp"
    library = tensorxp

    def namespace(self) -> Any:
        return tensorxp

    def function(self, row: Any) -> Callable[..., Any]:
        return row.fn  # type: ignore[no-any-return]

    def array(self, a: Any) -> Any:
        return tensorxp.asarray(a, copy=True)

    def numpy(self, x: Any) -> Any:
        return x.detach().numpy()

    def forward(self, fn: Any, xs: list[Any], ts: list[Any]) -> float:
        made = tensorxp.autograd.jvp(fn, [*map(self.array, xs)], [*map(self.array, ts)])[1]
        return float(made)


class Torch(_Graph):
    name = "PyTorch"

    def __init__(self) -> None:
        self.library = _module("torch")
        super().__init__()

    def namespace(self) -> Any:
        torch, compat = self.library, _module("array_api_compat.torch")
        special = Namespace([torch.special, torch.nn.functional, torch], {})
        linalg = Namespace([compat.linalg, torch.linalg, torch], {"expm": "matrix_exp"})
        return Namespace([compat, torch], {}, special=special, linalg=linalg, fft=compat.fft)

    def function(self, row: Any) -> Callable[..., Any]:
        if row.torch is None:
            return super().function(row)
        if not isinstance(row.torch, str):
            return row.torch  # type: ignore[no-any-return]
        found = self.library
        for name in row.torch.split("."):
            found = getattr(found, name)
        return found  # type: ignore[no-any-return]

    def array(self, a: Any) -> Any:
        return self.library.tensor(a)

    def numpy(self, x: Any) -> Any:
        return x.detach().numpy(force=True)

    def forward(self, fn: Any, xs: list[Any], ts: list[Any]) -> float:
        forward = self.library.autograd.forward_ad
        with forward.dual_level():
            pairs = zip(map(self.array, xs), map(self.array, ts), strict=True)
            out = fn(*[forward.make_dual(x, t) for x, t in pairs])
            tangent = forward.unpack_dual(out).tangent
            return 0.0 if tangent is None else float(tangent)


class Jax(Library):
    name = "JAX"
    conjugate = False

    def __init__(self) -> None:
        self.jax = _module("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.jax.core.Tracer.device = property(lambda x: None)  # rows say `device=x.device`
        jnp = _module("jax.numpy")
        for cls in (self.jax.core.Tracer, type(jnp.ones(1))):
            cls.detach = lambda x: self.jax.lax.stop_gradient(x)
        self.forms = _Forms({  # what jnp wants as arrays, and axes that count from the end
            "quantile": lambda x, q, **kwargs: jnp.quantile(x, jnp.asarray(q), **kwargs),
            "repeat": lambda x, n, **kwargs: jnp.repeat(x, jnp.asarray(n), **kwargs),
            "permute_dims": lambda x, axes: jnp.permute_dims(x, [i % x.ndim for i in axes]),
            "softmax": lambda x, axis=None: self.jax.nn.softmax(x, axis=axis),
            "log_softmax": lambda x, axis=None: self.jax.nn.log_softmax(x, axis=axis),
            "solve_triangular": solve_triangular(_module("jax.scipy.linalg").solve_triangular),
        })  # fmt: skip
        super().__init__()

    def namespace(self) -> Any:
        jnp = _module("jax.numpy")
        special = Namespace([self.forms, _module("jax.scipy.special"), self.jax.nn, jnp], {})
        linalg = Namespace([self.forms, jnp.linalg, _module("jax.scipy.linalg"), jnp], {})
        return Namespace([self.forms, jnp], {}, special=special, linalg=linalg, fft=jnp.fft)

    def array(self, a: Any) -> Any:
        return self.jax.numpy.asarray(a)

    def gradient(self, fn: Any, xs: list[Any]) -> list[Any]:
        places = tuple(range(len(xs)))
        return [np.asarray(g) for g in self.jax.grad(fn, places)(*map(self.array, xs))]

    def second(self, fn: Any, xs: list[Any], ws: list[Any]) -> list[Any]:
        places = tuple(range(len(xs)))

        def projected(*given: Any) -> Any:
            pairs = zip(self.jax.grad(fn, places)(*given), ws, strict=True)
            return sum(self.jax.numpy.sum(g * w) for g, w in pairs)

        return self.gradient(projected, xs)

    def forward(self, fn: Any, xs: list[Any], ts: list[Any]) -> float:
        return float(self.jax.jvp(fn, (*map(self.array, xs),), (*map(self.array, ts),))[1])


class Hips(Library):
    name = "HIPS autograd"
    conjugate = False

    def __init__(self) -> None:
        self.autograd = _module("autograd")
        anp = _module("autograd.numpy")
        box = _module("autograd.numpy.numpy_boxes").ArrayBox
        box.mT = property(lambda x: anp.swapaxes(x, -1, -2))  # what rows use of new arrays
        box.conj = box.conjugate = lambda x: anp.conj(x)
        box.real, box.imag = property(anp.real), property(anp.imag)
        box.device = property(lambda x: None)
        box.detach = _module("autograd.tracer").getval
        solve = _module("autograd.scipy.linalg").solve_triangular
        forms = {**standard_forms(anp), "solve_triangular": solve_triangular(solve)}
        self.forms = _Forms(forms)
        super().__init__()

    def namespace(self) -> Any:
        anp = _module("autograd.numpy")
        special = Namespace([_module("autograd.scipy.special")], {})
        modules = [self.forms, anp.linalg, _module("autograd.scipy.linalg"), anp]
        linalg = Namespace(modules, OLD)
        return Namespace([self.forms, anp], OLD, special=special, linalg=linalg, fft=anp.fft)

    def array(self, a: Any) -> Any:
        return np.asarray(a)

    def gradient(self, fn: Any, xs: list[Any]) -> list[Any]:
        return [np.asarray(self.autograd.grad(fn, i)(*xs)) for i in range(len(xs))]

    def second(self, fn: Any, xs: list[Any], ws: list[Any]) -> list[Any]:
        anp = _module("autograd.numpy")

        def projected(*given: Any) -> Any:
            pairs = ((self.autograd.grad(fn, i)(*given), w) for i, w in enumerate(ws))
            return sum(anp.sum(g * w) for g, w in pairs)

        return self.gradient(projected, xs)

    def forward(self, fn: Any, xs: list[Any], ts: list[Any]) -> float:
        make = _module("autograd.differential_operators").make_jvp
        return float(sum(make(fn, i)(*xs)(t)[1] for i, t in enumerate(ts)))


class MyGrad(Library):
    name = "MyGrad"

    def namespace(self) -> Any:
        mygrad = _module("mygrad")
        empty = Namespace([], {})
        forms = _Forms(standard_forms(mygrad))
        linalg = Namespace([forms, mygrad.linalg, mygrad], OLD)
        return Namespace([forms, mygrad], OLD, special=empty, linalg=linalg, fft=empty)

    def array(self, a: Any) -> Any:
        return _module("mygrad").tensor(a, constant=np.asarray(a).dtype.kind not in "f")

    def numpy(self, x: Any) -> Any:
        return np.asarray(x.data)

    def gradient(self, fn: Any, xs: list[Any]) -> list[Any]:
        if any(np.iscomplexobj(x) for x in xs):
            raise Unsupported
        leaves = [self.array(x) for x in xs]
        fn(*leaves).backward()
        return [0 * x if v.grad is None else v.grad for v, x in zip(leaves, xs, strict=True)]


def libraries(names: list[str] | None = None) -> list[Library]:
    """Return the libraries that are installed."""
    found: list[tuple[type[Library], list[str]]] = [
        (Ours, []), (Torch, ["torch", "array_api_compat"]), (Jax, ["jax"]),
        (Hips, ["autograd"]), (MyGrad, ["mygrad"]),
    ]  # fmt: skip
    return [
        cls() for cls, needs in found
        if all(find_spec(n) for n in needs) and (not names or cls.name in names)
    ]  # fmt: skip
