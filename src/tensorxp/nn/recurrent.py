"""Recurrent layers, RNN, LSTM and GRU, stacked and in both directions, and their cells."""

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
from tensorxp.nn.parameter import Parameter
from tensorxp.nn.utils.rnn import PackedSequence

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


@weighted_module
class RNNBase(Module):
    """The base of RNN, LSTM and GRU: layers and directions, parameters, packed input.

    Shape: (T, B, I) to (T, B, D H), D = 2 for `bidirectional`; with `batch_first` B comes first; B
    may be missing; or a `PackedSequence`. States: (num_layers D, B, H), zeros if not given; the
    last ones are returned too. Parameters, G gates: `weight_ih_l0` (G H, I), or (G H, D H) in
    layers above, `weight_hh_l0` (G H, H), `bias_ih_l0`, `bias_hh_l0` (G H,), with "_reverse"
    backwards, all from U(-√k, √k), k = 1 / H.

    Parameters
    ----------
    mode : str
        "RNN_TANH", "RNN_RELU" (G = 1), "LSTM" (4) or "GRU" (3).
    input_size, hidden_size : int
        I and H.
    num_layers : int
    batch_first : bool
    dropout : float
        Between layers, in training.
    bidirectional : bool
    proj_size : int
        With "LSTM", above 0: outputs and h of this size, by `weight_hr_l0`.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes, `mode` or `dropout` are out of range.
    RuntimeError
        In the call: input or states have other sizes.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError(f"mode is {mode!r}; allowed are {', '.join(_GATES)}")
        if not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0 or proj_size >= hidden_size:
            raise ValueError("proj_size has to be a positive integer, smaller than hidden_size")
        if proj_size and mode != "LSTM":
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        rows = _GATES[mode] * hidden_size
        out = proj_size or hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else out * self._directions
            for direction in range(self._directions):
                end = f"_l{layer}" + ("_reverse" if direction else "")
                self._add(f"weight_ih{end}", (rows, width), device, dtype)
                self._add(f"weight_hh{end}", (rows, out), device, dtype)
                if bias:
                    self._add(f"bias_ih{end}", (rows,), device, dtype)
                    self._add(f"bias_hh{end}", (rows,), device, dtype)
                if proj_size:
                    self._add(f"weight_hr{end}", (proj_size, hidden_size), device, dtype)
        self.reset_parameters()

    def _add(self, name: str, shape: tuple[int, ...], device: Any, dtype: Any) -> None:
        setattr(self, name, new_parameter(*shape, device=device, dtype=dtype))

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return [
            [
                self._parameters[name + end]
                for name in names
                if self._parameters.get(name + end) is not None
            ]
            for end in self._ends()
        ]

    def _ends(self) -> list[str]:
        return [
            f"_l{layer}" + ("_reverse" if direction else "")
            for layer in range(self.num_layers)
            for direction in range(self._directions)
        ]

    def flatten_parameters(self) -> None:
        """Do nothing: there is no packed layout to keep."""

    def reset_parameters(self) -> None:
        """Draw the initial values anew: U(-√k, √k), k = 1 / hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _state_size(self, part: int) -> int:
        return self.proj_size if self.proj_size and part == 0 else self.hidden_size

    def _initial(self, hx: Any, x: Any, batch: int, single: bool, order: Any) -> tuple[Any, ...]:
        """Return the initial states (layers · directions, B, H), zeros by default."""
        parts = 2 if self.mode == "LSTM" else 1
        count = self.num_layers * self._directions
        if hx is None:
            dtype, device = x.dtype, x.device
            return tuple(
                xp.zeros((count, batch, self._state_size(i)), dtype=dtype, device=device)
                for i in range(parts)
            )
        states = tuple(hx) if parts == 2 else (hx,)
        if len(states) != parts:
            raise RuntimeError(f"{self._get_name()}: hx has {len(states)} states; expected {parts}")
        found = []
        for i, state in enumerate(states):
            state = xp.expand_dims(state, axis=1) if single else state
            expected = (count, batch, self._state_size(i))
            if state.shape != expected:
                raise RuntimeError(f"Expected hidden size {expected}, got {list(state.shape)}")
            found.append(state if order is None else xp.take(state, order, axis=1))
        return tuple(found)

    def _layer(
        self, x: Any, states: tuple[Any, ...], end: str, sizes: tuple[int, ...], reverse: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        """Run one layer in one direction over the packed rows `x`."""
        get = self._parameters.get
        weight, b_in, b_hidden = get(f"weight_hh{end}"), get(f"bias_ih{end}"), get(f"bias_hh{end}")
        if self.bias and self.mode != "GRU":
            b_in = b_in + b_hidden  # type: ignore[operator]
        gates = F.linear(x, get(f"weight_ih{end}"), b_in)
        if self.mode == "LSTM":
            project = get(f"weight_hr{end}")
            out, h, c = recurrence.lstm(
                xp, gates, states[0], states[1], weight, project, sizes=sizes, reverse=reverse
            )
            return out, (h, c)
        if self.mode == "GRU":
            out, h = recurrence.gru_steps(
                xp, gates, states[0], weight, b_hidden, sizes=sizes, reverse=reverse
            )
        else:
            activation = xp.tanh if self.mode == "RNN_TANH" else F.relu
            out, h = recurrence.rnn_steps(
                xp, gates, states[0], weight, activation, sizes=sizes, reverse=reverse
            )
        return out, (h,)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return the outputs of the last layer at each step, and the last states of each layer.

        `input` is (T, B, I), with `batch_first` (B, T, I), (T, I) without a batch, or packed.
        """
        packed = isinstance(input, PackedSequence)
        single, order, back = False, None, None
        if packed:
            x, batch_sizes, order, back = input
            sizes = tuple(batch_sizes.tolist())
            batch = sizes[0]
        else:
            expect(self._get_name(), input)
            x = input
            if x.ndim not in (2, 3):
                raise ValueError(
                    f"{self._get_name()}: Expected input to be 2D or 3D, got {x.ndim}D instead"
                )
            single = x.ndim == 2
            x = xp.expand_dims(x, axis=1) if single else x
            if self.batch_first and not single:
                x = xp.swapaxes(x, 0, 1)
            length, batch = x.shape[:2]
            if length == 0:
                raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
            sizes = (batch,) * length
            x = xp.reshape(x, (length * batch, x.shape[2]))
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{x.shape[-1]}"
            )
        states = self._initial(hx, x, batch, single, order)
        x, finals = self._stack(x, states, sizes)
        last = tuple(xp.stack(part) for part in zip(*finals, strict=True))
        if back is not None:
            last = tuple(xp.take(part, back, axis=1) for part in last)
        if packed:
            out: Any = PackedSequence(x, batch_sizes, order, back)
        else:
            out = xp.reshape(x, (len(sizes), batch, x.shape[-1]))
            if single:
                out, last = out[:, 0], tuple(part[:, 0] for part in last)
            elif self.batch_first:
                out = xp.swapaxes(out, 0, 1)
        return out, last if self.mode == "LSTM" else last[0]

    def _stack(
        self, x: Any, states: tuple[Any, ...], sizes: tuple[int, ...]
    ) -> tuple[Any, list[tuple[Any, ...]]]:
        """Run all layers; return the last one's output, and each one's last states."""
        finals = []
        ends = iter(self._ends())
        for layer in range(self.num_layers):
            outs = []
            for direction in range(self._directions):
                place = layer * self._directions + direction
                own = tuple(state[place] for state in states)
                out, last = self._layer(x, own, next(ends), sizes, direction == 1)
                outs.append(out)
                finals.append(last)
            x = outs[0] if len(outs) == 1 else xp.concat(outs, axis=1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, finals

    def extra_repr(self) -> str:
        """Return the arguments that are not the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text


@weighted_module.see("RNNCell, LSTM")
class RNN(RNNBase):
    """h' = tanh(W x + b + U h + c) over sequences (Elman, 1990).

    Shape, states and parameters: as `RNNBase` tells, with one gate.

    >>> output, h = xp.nn.RNN(2, 3)(xp.ones((4, 1, 2)))
    >>> output.shape, h.shape
    ((4, 1, 3), (1, 1, 3))

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int
    nonlinearity : str
        "tanh" or "relu".
    batch_first : bool
    dropout : float
        Between layers, in training.
    bidirectional : bool

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes, `nonlinearity` or `dropout` are out of range.
    RuntimeError
        In the call: input or states have other sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


@weighted_module.see("LSTMCell, GRU")
class LSTM(RNNBase):
    """Long short-term memory over sequences (Hochreiter and Schmidhuber, 1997).

    i, f, o = σ(W x + b + U h + c), g = tanh(…), c' = f c + i g, h' = o tanh(c'). Shape, states (h,
    c) and parameters: as `RNNBase` tells, with the gates i, f, g, o.

    >>> output, (h, c) = xp.nn.LSTM(2, 3)(xp.ones((4, 1, 2)))
    >>> output.shape, c.shape
    ((4, 1, 3), (1, 1, 3))

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int
    batch_first : bool
    dropout : float
        Between layers, in training.
    bidirectional : bool
    proj_size : int
        Above 0: outputs and h of this size, by `weight_hr_l0` (proj_size, H).

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes or `dropout` are out of range.
    RuntimeError
        In the call: input or states have other sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip


@weighted_module.see("GRUCell, LSTM")
class GRU(RNNBase):
    """Gated recurrent units over sequences (Cho and others, 2014).

    r, z = σ(W x + b + U h + c), n = tanh(W x + b + r (U h + c)), h' = (1 - z) n + z h. Shape,
    states and parameters: as `RNNBase` tells, with the gates r, z, n.

    >>> output, h = xp.nn.GRU(2, 3)(xp.ones((4, 1, 2)))
    >>> output.shape, h.shape
    ((4, 1, 3), (1, 1, 3))

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int
    batch_first : bool
    dropout : float
        Between layers, in training.
    bidirectional : bool

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes or `dropout` are out of range.
    RuntimeError
        In the call: input or states have other sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip
