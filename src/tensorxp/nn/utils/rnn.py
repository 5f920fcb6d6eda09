"""Sequences of unequal length: padded, or packed so that only real steps are computed."""

from itertools import pairwise
from typing import Any, NamedTuple

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._backend.names import listing
from tensorxp.nn.functional._sizes import expect

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]
__dir__ = listing(globals())


@see("pack_sequence")
class PackedSequence(NamedTuple):
    """Rows of all sequences, step by step.

    >>> packed = xp.nn.utils.rnn.pack_sequence([xp.asarray([1, 2, 3]), xp.asarray([4])])
    >>> packed.data
    tensor([1, 4, 2, 3])

    Attributes
    ----------
    data : Tensor
        Shape (Σ lengths, …).
    batch_sizes : Tensor
        Shape (T,), int64, on the CPU: how many sequences are active at each step.
    sorted_indices, unsorted_indices : Tensor or None
        The order by length, and back.
    """

    data: Any
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None

    def to(self, *args: Any, **kwargs: Any) -> "PackedSequence":
        """Return the sequence with its data moved or cast, as `Tensor.to` with `args`, `kwargs`."""
        return self._replace(data=self.data.to(*args, **kwargs))


def invert_permutation(permutation: Any) -> Any:
    """Return the permutation that undoes another.

    >>> xp.nn.utils.rnn.invert_permutation(xp.asarray([2, 0, 1]))
    tensor([1, 2, 0])

    Parameters
    ----------
    permutation : Tensor or None
        Shape (n,), integers.

    Returns
    -------
    Tensor or None
        Shape (n,), dtype int64; None for None.

    Raises
    ------
    TypeError
        `permutation` is no Tensor.
    """
    return None if permutation is None else xp.argsort(permutation)


def _lengths(lengths: Any) -> list[int]:
    values = lengths.tolist() if hasattr(lengths, "tolist") else lengths
    return [int(n) for n in values]


@see("pad_packed_sequence, pack_sequence")
def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return padded sequences packed, so that recurrent layers compute only their real steps.

    >>> x = xp.asarray([[1, 2, 3], [4, 0, 0]])
    >>> xp.nn.utils.rnn.pack_padded_sequence(x, [3, 1], batch_first=True).data
    tensor([1, 4, 2, 3])

    Parameters
    ----------
    input : Tensor
        Shape (T, B, …), or (B, T, …), any dtype.
    lengths : Tensor or sequence of ints
        Shape (B,), from 1 to T.
    batch_first : bool
    enforce_sorted : bool
        The lengths must not increase; False: they are sorted.

    Returns
    -------
    PackedSequence
        With `data` of shape (Σ lengths, …) and the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has fewer than 2 axes.
    RuntimeError
        Lengths do not fit, or are not sorted.
    """
    expect("pack_padded_sequence", input, least=2)
    sizes = _lengths(lengths)
    x = xp.swapaxes(input, 0, 1) if batch_first else input
    if len(sizes) != x.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={x.shape[1]})"
        )
    if not sizes or min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if max(sizes) > x.shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: a length is {max(sizes)}; there are {x.shape[0]} steps"
        )
    order = None
    if enforce_sorted:
        if any(a < b for a, b in pairwise(sizes)):
            raise RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
                "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence "
                "to sidestep this requirement if you do not need ONNX exportability."
            )
    else:
        ranks = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        order = xp.asarray(ranks, dtype=xp.int64, device=x.device)
        x = xp.take(x, order, axis=1)
        sizes = [sizes[i] for i in ranks]
    active = [sum(n > t for n in sizes) for t in range(sizes[0])]
    rows = [t * x.shape[1] + i for t, n in enumerate(active) for i in range(n)]
    flat = xp.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))
    data = xp.take(flat, xp.asarray(rows, dtype=xp.int64, device=x.device), axis=0)
    batch_sizes = xp.asarray(active, dtype=xp.int64)
    return PackedSequence(data, batch_sizes, order, invert_permutation(order))


@see("pack_padded_sequence")
def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """Return a packed sequence padded, and the lengths: `pack_padded_sequence` undone.

    >>> packed = xp.nn.utils.rnn.pack_sequence([xp.asarray([1, 2, 3]), xp.asarray([4])])
    >>> x, lengths = xp.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    >>> x
    tensor([[1, 2, 3],
            [4, 0, 0]])

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
    padding_value : float
    total_length : int or None
        T, instead of the largest length.

    Returns
    -------
    tuple
        A Tensor of shape (T, B, …), or (B, T, …), the dtype of the data; lengths (B,), int64, on
        the CPU.

    Raises
    ------
    TypeError
        `sequence` is no PackedSequence.
    ValueError
        `total_length` is too small.
    """
    if not isinstance(sequence, PackedSequence):
        raise TypeError(
            f"pad_packed_sequence: sequence is a {type(sequence).__name__}; it must be a "
            "PackedSequence"
        )
    active = _lengths(sequence.batch_sizes)
    length = len(active)
    if total_length is not None:
        if total_length < length:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {length}"
            )
        length = total_length
    batch, data = active[0], sequence.data
    rows = [t * batch + i for t, n in enumerate(active) for i in range(n)]
    shape = (length * batch, *data.shape[1:])
    out = xp.full(shape, padding_value, dtype=data.dtype, device=data.device)
    out[xp.asarray(rows, dtype=xp.int64, device=data.device)] = data
    out = xp.reshape(out, (length, batch, *data.shape[1:]))
    lengths = xp.asarray([sum(n > i for n in active) for i in range(batch)], dtype=xp.int64)
    if sequence.unsorted_indices is not None:
        out = xp.take(out, sequence.unsorted_indices, axis=1)
        lengths = xp.take(lengths, sequence.unsorted_indices.to("cpu"), axis=0)
    return (xp.swapaxes(out, 0, 1) if batch_first else out), lengths


@see("unpad_sequence, pack_sequence")
def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Return sequences as one padded tensor.

    >>> xp.nn.utils.rnn.pad_sequence([xp.asarray([1, 2, 3]), xp.asarray([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])

    Parameters
    ----------
    sequences : iterable of Tensors
        Shapes (L_i, …).
    batch_first : bool
    padding_value : float
    padding_side : str
        "right" or "left".

    Returns
    -------
    Tensor
        Shape (T, B, …), or (B, T, …), T the largest L_i; dtypes promote.

    Raises
    ------
    TypeError
        An item is no Tensor.
    ValueError
        There is none, shapes do not fit, or another `padding_side`.
    """
    if padding_side not in ("left", "right"):
        raise ValueError('padding_side must be "left" or "right"')
    sequences = list(sequences)
    if not sequences:
        raise ValueError("pad_sequence: sequences is empty")
    for x in sequences:
        expect("pad_sequence", x, "an item of sequences", 1)
    length = max(x.shape[0] for x in sequences)
    padded = []
    for x in sequences:
        extra = length - x.shape[0]
        pair = (0, extra) if padding_side == "right" else (extra, 0)
        widths = (pair, *((0, 0),) * (x.ndim - 1))
        padded.append(xp.pad(x, widths, constant_values=padding_value) if extra else x)
    return xp.stack(padded, axis=0 if batch_first else 1)


