"""Transformer layers and stacks of them (Vaswani and others, 2017)."""

import copy
from collections.abc import Callable
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.attention import MultiheadAttention
from tensorxp.nn.containers import ModuleList
from tensorxp.nn.dropout import Dropout
from tensorxp.nn.linear import Linear
from tensorxp.nn.module import Module
from tensorxp.nn.normalization import LayerNorm

Activation = str | Callable[[Any], Any]


def _activation(given: Activation) -> Callable[[Any], Any]:
    if given == "relu":
        return F.relu
    if given == "gelu":
        return F.gelu
    if callable(given):
        return given
    raise RuntimeError(f"activation should be relu/gelu, not {given}")


def _copies(module: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


@weighted_module.see("TransformerEncoder")
class TransformerEncoderLayer(Module):
    """Self-attention and a feed-forward network, each with dropout, residual and layer norm.

    Vaswani and others, 2017. Shape: (L, N, d_model) to the same, (N, L, d_model) with
    `batch_first`. The call takes `src_mask` (L, L) and `src_key_padding_mask` (N, L), bool masks
    true where not allowed. Parameters: `self_attn`, `linear1`, `linear2`, `norm1`, `norm2`, as of
    these layers.

    >>> xp.nn.TransformerEncoderLayer(4, 2, 8)(xp.ones((3, 1, 4))).shape
    (3, 1, 4)

    Parameters
    ----------
    d_model : int
    nhead : int
        Divides `d_model`.
    dim_feedforward : int
    dropout : float
    activation : str or callable
        "relu" or "gelu", or a function of Tensors.
    layer_norm_eps : float
    batch_first : bool
    norm_first : bool
        Normalise before attention and network, not after.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes are below 1.
    AssertionError
        `nhead` does not divide `d_model`.
    RuntimeError
        Another `activation`.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place: dict[str, Any] = {"device": device, "dtype": dtype, "bias": bias}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, batch_first=batch_first, **place
        )
        self.linear1 = Linear(d_model, dim_feedforward, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Any:
        """Return the layer's output, of the shape of `src`."""
        x = src
        if self.norm_first:
            x = x + self._attend(self.norm1(x), src_mask, src_key_padding_mask)
            return x + self._feed(self.norm2(x))
        x = self.norm1(x + self._attend(x, src_mask, src_key_padding_mask))
        return self.norm2(x + self._feed(x))

    def _attend(self, x: Any, mask: Any, padding: Any) -> Any:
        out = self.self_attn(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False)[
            0
        ]
        return self.dropout1(out)

    def _feed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


@see("TransformerEncoderLayer")
class TransformerEncoder(Module):
    """Copies of an encoder layer, one after the other, and a norm.

    Shape: as the layer's. Parameters: `layers.0` and so on, equal at first, and `norm`.

    >>> layer = xp.nn.TransformerEncoderLayer(4, 2, 8)
    >>> xp.nn.TransformerEncoder(layer, 1)(xp.ones((3, 1, 4))).shape
    (3, 1, 4)

    Parameters
    ----------
    encoder_layer : Module
    num_layers : int
    norm : Module or None
    enable_nested_tensor, mask_check : bool
        Ignored.

    Raises
    ------
    TypeError
        `encoder_layer` is no Module, or `num_layers` no int.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Any:
        """Return the output of the last layer."""
        out = src
        for layer in self.layers:
            out = layer(out, src_mask=mask, src_key_padding_mask=src_key_padding_mask)
        return out if self.norm is None else self.norm(out)


@weighted_module.see("TransformerDecoder")
class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's output, and a feed-forward network.

    Vaswani and others, 2017. Shape: (L, N, d_model) and memory (S, N, d_model) to (L, N, d_model);
    with `batch_first` N comes first. Bool masks are true where not allowed. Parameters:
    `self_attn`, `multihead_attn`, `linear1`, `linear2`, `norm1`, `norm2`, `norm3`.

    >>> xp.nn.TransformerDecoderLayer(4, 2, 8)(xp.ones((2, 1, 4)), xp.ones((3, 1, 4))).shape
    (2, 1, 4)

    Parameters
    ----------
    d_model : int
    nhead : int
        Divides `d_model`.
    dim_feedforward : int
    dropout : float
    activation : str or callable
        "relu" or "gelu", or a function of Tensors.
    layer_norm_eps : float
    batch_first : bool
    norm_first : bool
        Normalise before attentions and network, not after.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes are below 1.
    AssertionError
        `nhead` does not divide `d_model`.
    RuntimeError
        Another `activation`.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place: dict[str, Any] = {"device": device, "dtype": dtype, "bias": bias}
        for name in ("self_attn", "multihead_attn"):
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, batch_first=batch_first, **place
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **place)
        self.norm_first = norm_first
        for name in ("norm1", "norm2", "norm3"):
            setattr(self, name, LayerNorm(d_model, eps=layer_norm_eps, **place))
        for name in ("dropout1", "dropout2", "dropout3"):
            setattr(self, name, Dropout(dropout))
        self.activation = _activation(activation)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the layer's output, of the shape of `tgt`."""

        def own(x: Any) -> Any:
            out = self.self_attn(
                x, x, x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask,
                need_weights=False,
            )[0]  # fmt: skip
            return self.dropout1(out)

        def cross(x: Any) -> Any:
            out = self.multihead_attn(
                x, memory, memory, attn_mask=memory_mask,
                key_padding_mask=memory_key_padding_mask, need_weights=False,
            )[0]  # fmt: skip
            return self.dropout2(out)

        def feed(x: Any) -> Any:
            return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        x = tgt
        if self.norm_first:
            x = x + own(self.norm1(x))
            x = x + cross(self.norm2(x))
            return x + feed(self.norm3(x))
        x = self.norm1(x + own(x))
        x = self.norm2(x + cross(x))
        return self.norm3(x + feed(x))


@see("TransformerDecoderLayer")
class TransformerDecoder(Module):
    """Copies of a decoder layer, one after the other, and a norm.

    Shape: as the layer's. Parameters: `layers.0` and so on, equal at first, and `norm`.

    >>> layer = xp.nn.TransformerDecoderLayer(4, 2, 8)
    >>> xp.nn.TransformerDecoder(layer, 1)(xp.ones((2, 1, 4)), xp.ones((3, 1, 4))).shape
    (2, 1, 4)

    Parameters
    ----------
    decoder_layer : Module
    num_layers : int
    norm : Module or None

    Raises
    ------
    TypeError
        `decoder_layer` is no Module, or `num_layers` no int.
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the output of the last layer."""
        out = tgt
        for layer in self.layers:
            out = layer(
                out,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
            )
        return out if self.norm is None else self.norm(out)


@weighted_module.see("TransformerEncoder, TransformerDecoder")
class Transformer(Module):
    """An encoder, and a decoder that attends to its output (Vaswani and others, 2017).

    Shape: src (S, N, d_model) and tgt (L, N, d_model) to (L, N, d_model); with `batch_first` N
    comes first. Bool masks are true where not allowed. Parameters: `encoder`, `decoder`, their
    matrices Xavier uniform.

    >>> model = xp.nn.Transformer(4, 2, 1, 1, 8)
    >>> model(xp.ones((3, 1, 4)), xp.ones((2, 1, 4))).shape
    (2, 1, 4)

    Parameters
    ----------
    d_model : int
    nhead : int
        Divides `d_model`.
    num_encoder_layers, num_decoder_layers, dim_feedforward : int
    dropout : float
    activation : str or callable
        "relu" or "gelu", or a function of Tensors.
    custom_encoder, custom_decoder : Module or None
        Instead of the usual ones.
    layer_norm_eps : float
    batch_first : bool
    norm_first : bool
        Normalise before attentions and networks, not after.

    Raises
    ------
    TypeError
        Sizes are no ints.
    ValueError
        Sizes are below 1.
    AssertionError
        `nhead` does not divide `d_model`.
    RuntimeError
        Another `activation`.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "dim_feedforward": dim_feedforward,
            "dropout": dropout,
            "activation": activation,
            "layer_norm_eps": layer_norm_eps,
            "batch_first": batch_first,
            "norm_first": norm_first,
            "bias": bias,
            "device": device,
            "dtype": dtype,
        }
        norm: dict[str, Any] = {
            "eps": layer_norm_eps, "bias": bias, "device": device, "dtype": dtype,
        }  # fmt: skip
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(d_model, nhead, **options),
            num_encoder_layers,
            LayerNorm(d_model, **norm),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(d_model, nhead, **options),
            num_decoder_layers,
            LayerNorm(d_model, **norm),
        )
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoder's output, of the shape of `tgt`."""
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """Return the mask that lets each place see itself and those before it.

        Shape (`sz`, `sz`), 0 and -∞; on `device`, of `dtype` (None: float32).
        """
        kind = xp.float32 if dtype is None else dtype
        return xp.triu(xp.full((sz, sz), -xp.inf, dtype=kind, device=device), k=1)
