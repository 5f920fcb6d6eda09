"""Raw array namespaces: NumPy itself, or array-api-compat's CuPy, with the corrections laid over.

A raw namespace is what derivative rules see as `xp` on raw arrays, and what primitives run on.
NumPy ≥ 2.1 has the standard's names, so it is used directly: array-api-compat's wrapper of it
would double the import time. CuPy is wrapped, and imported only when a CUDA device is asked for.
"""

from functools import partial
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from tensorxp._backend import corrections, cuda_kernels
from tensorxp._backend.memory import raise_malloc_threshold


class RawNamespace:
    """A namespace of raw arrays: attributes of `base`, with our own laid over them."""

    def __init__(self, base: Any, native: Any) -> None:
        self.base = native
        self._fallback = base
        self.ndarray: type = native.ndarray
        for name in ("floor_divide", "expm1", "tanh", "acosh"):
            setattr(self, name, partial(getattr(corrections, name), self))
        self.pow = self.power = partial(corrections.power, self)
        self.join = partial(corrections.join, self)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._fallback, name)
        setattr(self, name, value)  # found once, an instance attribute from then on
        return value

    def expand_dims(self, x: Any, axis: Any) -> Any:
        """Return `x` with axes of size 1 put in; first and last ones without NumPy's checks."""
        if axis == -1:
            return x[..., None]
        return x[None] if axis == 0 else self._fallback.expand_dims(x, axis)

    def index_add(self, x: Any, key: Any, values: Any) -> Any:
        """Return a copy of `x` with `values` added at `key`, repeated places summed."""
        out = self.copy(x)
        if x.dtype.kind in "iu" and type(values) is int:
            values = self.base.asarray(values, dtype=x.dtype)  # held against the range
        elif x.dtype.kind in "iu" and getattr(values, "dtype", x.dtype).kind in "iu":
            values = values.astype(x.dtype, copy=False)  # `add.at` goes through floats
        self._add_at(out, key, values)
        return out

    def _add_at(self, out: Any, key: Any, values: Any) -> None:
        # `add.at` has a fast path for one flat index, 20 times faster than the general one
        places = self._flat_places(out, key, getattr(values, "size", 1))
        if places is None:
            self.base.add.at(out, key, values)
        else:
            flat = self.base.broadcast_to(values, places.shape).reshape(-1)
            self.base.add.at(out.reshape(-1), places.reshape(-1), flat)

    def _flat_places(self, x: Any, key: Any, count: int) -> Any:
        """Return where `x[key]` lies in the flattened `x`, or None where that costs too much."""
        rows: Any = key[0] if key.__class__ is tuple and len(key) == 1 else key
        is_array = isinstance(rows, self.ndarray)
        if is_array and rows.dtype.kind in "iu" and x.ndim:
            n, rest = x.shape[0], x.shape[1:]
            rows = rows.astype(np.int64)
            rows = self.base.where(rows < 0, rows + n, rows)
            if rows.size and (rows.min() < 0 or rows.max() >= n):
                raise IndexError(f"index_add: an index is out of bounds for axis 0 of size {n}")
            inner = self.base.arange(prod(rest)).reshape(rest)
            return rows.reshape(rows.shape + (1,) * len(rest)) * prod(rest) + inner
        if x.size <= 8 * count:
            return self.base.arange(x.size).reshape(x.shape)[key]
        return None

    def to_numpy(self, x: Any, *, blocking: bool = True) -> "np.ndarray[Any, Any]":
        """Return `x` as a NumPy array, sharing memory where the backend allows."""
        return np.asarray(x)

    def from_host(self, x: Any, *, blocking: bool = True) -> Any:
        """Return a copy of a NumPy array as an array of this backend."""
        return np.array(x)

    def copy(self, x: Any) -> Any:
        """Return a copy of `x` in C order."""
        return self.base.array(x, copy=True, order="C")


