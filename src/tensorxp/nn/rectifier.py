"""Rectifiers and their smooth kin as modules; the functions are in `functional`."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import activation_module, weighted_module
from tensorxp.nn.linear import new_parameter
from tensorxp.nn.module import Module


@activation_module.see("tensorxp.nn.functional.relu")
class ReLU(Module):
    """max(x, 0); the gradient at 0 is 0.

    Shape: any; the output has the shape and the dtype of the input.

    >>> xp.nn.ReLU()(xp.asarray([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return "inplace=True" if self.inplace else ""


@activation_module.see("tensorxp.nn.functional.relu6")
class ReLU6(Module):
    """x limited to [0, 6]; the gradient at the limits is 0.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.ReLU6()(xp.asarray([-1.0, 8.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.relu6(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return "inplace=True" if self.inplace else ""


@activation_module.see("tensorxp.nn.functional.leaky_relu")
class LeakyReLU(Module):
    """x where x > 0, else negative_slope · x.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.LeakyReLU(0.1)(xp.asarray([-1.0, 2.0]))
    tensor([-0.1,  2. ])

    Parameters
    ----------
    negative_slope : float
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


@activation_module.see("tensorxp.nn.functional.rrelu")
class RReLU(Module):
    """x where x ≥ 0, else x times a slope from U(lower, upper) for each element.

    In evaluation the slope is (lower + upper) / 2 (Xu and others, 2015). Shape: any; the output
    has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.RReLU().eval()(xp.asarray([-1.0, 2.0]))
    tensor([-0.2292,  2.    ])

    Parameters
    ----------
    lower, upper : float

    Raises
    ------
    ValueError
        In the call, in training: `lower` is above `upper`.
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"lower={self.lower}, upper={self.upper}" + (
            ", inplace=True" if self.inplace else ""
        )


@activation_module.see("tensorxp.nn.functional.elu")
class ELU(Module):
    """x where x > 0, else alpha (exp(x) - 1) (Clevert and others, 2015).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.ELU()(xp.asarray([-1.0, 2.0]))
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


@activation_module.see("tensorxp.nn.functional.celu")
class CELU(Module):
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron, 2017).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.CELU()(xp.asarray([-1.0, 2.0]))
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
        Not 0.

    Raises
    ------
    ZeroDivisionError
        In the call: `alpha` is 0.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


@activation_module.see("tensorxp.nn.functional.selu")
class SELU(Module):
    """1.0507 · elu(x, 1.6733), which keeps mean 0 and variance 1 (Klambauer and others, 2017).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.SELU()(xp.asarray([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.selu(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return "inplace=True" if self.inplace else ""


@activation_module.see("tensorxp.nn.functional.threshold")
class Threshold(Module):
    """x where x > threshold, else value.

    Shape: any; the output has the shape and the dtype of the input.

    >>> xp.nn.Threshold(0.0, 9.0)(xp.asarray([-1.0, 2.0]))
    tensor([9., 2.])

    Parameters
    ----------
    threshold, value : float
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"threshold={self.threshold}, value={self.value}" + (
            ", inplace=True" if self.inplace else ""
        )


@activation_module.see("tensorxp.nn.functional.hardtanh")
class Hardtanh(Module):
    """x limited to [min_val, max_val]; the gradient at the limits is 0.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Hardtanh()(xp.asarray([-4.0, 0.5]))
    tensor([-1. ,  0.5])

    Parameters
    ----------
    min_val, max_val : float
    min_value, max_value : float or None
        Older names of the limits.

    Raises
    ------
    AssertionError
        The lower limit is not below the upper one.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        min_val = min_val if min_value is None else min_value  # the older names
        max_val = max_val if max_value is None else max_value
        if max_val <= min_val:
            raise AssertionError(f"max_val ({max_val}) must be larger than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"min_val={self.min_val}, max_val={self.max_val}" + (
            ", inplace=True" if self.inplace else ""
        )


@weighted_module.see("tensorxp.nn.functional.prelu")
class PReLU(Module):
    """x where x > 0, else weight · x with learnt weights (He and others, 2015).

    Shape: (N, C, …), any for one weight; as the output. Parameter: `weight` (num_parameters,),
    filled with `init`.

    >>> xp.nn.PReLU()(xp.asarray([-1.0, 2.0])).detach()
    tensor([-0.25,  2.  ])

    Parameters
    ----------
    num_parameters : int
        1, or C.
    init : float

    Raises
    ------
    TypeError
        `num_parameters` is no int.
    RuntimeError
        In the call: C is not `num_parameters`.
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = new_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the initial values."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the number of weights."""
        return f"num_parameters={self.num_parameters}"
