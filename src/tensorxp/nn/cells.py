"""One step of a recurrent layer: `RNNCell`, `LSTMCell`, `GRUCell`."""

import math
from typing import Any

import tensorxp as xp
from tensorxp._ops.network import recurrence
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.linear import new_parameter
from tensorxp.nn.module import Module


@weighted_module
class RNNCellBase(Module):
    """The base of the cells: parameters of one step.

    Shape: (B, I) and the state (B, H) to (B, H), or without B. Parameters, G gates: `weight_ih` (G
    H, I), `weight_hh` (G H, H), `bias_ih`, `bias_hh` (G H,), all from U(-√k, √k), k = 1 / H.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_chunks : int
        G.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        In the call: the input has not 1 or 2 axes, or shapes do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = new_parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = new_parameter(rows, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, new_parameter(rows, device=device, dtype=dtype))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew: U(-√k, √k), k = 1 / hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """Return the sizes."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else text + f", bias={self.bias}"

    def _rows(self, input: Any, states: Any, count: int) -> tuple[Any, tuple[Any, ...], bool]:
        """Return input and states with a batch axis, and whether it was added."""
        expect(self._get_name(), input)
        if input.ndim not in (1, 2):
            raise ValueError(
                f"{self._get_name()}: Expected input to be 1D or 2D, got {input.ndim}D instead"
            )
        single = input.ndim == 1
        x = input[None] if single else input
        if states is None:
            shape = (x.shape[0], self.hidden_size)
            zeros = xp.zeros(shape, dtype=x.dtype, device=x.device)
            return x, (zeros,) * count, single
        if not isinstance(states, tuple | list) or len(states) != count:
            raise TypeError(
                f"{self._get_name()}: hx is a {type(states).__name__}; expected {count} Tensors"
            )
        if single:
            states = tuple(state[None] for state in states)
        expected = (x.shape[0], self.hidden_size)
        for state in states:
            if state.shape != expected:
                raise RuntimeError(
                    f"{self._get_name()}: hx has shape {state.shape}; expected {expected}"
                )
        return x, tuple(states), single

    def _gates(self, x: Any) -> Any:
        bias = self.bias_ih + self.bias_hh if self.bias else None
        return F.linear(x, self.weight_ih, bias)


@weighted_module.see("RNN")
class RNNCell(RNNCellBase):
    """h' = tanh(W x + b + U h + c), one step of an `RNN`.

    Shape and parameters: as `RNNCellBase` tells, with one gate.

    >>> xp.nn.RNNCell(2, 3)(xp.ones((1, 2))).shape
    (1, 3)

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    nonlinearity : str
        "tanh" or "relu".

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        In the call: the input has not 1 or 2 axes, or shapes do not fit.
    RuntimeError
        In the call: another `nonlinearity`, or the input is not I long.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        x, (h,), single = self._rows(input, None if hx is None else (hx,), 1)
        activation = xp.tanh if self.nonlinearity == "tanh" else F.relu
        out = activation(self._gates(x) + F.linear(h, self.weight_hh))
        return out[0] if single else out

    def extra_repr(self) -> str:
        """Return the sizes, and the nonlinearity where it is not tanh."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"


@weighted_module.see("LSTM")
class LSTMCell(RNNCellBase):
    """One step of an `LSTM`: the call takes x and (h, c), and returns the next (h, c).

    Shape and parameters: as `RNNCellBase` tells, with four gates.

    >>> h, c = xp.nn.LSTMCell(2, 3)(xp.ones((1, 2)))
    >>> h.shape
    (1, 3)

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        In the call: the input has not 1 or 2 axes, or shapes do not fit.
    RuntimeError
        In the call: the input is not I long.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return the next h and c."""
        x, (h, c), single = self._rows(input, hx, 2)
        _, h, c = recurrence.lstm(
            xp, self._gates(x), h, c, self.weight_hh, None, sizes=(x.shape[0],), reverse=False
        )
        return (h[0], c[0]) if single else (h, c)


@weighted_module.see("GRU")
class GRUCell(RNNCellBase):
    """One step of a `GRU`.

    Shape and parameters: as `RNNCellBase` tells, with three gates.

    >>> xp.nn.GRUCell(2, 3)(xp.ones((1, 2))).shape
    (1, 3)

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        In the call: the input has not 1 or 2 axes, or shapes do not fit.
    RuntimeError
        In the call: the input is not I long.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next state."""
        x, (h,), single = self._rows(input, None if hx is None else (hx,), 1)
        gates = F.linear(x, self.weight_ih, self.bias_ih)
        _, h = recurrence.gru_steps(
            xp, gates, h, self.weight_hh, self.bias_hh, sizes=(x.shape[0],), reverse=False
        )
        return h[0] if single else h