@see("pad_sequence")
def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """Return the sequences of a padded tensor, each of its own length, as views.

    >>> x = xp.asarray([[1, 2, 3], [4, 0, 0]])
    >>> xp.nn.utils.rnn.unpad_sequence(x, xp.asarray([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]

    Parameters
    ----------
    padded_sequences : Tensor
        Shape (T, B, …), or (B, T, …), any dtype.
    lengths : Tensor or sequence of ints
        Shape (B,).
    batch_first : bool

    Returns
    -------
    list of Tensors
        Shapes (L_i, …).

    Raises
    ------
    TypeError
        It is no Tensor.
    IndexError
        There are more lengths than sequences.
    """
    x = padded_sequences if batch_first else xp.swapaxes(padded_sequences, 0, 1)
    return [x[i, :n] for i, n in enumerate(_lengths(lengths))]


@see("unpack_sequence, pack_padded_sequence")
def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences, packed.

    >>> xp.nn.utils.rnn.pack_sequence([xp.asarray([1, 2, 3]), xp.asarray([4])]).batch_sizes
    tensor([2, 1, 1])

    Parameters
    ----------
    sequences : iterable of Tensors
        Shapes (L_i, …).
    enforce_sorted : bool
        The lengths must not increase; False: they are sorted.

    Returns
    -------
    PackedSequence
        With `data` of shape (Σ L_i, …), its dtype promoted.

    Raises
    ------
    TypeError
        An item is no Tensor.
    ValueError
        There is none, or shapes do not fit.
    RuntimeError
        Lengths are 0 or not sorted.
    """
    sequences = list(sequences)
    padded = pad_sequence(sequences)
    lengths = [x.shape[0] for x in sequences]
    return pack_padded_sequence(padded, lengths, enforce_sorted=enforce_sorted)


@see("pack_sequence")
def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """Return the sequences of a packed one.

    >>> packed = xp.nn.utils.rnn.pack_sequence([xp.asarray([1, 2, 3]), xp.asarray([4])])
    >>> xp.nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2, 3]), tensor([4])]

    Parameters
    ----------
    packed_sequences : PackedSequence

    Returns
    -------
    list of Tensors
        Shapes (L_i, …), the dtype of the data.

    Raises
    ------
    TypeError
        It is no PackedSequence.
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
