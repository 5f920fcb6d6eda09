"""Multi-head attention (Vaswani and others, 2017)."""

from typing import Any

import tensorxp as xp
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.linear import Linear, new_parameter
from tensorxp.nn.module import Module


@weighted_module.see("tensorxp.nn.functional.multi_head_attention_forward")
class MultiheadAttention(Module):
    """Attention in several subspaces of the embedding at once (Vaswani and others, 2017).

    Shape: query (L, N, E), key (S, N, kdim) and value (S, N, vdim) to (L, N, E), and weights (N,
    L, S); with `batch_first` N comes first; N may be missing. In bool masks true means: not
    allowed. Parameters: `in_proj_weight` (3 E, E), or `q_proj_weight`, `k_proj_weight`,
    `v_proj_weight`, Xavier uniform; `out_proj.weight` from U(-√k, √k), k = 1 / E; `in_proj_bias`,
    `out_proj.bias` 0; `bias_k`, `bias_v` (1, 1, E), Xavier normal.

    >>> x = xp.ones((3, 1, 4))
    >>> output, weights = xp.nn.MultiheadAttention(4, 2)(x, x, x)
    >>> output.shape, weights.shape
    ((3, 1, 4), (1, 3, 3))

    Parameters
    ----------
    embed_dim : int
        E.
    num_heads : int
        Divides E.
    dropout : float
        Of the weights, in training.
    add_bias_kv : bool
        Add a learnt place to keys and values.
    add_zero_attn : bool
        Add a place of zeros to them.
    kdim, vdim : int or None
        None: E.
    batch_first : bool

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        `embed_dim` or `num_heads` is below 1; in the call: shapes do not fit.
    AssertionError
        `num_heads` does not divide `embed_dim`.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError("embed_dim must be divisible by num_heads")
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        if self._qkv_same_embed_dim:
            self.in_proj_weight = new_parameter(3 * embed_dim, embed_dim, **place)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = new_parameter(embed_dim, embed_dim, **place)
            self.k_proj_weight = new_parameter(embed_dim, self.kdim, **place)
            self.v_proj_weight = new_parameter(embed_dim, self.vdim, **place)
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = new_parameter(3 * embed_dim, **place)
        else:
            self.register_parameter("in_proj_bias", None)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, **place)
        for name in ("bias_k", "bias_v"):
            if add_bias_kv:
                setattr(self, name, new_parameter(1, 1, embed_dim, **place))
            else:
                self.register_parameter(name, None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (
            self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight,
        ):  # fmt: skip
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Return the output, and the weights (None with `need_weights=False`)."""
        turned = self.batch_first and query.ndim == 3
        if turned:
            if query is key and key is value:
                query = key = value = xp.swapaxes(query, 0, 1)
            elif key is value:
                query, key = xp.swapaxes(query, 0, 1), xp.swapaxes(key, 0, 1)
                value = key
            else:
                query, key, value = (xp.swapaxes(x, 0, 1) for x in (query, key, value))
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (xp.swapaxes(out, 0, 1) if turned else out), weights
