"""The LSTM's recurrence over a whole sequence as one node, with its backward written by hand.

A sequence is packed: rows (total, …), the steps' batch sizes not increasing, so that a padded
sequence is the case of equal sizes. `gates` holds the inputs' part of the pre-activations.
"""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.blocks import spans, started_from
from tensorxp._core.door import apply
from tensorxp._core.modes import enable_grad, modes
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import TensorBase as Tensor
from tensorxp._core.watchers import stack, watching
from tensorxp._ops.activation import sigmoid

lstm_p = primitive(kernels.lstm)


@lstm_p.vjp
def _(
    xp: Any, ct: Any, gates: Any, h: Any, c: Any, weight: Any, out3: Any, out4: Any, out5: Any,
    needs: Any, *, sizes: tuple[int, ...], reverse: bool,
) -> Any:  # fmt: skip
    if isinstance(weight, Tensor):
        return _again(xp, ct, (gates, h, c, weight), needs, sizes, reverse)
    active, cells, squashed = out3, out4, out5
    found = kernels.lstm_back(xp, ct, c, weight, (active, cells, squashed), sizes, reverse)
    if not needs[3]:
        return *found, None
    outputs = active[:, 3 * h.shape[1] :] * squashed  # made anew: users may have written to them
    if reverse or sizes[-1] != sizes[0]:
        return *found, found[0].T @ started_from(xp, outputs, h, spans(sizes, reverse))
    k = sizes[0]  # the outputs are what the steps but the first started from
    w_ct = found[0][:k].T @ h
    w_ct += found[0][k:].T @ outputs[:-k]
    return *found, w_ct


def _step_by_step() -> bool:
    """Return whether a watcher of this thread must see the operations of each step."""
    return any(w.sees_rules and not w.keeps_rules for w in stack())


def _again(
    xp: Any, ct: Any, inputs: Any, needs: Any, sizes: tuple[int, ...], reverse: bool
) -> tuple[Any, ...]:
    """Return the cotangents by operations that are recorded: the recurrence is run once more."""
    keep = modes.grad
    with enable_grad():
        outs = lstm_steps(xp, *inputs, sizes=sizes, reverse=reverse)
    wanted = [x for x, needed in zip(inputs, needs, strict=True) if needed]
    found = iter(
        xp.autograd.grad(
            outs, wanted, ct[:3], retain_graph=True, create_graph=keep, allow_unused=True
        )
    )
    return tuple(next(found) if needed else None for needed in needs)


def lstm_steps(
    xp: Any, gates: Any, h: Any, c: Any, weight: Any, project: Any = None, *,
    sizes: tuple[int, ...], reverse: bool,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return the outputs and the last h and c, step by step in the public namespace."""
    n = weight.shape[0] // 4
    outs = []
    for start, stop in spans(sizes, reverse):
        k = stop - start
        z = gates[start:stop] + xp.matmul(h[:k], weight.T)
        i, f = sigmoid(z[:, :n]), sigmoid(z[:, n : 2 * n])
        g, o = xp.tanh(z[:, 2 * n : 3 * n]), sigmoid(z[:, 3 * n :])
        cell = f * c[:k] + i * g
        y = o * xp.tanh(cell)
        if project is not None:
            y = xp.matmul(y, project.T)
        outs.append(y)
        h = y if k == h.shape[0] else xp.concat((y, h[k:]), axis=0)
        c = cell if k == c.shape[0] else xp.concat((cell, c[k:]), axis=0)
    return xp.concat(outs[::-1] if reverse else outs, axis=0), h, c


def lstm(
    xp: Any, gates: Any, h: Any, c: Any, weight: Any, project: Any, *,
    sizes: tuple[int, ...], reverse: bool,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return the outputs (total, H) of an LSTM layer, and its last h and c (B, H)."""
    if project is not None or (watching and _step_by_step()):
        return lstm_steps(xp, gates, h, c, weight, project, sizes=sizes, reverse=reverse)
    outs = apply(lstm_p, (gates, h, c, weight), {"sizes": sizes, "reverse": reverse})
    return outs[0], outs[1], outs[2]


def gru_steps(
    xp: Any, gates: Any, h: Any, weight: Any, bias: Any, *, sizes: tuple[int, ...], reverse: bool
) -> tuple[Any, Any]:
    """Return the outputs and the last h of a GRU layer, step by step."""
    n = weight.shape[1]
    outs = []
    for start, stop in spans(sizes, reverse):
        k = stop - start
        z, before = gates[start:stop], h[:k]
        y = xp.matmul(before, weight.T)
        if bias is not None:
            y = y + bias
        both = sigmoid(z[:, : 2 * n] + y[:, : 2 * n])
        update = both[:, n:]
        new = xp.tanh(z[:, 2 * n :] + both[:, :n] * y[:, 2 * n :])
        y = new + update * (before - new)
        outs.append(y)
        h = y if k == h.shape[0] else xp.concat((y, h[k:]), axis=0)
    return xp.concat(outs[::-1] if reverse else outs, axis=0), h


def rnn_steps(
    xp: Any, gates: Any, h: Any, weight: Any, activation: Any, *, sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the outputs and the last h of an Elman layer, step by step."""
    outs = []
    for start, stop in spans(sizes, reverse):
        k = stop - start
        y = activation(gates[start:stop] + xp.matmul(h[:k], weight.T))
        outs.append(y)
        h = y if k == h.shape[0] else xp.concat((y, h[k:]), axis=0)
    return xp.concat(outs[::-1] if reverse else outs, axis=0), h