class _CuPyLinalg:
    """CuPy's linear algebra with NumPy's errors, and stacks that broadcast in `solve`."""

    _CHECKED = frozenset(
        ("cholesky", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matrix_power", "svd", "svdvals")
    )

    def __init__(self, xp: Any, functions: Any) -> None:
        self._xp, self._functions = xp, functions
        self._errstate = import_module("cupyx").errstate

    def __getattr__(self, name: str) -> Any:
        fn = getattr(self._functions, name)
        value = partial(self._raising, fn) if name in self._CHECKED else fn
        setattr(self, name, value)
        return value

    def _raising(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        with self._errstate(linalg="raise"):  # else a singular matrix gives NaN, unnoticed
            return fn(*args, **kwargs)

    def solve(self, x1: Any, x2: Any, /) -> Any:
        """Return y with x1 y = x2; the axes before the matrices broadcast."""
        if x2.ndim > 1 and x1.shape[:-2] != x2.shape[:-2]:
            stack = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
            x1 = self._xp.broadcast_to(x1, stack + x1.shape[-2:])
            x2 = self._xp.broadcast_to(x2, stack + x2.shape[-2:])
        return self._raising(self._functions.solve, x1, x2)


class _CuPyNamespace(RawNamespace):
    """CuPy for one GPU: among several, functions run with it as the current device."""

    def __init__(self, base: Any, native: Any, index: int | None) -> None:
        super().__init__(base, native)
        self._index = index  # None where there is one GPU
        own = cuda_kernels.corrected(self, native, base) | {"copy": super().copy}
        self.__dict__.update({name: self._here(fn) for name, fn in own.items()})
        self.linalg = _CuPyLinalg(self, base.linalg)

    def __getattr__(self, name: str) -> Any:
        value = self._here(super().__getattr__(name))
        setattr(self, name, value)
        return value

    def _here(self, fn: Any) -> Any:
        if self._index is None or not callable(fn) or isinstance(fn, type):
            return fn

        def here(*args: Any, **kwargs: Any) -> Any:
            with self.base.cuda.Device(self._index):
                return fn(*args, **kwargs)

        return here

    def _add_at(self, out: Any, key: Any, values: Any) -> None:
        import_module("cupyx").scatter_add(out, key, values)

    def to_numpy(self, x: Any, *, blocking: bool = True) -> "np.ndarray[Any, Any]":
        if blocking or not isinstance(x, self.base.ndarray):
            return np.asarray(self.base.asnumpy(x))
        # an asynchronous copy needs pinned memory; its reader synchronizes the stream
        out = import_module("cupyx").empty_pinned(x.shape, dtype=x.dtype)
        return np.asarray(self.base.asnumpy(x, out=out, blocking=False))

    def from_host(self, x: Any, *, blocking: bool = True) -> Any:
        return self.base.array(x, blocking=blocking)


_namespaces: dict[str, RawNamespace] = {}


def numpy_namespace() -> RawNamespace:
    """Return the raw namespace of the CPU."""
    if "numpy" not in _namespaces:
        raise_malloc_threshold()
        _namespaces["numpy"] = RawNamespace(np, np)
    return _namespaces["numpy"]


def cupy_namespace(index: int) -> RawNamespace:
    """Return the raw namespace of a CUDA device; ImportError without CuPy."""
    native = import_module("cupy")
    several = native.cuda.runtime.getDeviceCount() > 1
    name = f"cupy:{index}" if several else "cupy"
    if name not in _namespaces:
        base = import_module("array_api_compat.cupy")
        _namespaces[name] = _CuPyNamespace(base, native, index if several else None)
    return _namespaces[name]


def build_info() -> dict[str, Any]:
    """Return the versions of NumPy and of the BLAS it was built with."""
    blas = {}
    try:
        config: Any = np.show_config(mode="dicts")
        blas = config.get("Build Dependencies", {}).get("blas", {})
    except (TypeError, AttributeError):  # a build without this table
        pass
    return {
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
    }
