"""Connectionist temporal classification (Graves and others, 2006), in the log domain."""

from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._ops.network import in_single
from tensorxp.nn.functional._sizes import expect


@in_single()
@see("cross_entropy")
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Return -log of the probability of the targets over all alignments (Graves and others, 2006).

    >>> F = xp.nn.functional
    >>> F.ctc_loss(xp.log(xp.full((3, 1, 2), 0.5)), xp.asarray([[1]]), (3,), (1,))
    tensor(0.2877)

    Parameters
    ----------
    log_probs : Tensor, floating
        Shape (T, N, C), or (T, C) without a batch: log-probabilities.
    targets : Tensor, integer
        Shape (N, S), or one row of all targets, one after the other.
    input_lengths, target_lengths : Tensor or sequence of ints
        One for each of the batch.
    blank : int
        The class that separates.
    reduction : str
        "none", "sum", or "mean": over the batch, each divided by its target's length.
    zero_infinity : bool
        Losses of targets that are too long are 0, not infinite.

    Returns
    -------
    Tensor
        Shape (), or (N,) with "none"; the dtype of `log_probs`.

    Raises
    ------
    TypeError
        `log_probs` or `targets` is no Tensor.
    ValueError
        Shapes, lengths or `reduction` are not allowed.
    IndexError
        A target or `blank` is outside [0, C).
    """
    expect("ctc_loss", log_probs, "log_probs", 2)
    expect("ctc_loss", targets, "targets", 1)
    single = log_probs.ndim == 2
    if single:
        log_probs = xp.expand_dims(log_probs, axis=1)
    inputs = [int(n) for n in _list(input_lengths)]
    lengths = [int(n) for n in _list(target_lengths)]
    _check(log_probs.shape, targets, inputs, lengths)
    rows = _rows(targets, lengths)
    losses = []
    for i, row in enumerate(rows):
        losses.append(_one(log_probs[: inputs[i], i], row, blank))
    out = xp.stack(losses)
    if zero_infinity:
        out = xp.where(xp.isinf(out), 0.0, out)
    if reduction == "mean":
        sizes = xp.asarray([max(n, 1) for n in lengths], dtype=out.dtype, device=out.device)
        return xp.mean(out / sizes)
    if reduction == "sum":
        return xp.sum(out)
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return out[0] if single else out


def _check(shape: Any, targets: Any, inputs: list[int], lengths: list[int]) -> None:
    """Raise for lengths and targets that do not fit log-probabilities of a shape."""
    if not xp.isdtype(targets.dtype, "integral"):
        raise TypeError(f"ctc_loss: targets has dtype {targets.dtype}; allowed are integers")
    for name, found, most in (("input_lengths", inputs, shape[0]),
                              ("target_lengths", lengths, targets.shape[-1])):  # fmt: skip
        if len(found) != shape[1] or any(not 0 <= n <= most for n in found):
            raise ValueError(
                f"ctc_loss: {name} is {found}; allowed are {shape[1]} lengths from 0 to {most}"
            )
    if targets.ndim == 2 and targets.shape[0] != shape[1]:
        raise ValueError(
            f"ctc_loss: targets has shape {targets.shape}; expected ({shape[1]}, S), or one row"
        )


def _list(lengths: Any) -> list[Any]:
    if isinstance(lengths, int):
        return [lengths]
    found = lengths.tolist() if hasattr(lengths, "tolist") else list(lengths)
    return found if isinstance(found, list) else [found]


def _rows(targets: Any, lengths: list[int]) -> list[list[int]]:
    values = targets.tolist()
    if targets.ndim == 2:
        return [row[:n] for row, n in zip(values, lengths, strict=True)]
    rows, start = [], 0
    for n in lengths:
        rows.append(values[start : start + n])
        start += n
    return rows


def _one(logp: Any, target: list[int], blank: int) -> Any:
    """Return the loss of one sequence by the forward recursion over all states at once."""
    labels = [blank]
    for label in target:
        labels += [label, blank]
    n = len(labels)
    index = xp.asarray(labels, dtype=xp.int64, device=logp.device)
    emitted = xp.take(logp, index, axis=1)  # (T, states)
    low = float(xp.finfo(logp.dtype).min) / 4  # stands for log 0: finite, so that no NaN arises
    skips = [i >= 2 and labels[i] != blank and labels[i] != labels[i - 2] for i in range(n)]
    may_skip = xp.asarray(skips, dtype=xp.bool, device=logp.device)
    start = xp.asarray([i < 2 for i in range(n)], dtype=xp.bool, device=logp.device)
    if emitted.shape[0] == 0:
        return xp.asarray(0.0 if not target else xp.inf, dtype=logp.dtype, device=logp.device)
    alpha = xp.where(start, emitted[0], low)
    for t in range(1, emitted.shape[0]):
        padded = xp.pad(alpha, ((2, 0),), constant_values=low)
        two = xp.where(may_skip, padded[:n], low)
        ways = xp.stack((alpha, padded[1 : n + 1], two))
        alpha = xp.special.logsumexp(ways, axis=0) + emitted[t]
        alpha = xp.maximum(alpha, low)
    end = alpha[-1:] if n == 1 else alpha[-2:]
    total = xp.special.logsumexp(end, axis=0)
    return xp.where(total <= low / 2, xp.inf, -total)
