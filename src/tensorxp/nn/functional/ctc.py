"""Connectionist temporal classification (Graves and others, 2006), in the log domain."""

from typing import Any

import tensorxp as xp


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Return -log of the probability of `targets` over all alignments.

    `log_probs` is (T, N, C), or (T, C) without a batch; `targets` (N, S) or one concatenated
    row. The "mean" divides each loss by its target's length, then averages over the batch.
    """
    single = log_probs.ndim == 2
    if single:
        log_probs = xp.expand_dims(log_probs, axis=1)
    inputs = [int(n) for n in _list(input_lengths)]
    lengths = [int(n) for n in _list(target_lengths)]
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
