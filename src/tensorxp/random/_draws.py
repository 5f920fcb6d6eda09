"""What all distributions share: where and in which dtype to draw, and drawing itself."""

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from tensorxp._backend.device import Device, as_device
from tensorxp._backend.dtypes import DType, as_dtype, get_default_dtype, of_raw
from tensorxp._core.door import device_mismatch, new_leaf, node_of, wrap
from tensorxp._core.modes import modes
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import LARGEST, truth
from tensorxp._ops.casting import result_type
from tensorxp._ops.shaping import broadcast_shapes
from tensorxp.random._generator import Generator, default_generator


def size_of(function: str, sizes: Any) -> tuple[int, ...]:
    """Return a shape given as an int or as ints; TypeError, ValueError for negative sizes."""
    given = sizes if isinstance(sizes, tuple | list) else (sizes,)
    try:
        shape = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"{function}: shape is {sizes!r}; allowed are an int or ints") from None
    if any(n < 0 for n in shape):
        raise ValueError(f"{function}: shape is {sizes!r}; sizes must not be negative")
    if prod(shape) >= LARGEST:
        raise ValueError(f"{function}: shape is {sizes!r}; no array is so large")
    return shape


def one_of(function: str, shape: Any, size: Any) -> Any:
    """Return the shape, by our word or NumPy's; TypeError where both are given."""
    if size is None:
        return shape
    if shape is not None:
        raise TypeError(f"{function}: shape and size are given, which mean the same")
    return size


def unpacked(sizes: tuple[Any, ...]) -> Any:
    """Return the shape in `f(2, 3)` or `f((2, 3))`."""
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes


def stream_of(function: str, device: Any, generator: Any, *params: Any) -> Generator:
    """Return the generator to draw from: the given one, or the default one of the device.

    The device is that of Tensor parameters, else the given one, else the generator's.
    DeviceError where they differ.
    """
    tensors = tuple(p for p in params if isinstance(p, Tensor))
    place = None if device is None else as_device(device, function)
    for t in tensors:
        if t._device is not (tensors[0]._device if place is None else place):
            raise device_mismatch(function, tensors)
    if tensors:
        place = tensors[0]._device
    if generator is None:
        return default_generator(place)
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{function}: generator is a {type(generator).__name__}; allowed are "
            "tensorxp.random.Generator and None"
        )
    if place is not None and generator.device is not place:
        raise ValueError(
            f"{function}: generator is on {generator.device}, but the numbers are wanted on {place}"
        )
    return generator


def real_dtype(function: str, dtype: Any, *params: Any) -> DType:
    """Return the given dtype, or that of the Tensor parameters if real, or the default one."""
    if dtype is not None:
        chosen = as_dtype(dtype, function)
    else:
        tensors = [p for p in params if isinstance(p, Tensor)]
        chosen = of_raw(result_type(*tensors).dtype) if tensors else get_default_dtype()
        if chosen.kind not in "fc":
            chosen = get_default_dtype()
    if chosen.kind != "f":
        raise TypeError(f"{function}: dtype is {chosen}; allowed are real floating-point dtypes")
    return chosen


def drawn_shape(function: str, shape: Any, *params: Any) -> tuple[int, ...]:
    """Return the shape to draw: the given one, or that of the broadcast parameters."""
    shapes = [p.shape for p in params if isinstance(p, Tensor)]
    common = broadcast_shapes(*shapes) if shapes else ()
    if shape is None:
        return common
    wanted = size_of(function, shape)
    if common and broadcast_shapes(common, wanted) != wanted:
        raise ValueError(
            f"{function}: parameters of shape {common} could not be broadcast to shape {wanted}"
        )
    return wanted


def standard(stream: Generator, name: str, shape: tuple[int, ...], dtype: DType) -> Any:
    """Return raw numbers of a standard distribution; half precision is drawn in single."""
    kind = dtype.dtype if dtype.bits >= 32 else "float32"
    raw = stream.draw(lambda bits: getattr(bits, name)(shape, dtype=kind))
    return raw if raw.dtype == dtype.dtype else stream.device.raw.asarray(raw, dtype=dtype.dtype)


def tensor_of(raw: Any, device: Device, requires_grad: bool, function: str) -> Tensor:
    """Return raw numbers as a Tensor, a leaf that requires grad where asked."""
    return finish(wrap(raw, device), requires_grad, function)


def finish(x: Any, requires_grad: bool, function: str) -> Tensor:
    """Return `x`, as a leaf that requires grad where asked and not recorded already."""
    if truth(function, "requires_grad", requires_grad) and node_of(x) is None:
        if x._data.dtype.kind not in "fc":
            raise RuntimeError(
                f"{function}: requires_grad=True needs a floating-point or complex dtype, "
                f"but the numbers have dtype {x._data.dtype}"
            )
        x._node = new_leaf(x)
    return x  # type: ignore[no-any-return]


def is_recorded(param: Any) -> bool:
    """Return whether an operation on `param` would be recorded now."""
    return modes.grad and isinstance(param, Tensor) and node_of(param) is not None


def refuse_gradient(function: str, **params: Any) -> None:
    """Raise NotImplementedError for a parameter through which no gradient can pass."""
    for name, param in params.items():
        if is_recorded(param):
            raise NotImplementedError(
                f"{function}: no gradient passes through {name}; give {name}.detach()"
            )


def checked(
    function: str, argument: str, value: Any, holds: Callable[[Any], Any], rule: str
) -> Any:
    """Return a parameter, a number or real Tensor, whose values satisfy `rule`."""
    if isinstance(value, Tensor):
        raw, kind = value._data, value._data.dtype.kind
        if kind not in "biuf":
            raise TypeError(f"{function}: {argument} has dtype {raw.dtype}; it must be real")
        fits = bool(holds(raw).all())
    elif isinstance(value, int | float):
        raw, fits = value, bool(holds(value))
    elif isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        return checked(function, argument, value.item(), holds, rule)
    else:
        raise TypeError(
            f"{function}: {argument} is {value!r}; allowed are a number and a real Tensor"
        )
    if not fits:
        raise ValueError(f"{function}: {argument} must be {rule}; {_shown(value)} was given")
    return value


def _shown(value: Any) -> str:
    return "a Tensor that is not" if isinstance(value, Tensor) else repr(value)


def raw_param(value: Any, device: Device, dtype: Any) -> Any:
    """Return a parameter as a raw array on the device of the stream."""
    return device.raw.asarray(value._data if isinstance(value, Tensor) else value, dtype=dtype)
