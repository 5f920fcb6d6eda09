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

from tensorxp._backend import corrections
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

    def index_add(self, x: Any, key: Any, values: Any) -> Any:
        """Return a copy of `x` with `values` added at `key`, repeated places summed."""
        out = self.copy(x)
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


class _CuPyNamespace(RawNamespace):
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


def cupy_namespace() -> RawNamespace:
    """Return the raw namespace of CUDA devices; ImportError without CuPy."""
    if "cupy" not in _namespaces:
        native = import_module("cupy")
        _namespaces["cupy"] = _CuPyNamespace(import_module("array_api_compat.cupy"), native)
    return _namespaces["cupy"]


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
