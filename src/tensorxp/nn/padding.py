"""Padding layers for one, two and three spatial axes."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import ntuple
from tensorxp.nn.module import Module


class _Pad(Module):
    """What padding layers share: an int, or pairs from the last axis forwards."""

    ndim: int
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self.ndim, type(self).__name__, "padding")

    def forward(self, input: Any) -> Any:
        """Return the input, padded."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """What padding layers with a value share."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """Return the sizes and the value."""
        return f"padding={self.padding}, value={self.value}"


_ZERO = """Pads with zeros.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.ZeroPad{n}d(1)(xp.ones((1, 1, {two}))).shape
(1, 1, {four})

Parameters
----------
padding : int or tuple
    At all ends, or (before, behind) for each axis from the last; negative sizes crop.

Raises
------
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length; in the call: sizes do not fit.

See Also
--------
tensorxp.nn.functional.pad
"""


@told(_ZERO, 1)
class ZeroPad1d(_Pad):
    ndim = 1
    value = 0.0


@told(_ZERO, 2)
class ZeroPad2d(_Pad):
    ndim = 2
    value = 0.0


@told(_ZERO, 3)
class ZeroPad3d(_Pad):
    ndim = 3
    value = 0.0


_CONSTANT = """Pads with a value.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.ConstantPad{n}d(1, 0.5)(xp.ones((1, 1, {two}))).shape
(1, 1, {four})

Parameters
----------
padding : int or tuple
    At all ends, or (before, behind) for each axis from the last; negative sizes crop.
value : float

Raises
------
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length; in the call: sizes do not fit.

See Also
--------
tensorxp.nn.functional.pad
"""


@told(_CONSTANT, 1)
class ConstantPad1d(_ConstantPad):
    ndim = 1


@told(_CONSTANT, 2)
class ConstantPad2d(_ConstantPad):
    ndim = 2


@told(_CONSTANT, 3)
class ConstantPad3d(_ConstantPad):
    ndim = 3


_REFLECTION = """Pads with the input mirrored at its edge, which is not repeated.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.ReflectionPad{n}d(1)(xp.ones((1, 1, {two}))).shape
(1, 1, {four})

Parameters
----------
padding : int or tuple
    At all ends, or (before, behind) for each axis from the last; less than the axis.

Raises
------
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length; in the call: sizes do not fit.

See Also
--------
tensorxp.nn.functional.pad
"""


@told(_REFLECTION, 1)
class ReflectionPad1d(_Pad):
    ndim = 1
    mode = "reflect"


@told(_REFLECTION, 2)
class ReflectionPad2d(_Pad):
    ndim = 2
    mode = "reflect"


@told(_REFLECTION, 3)
class ReflectionPad3d(_Pad):
    ndim = 3
    mode = "reflect"


_REPLICATION = """Pads with the edge of the input.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.ReplicationPad{n}d(1)(xp.ones((1, 1, {two}))).shape
(1, 1, {four})

Parameters
----------
padding : int or tuple
    At all ends, or (before, behind) for each axis from the last.

Raises
------
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length.

See Also
--------
tensorxp.nn.functional.pad
"""


@told(_REPLICATION, 1)
class ReplicationPad1d(_Pad):
    ndim = 1
    mode = "replicate"


@told(_REPLICATION, 2)
class ReplicationPad2d(_Pad):
    ndim = 2
    mode = "replicate"


@told(_REPLICATION, 3)
class ReplicationPad3d(_Pad):
    ndim = 3
    mode = "replicate"


_CIRCULAR = """Pads with the other end of the input.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.CircularPad{n}d(1)(xp.ones((1, 1, {two}))).shape
(1, 1, {four})

Parameters
----------
padding : int or tuple
    At all ends, or (before, behind) for each axis from the last; at most the axis.

Raises
------
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length; in the call: sizes do not fit.

See Also
--------
tensorxp.nn.functional.pad
"""


@told(_CIRCULAR, 1)
class CircularPad1d(_Pad):
    ndim = 1
    mode = "circular"


@told(_CIRCULAR, 2)
class CircularPad2d(_Pad):
    ndim = 2
    mode = "circular"


@told(_CIRCULAR, 3)
class CircularPad3d(_Pad):
    ndim = 3
    mode = "circular"
