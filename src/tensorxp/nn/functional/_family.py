"""One docstring for the members of a family that differ in the number of spatial axes."""

from collections.abc import Callable
from typing import Any, TypeVar

from tensorxp._backend.families import Family

_T = TypeVar("_T", bound=Callable[..., Any])
_AXES = ("L", "H, W", "D, H, W")


def told(text: str, ndim: int) -> Callable[[_T], _T]:
    """Return a decorator that sets the docstring `text` of a function or class.

    In it {n} is the number of spatial axes, {x} the shape (N, C, H, W), {y} that with primes,
    {s} and {t} the spatial part of these, {u} the shape without a batch, {i} "int or 2 ints",
    {two}, {three} and {four} these sizes, "2, 2" for two axes.
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
        "two": ", ".join("2" * ndim),
        "three": ", ".join("3" * ndim),
        "four": ", ".join("4" * ndim),
        "i": "int" if ndim == 1 else f"int or {ndim} ints",
    }

    def put(target: _T) -> _T:
        target.__doc__ = text and text.format_map(words)
        return target

    return put


activation = Family(
    """
input : Tensor, any dtype
    Of any shape.
inplace : bool
    Write over `input`, and return it.
""",
    "Tensor\n    Shape and dtype of `input`; integers become floating.",
    """
TypeError
    `input` is no Tensor.
RuntimeError
    In place, where `input` is a leaf that requires grad.
""",
)
smooth = activation.but(raises="TypeError\n    `input` is no Tensor.")
in_place = activation.but(
    returns="Tensor\n    `input` itself, in its shape and dtype.",
    raises="""
TypeError
    `input` is no Tensor.
RuntimeError
    `input` is a leaf that requires grad.
""",
)
dropped = activation.but(
    """
p : float
    Probability, in [0, 1].
training : bool
    False: return `input` itself.
""",
    raises="""
TypeError
    `input` is no Tensor.
ValueError
    `p` is outside [0, 1].
RuntimeError
    In place, where `input` is a leaf that requires grad.
""",
)
along = smooth.but(
    """
dim : int or None
    None: 0 for 0, 1 and 3 axes, else 1.
dtype : dtype or None
    To which `input` is cast first.
""",
    raises="""
TypeError
    `input` is no Tensor.
IndexError
    `dim` is out of range (an AxisError).
""",
)
loss = Family(
    """
input, target : Tensor, numeric
    Of one shape, or shapes that broadcast.
size_average, reduce : bool or None
    Old forms of `reduction`; giving one is a DeprecationWarning.
reduction : str
    "mean", "sum", or "none": a loss per element.
weight : Tensor or None
    Factors of the shape of the losses; the mean is over their sum.
""",
    'Tensor\n    Shape (), or the broadcast one with "none"; dtypes promote.',
    """
TypeError
    An argument is no Tensor.
ValueError
    Another `reduction`, or shapes that do not fit.
""",
)
of_one_shape = loss.but(raises="TypeError\n    `input` is no Tensor.").but(
    "weight : Tensor or None\n    Factors that broadcast.",
    'Tensor\n    Shape (), or that of `input` with "none"; integers become floating.',
)
other_loss = loss.but(raises="TypeError\n    An argument is no Tensor.")
