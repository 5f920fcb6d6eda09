"""Attention: scaled dot products, and the multi-head form with its projections."""

import math
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._ops.network import attention, dense, fusible, in_single
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.functional.dense import linear
from tensorxp.nn.functional.dropout import dropout


@in_single(on_host=True)
@see("multi_head_attention_forward")
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return softmax(scale · Q Kᵀ + mask) V over the last two axes (Vaswani and others, 2017).

    Rows that are masked as a whole give 0, and have no gradient.

    >>> q = xp.ones((1, 2, 4))
    >>> xp.nn.functional.scaled_dot_product_attention(q, q, q).shape
    (1, 2, 4)

    Parameters
    ----------
    query : Tensor
        Shape (…, L, E), floating.
    key : Tensor
        Shape (…, S, E).
    value : Tensor
        Shape (…, S, V).
    attn_mask : Tensor or None
        Broadcasts to (…, L, S): bool, true where attention is allowed, or numbers that are added.
    dropout_p : float
        Probability of dropping a weight, always applied.
    is_causal : bool
        Each place sees only itself and those before it.
    scale : float or None
        None: 1 / √E.
    enable_gqa : bool
        Heads (axis -3) of `key` and `value` are repeated to those of `query`.

    Returns
    -------
    Tensor
        Shape (…, L, V); dtypes promote.

    Raises
    ------
    TypeError
        `query`, `key` or `value` is no Tensor.
    ValueError
        Shapes do not fit, or `dropout_p` is outside [0, 1].
    RuntimeError
        A mask beside `is_causal`.
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        expect("scaled_dot_product_attention", x, name, 2)
    if not 0.0 <= dropout_p <= 1.0:
        raise ValueError(
            f"scaled_dot_product_attention: dropout_p is {dropout_p}; it must be in [0, 1]"
        )
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("Explicit attn_mask should not be set when is_causal=True")
    if enable_gqa:
        key = xp.repeat(key, query.shape[-3] // key.shape[-3], axis=-3)
        value = xp.repeat(value, query.shape[-3] // value.shape[-3], axis=-3)
    factor = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    if attn_mask is None and dropout_p == 0.0 and fusible(query, key, value):
        return attention(query, key, value, causal=is_causal, scale=float(factor))
    attn_mask, alive = _without_dead_rows(attn_mask)
    if is_causal:
        n, m = query.shape[-2], key.shape[-2]
        attn_mask = xp.tril(xp.ones((n, m), dtype=xp.bool, device=query.device))
    weights = attention_weights(query * factor, key, attn_mask)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    out = xp.matmul(weights, value)
    return out if alive is None else xp.where(alive, out, 0.0)


def _without_dead_rows(mask: Any) -> tuple[Any, Any]:
    """Return a mask that lets rows which it masked as a whole see all, and which others there are.

    So the softmax of every row is finite, and no NaN comes to the gradients.
    """
    if mask is None:
        return None, None
    expect("scaled_dot_product_attention", mask, "attn_mask")
    if mask.dtype == xp.bool:
        alive = xp.any(mask, axis=-1, keepdims=True)
        return mask | ~alive, alive
    alive = xp.any(mask != -xp.inf, axis=-1, keepdims=True)
    return xp.where(alive, mask, 0.0), alive


def attention_weights(query: Any, key: Any, mask: Any) -> Any:
    """Return softmax(Q Kᵀ + mask) along the last axis; rows wholly masked give NaN."""
    scores = xp.matmul(query, xp.matrix_transpose(key))
    if mask is not None:
        if mask.dtype == xp.bool:
            scores = xp.where(mask, scores, -xp.inf)
        else:
            scores = scores + mask
    return xp.special.softmax(scores, axis=-1)


def float_mask(mask: Any, name: str, dtype: Any) -> Any:
    """Return a mask (bool: true is not allowed) in the form that is added to scores."""
    if mask is None:
        return None
    if mask.dtype == xp.bool:
        zeros = xp.zeros(mask.shape, dtype=dtype, device=mask.device)
        return xp.where(mask, -xp.inf, zeros)
    if not xp.isdtype(mask.dtype, "real floating"):
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask


def _project(
    query: Any, key: Any, value: Any, in_weight: Any, in_bias: Any, separate: Any
) -> tuple[Any, Any, Any]:
    """Return the projected query, key and value."""
    size = query.shape[-1]
    if separate is not None:
        biases = (
            (None, None, None)
            if in_bias is None
            else tuple(in_bias[i * size : (i + 1) * size] for i in range(3))
        )
        return tuple(
            linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases, strict=True)
        )
    if query is key and key is value:
        q, k, v = dense.split_last(linear(query, in_weight, in_bias), 3)
        return q, k, v
    out = []
    for i, x in enumerate((query, key, value)):
        part = slice(i * size, (i + 1) * size)
        out.append(linear(x, in_weight[part], None if in_bias is None else in_bias[part]))
    return out[0], out[1], out[2]


@in_single(on_host=True)
@see("scaled_dot_product_attention")
def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """Return multi-head attention with its projections, and its weights.

    `MultiheadAttention` is the layer. Bool masks are true where attention is not allowed.

    >>> x = xp.ones((3, 1, 2))
    >>> output, weights = xp.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 2, 1, xp.ones((6, 2)), None, None, None, False, 0.0, xp.eye(2), None
    ... )
    >>> output.shape, weights.shape
    ((3, 1, 2), (1, 3, 3))

    Parameters
    ----------
    query : Tensor
        Shape (L, N, E), or (L, E) without a batch.
    key, value : Tensor
        Shape (S, N, …), or (S, …).
    embed_dim_to_check : int
        E.
    num_heads : int
        Divides E.
    in_proj_weight, in_proj_bias : Tensor or None
        Shapes (3 E, E) and (3 E,).
    bias_k, bias_v : Tensor or None
        Shape (1, 1, E): a place more of keys and values.
    add_zero_attn : bool
        A place of zeros more.
    dropout_p : float
        In training.
    out_proj_weight, out_proj_bias : Tensor or None
        Shapes (E, E) and (E,).
    training : bool
    key_padding_mask : Tensor or None
        Shape (N, S), bool or added.
    need_weights : bool
        Without them the mixture of a row that is masked as a whole is 0, else it is NaN.
    attn_mask : Tensor or None
        Shape (L, S) or (N · num_heads, L, S), bool or added.
    use_separate_proj_weight : bool
        Take the three below instead of `in_proj_weight`.
    q_proj_weight, k_proj_weight, v_proj_weight : Tensor or None
        Shapes (E, E), (E, k), (E, v).
    static_k, static_v : Tensor or None
        Projected already: shape (N · num_heads, S, E / num_heads).
    average_attn_weights : bool
        Over the heads.
    is_causal : bool
        Only a hint, beside `attn_mask`.

    Returns
    -------
    tuple
        Output, of the shape and dtype of `query`; weights, shape (N, L, S) or (N, num_heads, L,
        S), or None.

    Raises
    ------
    TypeError
        `query` is no Tensor.
    AssertionError
        E, `num_heads` or a mask's dtype is wrong.
    RuntimeError
        `is_causal` without a mask.
    ValueError
        Shapes do not fit.
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        expect("multi_head_attention_forward", x, name, 2)
    single = query.ndim == 2
    if single:
        same = query is key and key is value
        query = xp.expand_dims(query, axis=1)
        key = query if same else xp.expand_dims(key, axis=1)
        value = query if same else xp.expand_dims(value, axis=1)
        if key_padding_mask is not None:
            key_padding_mask = xp.expand_dims(key_padding_mask, axis=0)
    length, batch, size = query.shape
    if size != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {size}"
        )
    if size % num_heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias, separate)
    mask = float_mask(attn_mask, "attn_mask", q.dtype)
    padding = float_mask(key_padding_mask, "key_padding_mask", q.dtype)
    if mask is not None and mask.ndim == 3:
        mask = xp.reshape(mask, (batch, num_heads, length, mask.shape[-1]))
    extra = 0
    if bias_k is not None:
        k = xp.concat((k, xp.broadcast_to(bias_k, (1, batch, size))), axis=0)
        v = xp.concat((v, xp.broadcast_to(bias_v, (1, batch, size))), axis=0)
        extra += 1

    def heads(x: Any) -> Any:
        x = xp.reshape(x, (x.shape[0], batch, num_heads, size // num_heads))
        return xp.permute_dims(x, (1, 2, 0, 3))

    q = heads(q)
    k = heads(k) if static_k is None else _static(static_k, batch, num_heads)
    v = heads(v) if static_v is None else _static(static_v, batch, num_heads)
    if add_zero_attn:
        zeros = xp.zeros((batch, num_heads, 1, size // num_heads), dtype=k.dtype, device=k.device)
        k, v = xp.concat((k, zeros), axis=2), xp.concat((v, zeros), axis=2)
        extra += 1
    if extra:  # the added places are never masked
        mask = _widened(mask, extra)
        padding = _widened(padding, extra)
    if padding is not None:
        padding = padding[:, None, None, :]
        mask = padding if mask is None else mask + padding
    alive = None
    if not need_weights:  # as PyTorch: the weights of a row that is masked as a whole are NaN
        mask, alive = _without_dead_rows(mask)
    weights = attention_weights(q * (1 / math.sqrt(size // num_heads)), k, mask)
    if training and dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    mixed = xp.matmul(weights, v)
    if alive is not None:
        mixed = xp.where(alive, mixed, 0.0)
    mixed = xp.permute_dims(mixed, (2, 0, 1, 3))
    out = linear(xp.reshape(mixed, (length, batch, size)), out_proj_weight, out_proj_bias)
    if single:
        out = out[:, 0]
    if not need_weights:
        return out, None
    if average_attn_weights:
        weights = xp.mean(weights, axis=1)
    return out, weights[0] if single else weights


def _static(x: Any, batch: int, num_heads: int) -> Any:
    return xp.reshape(x, (batch, num_heads, *x.shape[1:]))


def _widened(mask: Any, extra: int) -> Any:
    if mask is None:
        return None
    return xp.pad(mask, ((0, 0),) * (mask.ndim - 1) + ((0, extra),))
