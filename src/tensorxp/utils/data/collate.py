"""Collating: samples, which may be nested, become batches of Tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp._backend.families import see


@see("default_collate")
def default_convert(data: Any) -> Any:
    """Return `data` with NumPy arrays and scalars as Tensors, inside containers too.

    >>> xp.utils.data.default_convert([1, "a"])
    [1, 'a']

    Parameters
    ----------
    data : any
        Tuples become lists, named tuples and mappings keep their kind; other things stay.

    Returns
    -------
    any
        Tensors of the shape and dtype of the arrays.
    """
    if isinstance(data, xp.Tensor):
        return data
    if isinstance(data, np.ndarray | np.generic):
        return xp.asarray(data) if data.dtype.kind in "biufc" else data
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(item) for item in data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(item) for item in data])
    return data


@see("default_convert")
def default_collate(batch: Sequence[Any]) -> Any:
    """Return samples stacked along a new first axis, field by field.

    >>> xp.utils.data.default_collate([(1, 2.0), (3, 4.0)])
    [tensor([1, 3]), tensor([2., 4.])]

    Parameters
    ----------
    batch : sequence
        Tensors, NumPy arrays, numbers, strings (which stay), or mappings, tuples and lists of
        these.

    Returns
    -------
    any
        Tensors; Python floats become float64, ints int64. Dicts and named tuples keep their kind,
        other tuples become lists. Stacking is recorded, so gradients flow back to the samples.

    Raises
    ------
    TypeError
        Other things.
    RuntimeError
        Shapes or lengths differ.
    ValueError
        There is no sample.
    """
    if len(batch) == 0:
        raise ValueError("default_collate: the batch is empty; it must have a sample")
    first = batch[0]
    if isinstance(first, xp.Tensor):
        return _stacked(batch)
    if isinstance(first, np.ndarray | np.generic):
        if first.dtype.kind not in "biufc":
            raise TypeError(f"default_collate: cannot collate arrays of dtype {first.dtype}")
        if isinstance(first, np.generic):
            return xp.asarray(np.array(batch))
        return _stacked([xp.asarray(item) for item in batch])
    if isinstance(first, bool):
        return xp.asarray(list(batch), dtype=xp.bool)
    if isinstance(first, float):
        return xp.asarray(list(batch), dtype=xp.float64)
    if isinstance(first, int):
        return xp.asarray(list(batch))
    if isinstance(first, complex):
        return xp.asarray(list(batch), dtype=xp.complex128)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like_mapping(
            first, {key: default_collate([sample[key] for sample in batch]) for key in first}
        )
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(field) for field in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("default_collate: samples of a batch have different lengths")
        fields = [default_collate(field) for field in zip(*batch, strict=True)]
        return fields if isinstance(first, tuple) else _like_sequence(first, fields)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first).__module__}.{type(first).__name__}"
    )


def _stacked(batch: Sequence[Any]) -> Any:
    shapes = {tuple(item.shape) for item in batch}
    if len(shapes) > 1:
        raise RuntimeError(
            f"default_collate: tensors of a batch have different shapes {sorted(shapes)}; pad them "
            "in the dataset, or give a collate_fn"
        )
    return xp.stack(list(batch))


def _like_mapping(data: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    try:
        return type(data)(values)  # type: ignore[call-arg]
    except TypeError:  # a class with another constructor
        return values


def _like_sequence(data: Sequence[Any], values: list[Any]) -> Any:
    try:
        return type(data)(values)  # type: ignore[call-arg]
    except TypeError:
        return values
