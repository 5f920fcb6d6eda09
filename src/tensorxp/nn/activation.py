"""Activations as modules; the functions are in `functional`."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn._families import activation_module
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.module import Module


@see("tensorxp.nn.functional.gelu")
class GELU(Module):
    """x Φ(x), Φ the normal distribution function (Hendrycks and Gimpel, 2016).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.GELU()(xp.asarray([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])

    Parameters
    ----------
    approximate : str
        "none", or "tanh", which is faster.

    Raises
    ------
    TypeError
        In the call: the input is no Tensor.
    RuntimeError
        In the call: another `approximate`.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"approximate={self.approximate!r}"


@activation_module.see("tensorxp.nn.functional.silu")
class SiLU(Module):
    """x · sigmoid(x), also called swish.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.SiLU()(xp.asarray([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return "inplace=True" if self.inplace else ""


@activation_module.see("tensorxp.nn.functional.mish")
class Mish(Module):
    """x · tanh(log(1 + exp(x))) (Misra, 2019).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Mish()(xp.asarray([-1.0, 2.0]))
    tensor([-0.3034,  1.944 ])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.mish(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return "inplace=True" if self.inplace else ""


@see("tensorxp.nn.functional.sigmoid")
class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Sigmoid()(xp.asarray([0.0, 2.0]))
    tensor([0.5   , 0.8808])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.sigmoid(input)


@see("tensorxp.nn.functional.logsigmoid")
class LogSigmoid(Module):
    """log(1 / (1 + exp(-x))).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.LogSigmoid()(xp.asarray([0.0, -50.0]))
    tensor([ -0.6931, -50.    ])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.logsigmoid(input)


@see("tensorxp.nn.functional.tanh")
class Tanh(Module):
    """The hyperbolic tangent.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Tanh()(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.7616])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.tanh(input)


@see("tensorxp.nn.functional.tanhshrink")
class Tanhshrink(Module):
    """x - tanh(x).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Tanhshrink()(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.2384])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.tanhshrink(input)


@see("tensorxp.nn.functional.softplus")
class Softplus(Module):
    """log(1 + exp(beta x)) / beta, and x where beta x > threshold.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Softplus()(xp.asarray([0.0, 50.0]))
    tensor([ 0.6931, 50.    ])

    Parameters
    ----------
    beta, threshold : float

    Raises
    ------
    TypeError
        In the call: the input is no Tensor.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"beta={self.beta}, threshold={self.threshold}"


@see("tensorxp.nn.functional.softsign")
class Softsign(Module):
    """x / (1 + |x|).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Softsign()(xp.asarray([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.softsign(input)


@see("tensorxp.nn.functional.softshrink")
class Softshrink(Module):
    """x moved towards 0 by lambd, and 0 where |x| ≤ lambd.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Softshrink()(xp.asarray([-1.0, 0.3]))
    tensor([-0.5,  0. ])

    Parameters
    ----------
    lambd : float
        At least 0.

    Raises
    ------
    TypeError
        In the call: the input is no Tensor.
    RuntimeError
        In the call: `lambd` is negative.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return str(self.lambd)


@see("tensorxp.nn.functional.hardshrink")
class Hardshrink(Module):
    """x where |x| > lambd, else 0.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Hardshrink()(xp.asarray([-1.0, 0.3]))
    tensor([-1.,  0.])

    Parameters
    ----------
    lambd : float

    Raises
    ------
    TypeError
        In the call: the input is no Tensor.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.lambd}"


@activation_module.see("tensorxp.nn.functional.hardsigmoid")
class Hardsigmoid(Module):
    """x / 6 + 1/2 limited to [0, 1]; the gradient at the limits is 0.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Hardsigmoid()(xp.asarray([-4.0, 0.0]))
    tensor([0. , 0.5])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.hardsigmoid(input, self.inplace)


@activation_module.see("tensorxp.nn.functional.hardswish")
class Hardswish(Module):
    """x · min(max(x + 3, 0), 6) / 6 (Howard and others, 2019).

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Hardswish()(xp.asarray([1.0, 4.0]))
    tensor([0.6667, 4.    ])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.hardswish(input, self.inplace)


@see("tensorxp.nn.functional.glu")
class GLU(Module):
    """a · sigmoid(b), a and b the halves of x along `dim` (Dauphin and others, 2016).

    Shape: any with an even size along `dim`; the output is half as long there, its dtype the
    input's.

    >>> xp.nn.GLU()(xp.asarray([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5, 1. ])

    Parameters
    ----------
    dim : int

    Raises
    ------
    IndexError
        In the call: `dim` is out of range.
    RuntimeError
        In the call: the size along `dim` is odd.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"dim={self.dim}"


@see("tensorxp.nn.functional.softmax")
class Softmax(Module):
    """exp(x) divided by its sum along `dim`.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Softmax(dim=0)(xp.asarray([0.0, 0.0]))
    tensor([0.5, 0.5])

    Parameters
    ----------
    dim : int or None
        None: 0 for 0, 1 and 3 axes, else 1.

    Raises
    ------
    IndexError
        In the call: `dim` is out of range.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"dim={self.dim}"


@see("tensorxp.nn.functional.softmin")
class Softmin(Module):
    """Softmax of -x.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.Softmin(dim=0)(xp.asarray([0.0, 1.0]))
    tensor([0.7311, 0.2689])

    Parameters
    ----------
    dim : int or None
        None: 0 for 0, 1 and 3 axes, else 1.

    Raises
    ------
    IndexError
        In the call: `dim` is out of range.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"dim={self.dim}"


@see("tensorxp.nn.functional.log_softmax")
class LogSoftmax(Module):
    """The logarithm of softmax.

    Shape: any; the output has the shape and the dtype of the input, integers become floating.

    >>> xp.nn.LogSoftmax(dim=0)(xp.asarray([0.0, 0.0]))
    tensor([-0.6931, -0.6931])

    Parameters
    ----------
    dim : int or None
        None: 0 for 0, 1 and 3 axes, else 1.

    Raises
    ------
    IndexError
        In the call: `dim` is out of range.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"dim={self.dim}"


@see("Softmax")
class Softmax2d(Module):
    """Softmax over the channels of images.

    Shape: (N, C, H, W) or (C, H, W), as the output, of the same dtype. Other inputs raise a
    ValueError.

    >>> xp.nn.Softmax2d()(xp.zeros((1, 2, 1, 1))).flatten()
    tensor([0.5, 0.5])
    """

    def forward(self, input: Any) -> Any:
        """Apply the function."""
        expect("Softmax2d", input)
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)
