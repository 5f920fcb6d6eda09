"""Dropout layers: active in training, the identity in evaluation."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn.functional._family import told
from tensorxp.nn.module import Module


class _Dropout(Module):
    """What dropout layers share."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"p={self.p}, inplace={self.inplace}"


@see("tensorxp.nn.functional.dropout")
class Dropout(_Dropout):
    """Sets elements to 0 with probability p, and divides the others by 1 - p (Srivastava, 2014).

    In evaluation it returns its input. Shape: any; the output has the shape and the dtype of the
    input, integers become floating.

    >>> xp.nn.Dropout(0.2).eval()(xp.asarray([1.0, 2.0]))
    tensor([1., 2.])

    Parameters
    ----------
    p : float
        In [0, 1].
    inplace : bool
        Write over the input, and return it.

    Raises
    ------
    ValueError
        `p` is outside [0, 1].
    """

    def forward(self, input: Any) -> Any:
        """Return the input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


_WHOLE = """Sets whole channels to 0 with probability p, and divides the others by 1 - p.

In evaluation it returns its input. Shape: {x} or {u}, as the output, of the same dtype.

>>> xp.nn.Dropout{n}d(0.5)(xp.ones((1, 2, {two}))).shape
(1, 2, {two})

Parameters
----------
p : float
    In [0, 1].
inplace : bool
    Write over the input, and return it.

Raises
------
ValueError
    `p` is outside [0, 1].
RuntimeError
    In the call: another number of axes.

See Also
--------
tensorxp.nn.functional.dropout{n}d
"""


@told(_WHOLE, 1)
class Dropout1d(_Dropout):
    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


@told(_WHOLE, 2)
class Dropout2d(_Dropout):
    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


@told(_WHOLE, 3)
class Dropout3d(_Dropout):
    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


@see("tensorxp.nn.functional.alpha_dropout")
class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1, for networks of `SELU` (Klambauer, 2017).

    In evaluation it returns its input. Shape: any; the output has the shape and the dtype of the
    input, integers become floating.

    >>> xp.nn.AlphaDropout().eval()(xp.asarray([1.0, 2.0]))
    tensor([1., 2.])

    Parameters
    ----------
    p : float
        In [0, 1].
    inplace : bool
        Write over the input, and return it.

    Raises
    ------
    ValueError
        `p` is outside [0, 1].
    """

    def forward(self, input: Any) -> Any:
        """Return the input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


@see("tensorxp.nn.functional.feature_alpha_dropout")
class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels.

    Shape: (N, C, …), as the output. In evaluation it returns its input.

    >>> xp.nn.FeatureAlphaDropout().eval()(xp.ones((1, 2, 3))).shape
    (1, 2, 3)

    Parameters
    ----------
    p : float
        In [0, 1].
    inplace : bool
        Write over the input, and return it.

    Raises
    ------
    ValueError
        `p` is outside [0, 1].
    """

    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
