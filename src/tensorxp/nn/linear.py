"""Linear and bilinear layers, and the identity."""

import math
from typing import Any

from tensorxp import empty
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.module import Module
from tensorxp.nn.parameter import Parameter, default_dtype


def new_parameter(*shape: int, device: Any, dtype: Any) -> Parameter:
    """Return an uninitialised Parameter; the dtype defaults to float32."""
    kind = default_dtype() if dtype is None else dtype
    return Parameter(empty(shape, dtype=kind, device=device))


class Identity(Module):
    """Returns its input, of any shape and dtype.

    >>> xp.nn.Identity()(xp.asarray([1.0, 2.0]))
    tensor([1., 2.])

    Parameters
    ----------
    *args, **kwargs : any
        Ignored.

    Raises
    ------
    TypeError
        In the call: no input, or more than one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return the input."""
        return input


class Linear(Module):
    """x weightᵀ + bias over the last axis.

    Shape: (…, in_features) to (…, out_features); dtypes promote. Parameters: `weight`
    (out_features, in_features) and `bias` (out_features,), both from U(-√k, √k), k = 1 /
    in_features.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    device : Device, str or None
    dtype : dtype or None
        None: float32.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes are negative.
    RuntimeError
        In the call: the last axis is not `in_features` long.

    Examples
    --------
    >>> import tensorxp as xp
    >>> layer = xp.nn.Linear(4, 2)
    >>> layer
    Linear(in_features=4, out_features=2, bias=True)
    >>> layer(xp.zeros((3, 4))).shape
    (3, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = new_parameter(out_features, in_features, device=device, dtype=dtype)
        if bias:
            self.bias = new_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        if self.weight.size:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Any:
        """Return x weightᵀ + bias."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


@weighted_module.see("tensorxp.nn.functional.bilinear")
class Bilinear(Module):
    """x1ᵀ W_k x2 + bias_k for each output k.

    Shape: (…, in1_features) and (…, in2_features) to (…, out_features). Parameters: `weight`
    (out_features, in1_features, in2_features) and `bias` (out_features,), both from U(-√k, √k), k
    = 1 / in1_features.

    >>> xp.nn.Bilinear(2, 3, 4)(xp.ones((1, 2)), xp.ones((1, 3))).shape
    (1, 4)

    Parameters
    ----------
    in1_features, in2_features, out_features : int

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        `in1_features` is below 1; in the call: shapes do not fit.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = new_parameter(
            out_features, in1_features, in2_features, device=device, dtype=dtype
        )
        if bias:
            self.bias = new_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        """Return the bilinear forms."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
