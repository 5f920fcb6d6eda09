"""Tables of vectors looked up by integer indices, alone or in bags."""

from typing import Any

from tensorxp import no_grad
from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.linear import new_parameter
from tensorxp.nn.module import Module
from tensorxp.nn.parameter import Parameter


class _Table(Module):
    """What embeddings share: the table, from N(0, 1) with zeros at `padding_idx`."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: Any,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        if weight is None:
            self.weight = new_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.reset_parameters()
        else:
            if weight.shape != (num_embeddings, embedding_dim):
                raise AssertionError(
                    "Shape of weight does not match num_embeddings and embedding_dim"
                )
            self.weight = Parameter(weight)

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0


@weighted_module.see("tensorxp.nn.functional.embedding")
class Embedding(_Table):
    """Rows of a learnt table at integer indices.

    Shape: (…) of integers to (…, embedding_dim), the dtype of the table. Parameter: `weight`
    (num_embeddings, embedding_dim), from N(0, 1), 0 at `padding_idx`.

    >>> xp.nn.Embedding(10, 3)(xp.asarray([1, 2])).shape
    (2, 3)

    Parameters
    ----------
    num_embeddings, embedding_dim : int
    padding_idx : int or None
        A row that gets no gradient.
    max_norm : float or None
        Scale rows in use with a larger norm down to it, in place.
    norm_type : float
        p of that norm.
    scale_grad_by_freq : bool
        Divide each row's gradient by how often it is used.
    sparse : bool
        Ignored: gradients are dense.
    _weight : Tensor or None
        The table, instead of drawing it.
    _freeze : bool
        Do not train it.

    Raises
    ------
    TypeError
        Sizes are no ints; in the call: the input is no Tensor of integers.
    AssertionError
        `padding_idx` is out of range, or `_weight` has another shape.
    IndexError
        In the call: an index is outside [0, num_embeddings).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, device, dtype)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _freeze:
            self.weight.requires_grad_(False)

    def forward(self, input: Any) -> Any:
        """Return the rows."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Return the arguments that are not the defaults."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        if self.sparse:
            text += ", sparse=True"
        return text

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> "Embedding":
        """Return a layer over the table `embeddings` (rows, width), not trained with `freeze`.

        `padding_idx`, `max_norm`, `norm_type`, `scale_grad_by_freq` and `sparse` are those of the
        class. AssertionError where the table has not 2 axes.
        """
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            embeddings, freeze,
        )  # fmt: skip


@see("tensorxp.nn.functional.embedding_bag")
class EmbeddingBag(_Table):
    """Sums, means or maxima of the embeddings of bags of indices.

    Shape: (B, n), or (n,) with offsets (B,), of integers, to (B, embedding_dim). Parameter:
    `weight` (num_embeddings, embedding_dim), from N(0, 1), 0 at `padding_idx`. The call takes
    `per_sample_weights` of the input's shape, too, with "sum".

    >>> xp.nn.EmbeddingBag(10, 3)(xp.asarray([[1, 2]])).shape
    (1, 3)

    Parameters
    ----------
    num_embeddings, embedding_dim : int
    max_norm, norm_type, scale_grad_by_freq, sparse : float, bool
        As in `Embedding`.
    mode : str
        "mean", "sum" or "max"; empty bags give 0.
    _weight : Tensor or None
        The table, instead of drawing it.
    include_last_offset : bool
        The last offset is an end, not a start.
    padding_idx : int or None
        An index that does not count.
    device : Device, str or None
    dtype : dtype or None
        None: float32.

    Raises
    ------
    TypeError
        Sizes are no ints; in the call: the input is no Tensor of integers.
    AssertionError
        `padding_idx` is out of range, or `_weight` has another shape.
    ValueError
        In the call: another `mode`, or shapes that do not fit.
    IndexError
        In the call: an index is outside [0, num_embeddings).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, device, dtype)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        """Return a vector for each bag."""
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        text += f", mode={self.mode!r}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        return text
