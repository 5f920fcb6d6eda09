"""One docstring for the members of a family that differ in the number of spatial axes."""

from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T", bound=Callable[..., Any])
_AXES = ("L", "H, W", "D, H, W")


def told(text: str, ndim: int) -> Callable[[_T], _T]:
    """Return a decorator that sets the docstring `text` of a function or class.

    In it {n} is the number of spatial axes, {x} the shape (N, C, H, W), {y} that with primes,
    {s} and {t} the spatial part of these, {u} the shape without a batch, {i} "int or 2 ints".
    """
    s = _AXES[ndim - 1]
    t = ", ".join(f"{axis}′" for axis in s.split(", "))
    words = {
        "n": ndim,
        "s": s,
        "t": t,
        "x": f"(N, C, {s})",
        "y": f"(N, C, {t})",
        "u": f"(C, {s})",
        "i": "int" if ndim == 1 else f"int or {ndim} ints",
    }

    def put(target: _T) -> _T:
        target.__doc__ = text and text.format_map(words)
        return target

    return put
