"""The libraries behind special functions: SciPy on the CPU, CuPy's port of it on CUDA devices.

They are imported when a function of theirs is first used.
"""

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import Any

from tensorxp._backend.dtypes import Defaults
from tensorxp._backend.quiet import quiet


def _find(xp: Any, name: str) -> Any:
    """Return the library's function; ImportError or NotImplementedError where it has none."""
    package, extra = ("cupyx.scipy.special", "cuda") if on_gpu(xp) else ("scipy.special", "special")
    try:
        module = import_module(package)
    except ImportError as error:
        raise ImportError(
            f"special.{name}: needs {package}, which cannot be imported ({error}); "
            f"`pip install 'tensorxp[{extra}]'` brings it"
        ) from error
    if not hasattr(module, name):
        raise NotImplementedError(
            f"special.{name}: {package} has no such function; move the tensors to the CPU for it"
        )
    return getattr(module, name)


def library(name: str) -> Callable[..., Any]:
    """Return a forward `fn(xp, *xs)` that runs the library's function `name`.

    Integers become the default real dtype, float16 comes back as float16.
    """
    found: dict[Any, Any] = {}

    def forward(xp: Any, *xs: Any) -> Any:
        fn = found.get(xp)
        if fn is None:
            fn = found[xp] = _find(xp, name)
        dtype = xs[0].dtype if len(xs) == 1 else xp.result_type(*xs)
        if dtype.kind in "biu":
            dtype = Defaults.real.dtype
            xs = tuple([floating(xp, x) for x in xs])
        if dtype.kind == "c" and on_gpu(xp) and "D->D" not in getattr(fn, "types", ("D->D",)):
            raise NotImplementedError(
                f"special.{name}: cupyx.scipy.special has it for real numbers only; move the "
                "tensors to the CPU for complex ones"
            )
        if len(xs) > 1:
            xs = tuple([x if hasattr(x, "dtype") else _strong(xp, x, dtype) for x in xs])
        out = fn(*xs)
        return out.astype(dtype) if dtype.char == "e" else out

    return forward


def _strong(xp: Any, x: complex, dtype: Any) -> Any:
    """Return a Python scalar as an array of `dtype`, a real one of the real dtype behind it."""
    if not isinstance(x, complex):
        dtype = xp.finfo(dtype).dtype  # some functions have loops for real parameters only
    return xp.asarray(x, dtype=dtype)


def on_gpu(xp: Any) -> bool:
    """Return whether the library runs on a GPU, where a function is one kernel."""
    return bool(xp.base.__name__ == "cupy")


@cache
def available(xp: Any) -> bool:
    """Return whether the library can be imported."""
    try:
        _find(xp, "erf")
    except ImportError:
        return False
    return True


def in_double(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the forward that runs `fn` on real arrays in double precision and casts its result."""

    @wraps(fn)
    def forward(xp: Any, *xs: Any, **params: Any) -> Any:
        dtype = xs[0].dtype if len(xs) == 1 else xp.result_type(*xs)
        dtype = Defaults.real.dtype if dtype.kind in "biu" else dtype
        xs = tuple([real_floating(xp, x) for x in xs])
        wide = [xp.asarray(x, dtype=xp.float64) for x in xs]
        with quiet():
            return xp.asarray(fn(xp, *xp.broadcast_arrays(*wide), **params)).astype(dtype)

    return forward


def real_floating(xp: Any, x: Any) -> Any:
    """Return `x` as `floating` does; TypeError where it is complex."""
    if hasattr(x, "dtype") and x.dtype.kind == "c":
        raise TypeError("not defined for complex numbers, but for real ones")
    return floating(xp, x)


def floating(xp: Any, x: Any) -> Any:
    """Return `x` with integers turned into the default real dtype; Python scalars stay."""
    if hasattr(x, "dtype") and x.dtype.kind in "biu":
        return x.astype(Defaults.real.dtype)
    return x
