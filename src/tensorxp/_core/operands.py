"""Operands and errors at the door: what may stand beside a Tensor, and what went wrong."""

from typing import Any

from tensorxp._backend.device import DeviceError, cpu
from tensorxp._core.allocation import allocate
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import CONCRETE, Tensor, TensorBase
from tensorxp._core.watchers import watching


def wrap(raw: Any, device: Any, node: Any = None, version: Any = None) -> Tensor:
    """Return a Tensor over a raw array; a scalar that NumPy made of a 0-d array is re-arrayed."""
    if type(raw) is not device._array_type:
        raw = device.raw.asarray(raw)
    out: TensorBase = allocate(CONCRETE[0])
    out._data = raw
    out._device = device
    out._node = node
    out._version = version
    return out  # type: ignore[return-value]


def promote(op: Primitive, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Bring two operands to tensors: weak Python scalars, NumPy arrays and scalars on the CPU.

    TypeError for anything else. A Python scalar stays one where the rules of `op` take it.
    """
    t1, t2 = isinstance(x1, TensorBase), isinstance(x2, TensorBase)
    if not (t1 or t2):
        raise not_a_tensor(op, x1, op.inputs[0])
    tensor = x1 if t1 else x2
    return (
        x1 if t1 else _operand(op, x1, tensor, op.inputs[0]),
        x2 if t2 else _operand(op, x2, tensor, op.inputs[1]),
    )


def _operand(op: Primitive, value: Any, tensor: Any, argument: str) -> Any:
    device = tensor._device
    if type(value) in (float, int, bool, complex):
        if op.scalars or not op.differentiable or (not watching and tensor._node is None):
            return value
        raw = device.raw
        dtype = raw.result_type(tensor._data.dtype, value)
        return wrap(raw.asarray(value, dtype=dtype), device)
    if isinstance(value, (int, float, complex)) and not hasattr(value, "dtype"):
        kind: Any = next(k for k in (int, float, complex) if isinstance(value, k))
        return _operand(op, kind.__pos__(value), tensor, argument)  # a plain number
    # NumPy scalars are values and mix with any device, unlike arrays, which live on the CPU
    if is_numpy_value(cpu, value) and (device is cpu or isinstance(value, cpu.raw.base.generic)):
        return wrap(device.raw.asarray(value), device)
    raise not_a_tensor(op, value, argument)


def is_numpy_value(device: Any, value: Any) -> bool:
    """Return whether `value` is a NumPy array or scalar, all of which a tensor can hold."""
    base = device.raw.base
    if not isinstance(value, (base.ndarray, base.generic)) or value.dtype.kind not in "biufc":
        return False
    if value.dtype.char in "gG":  # long double
        return False
    return type(value) is base.ndarray or not carries_more(type(value))


#: What subclasses of ndarray override when elements are not all that they hold.
_PROTOCOL = ("__array_ufunc__", "__array_function__", "__array_priority__", "__add__", "__mul__")
_carries: dict[type, bool] = {}


def carries_more(cls: type) -> bool:
    """Return whether arrays of the class hold more than numbers: masks, units and the like."""
    found = _carries.get(cls)
    if found is None:
        ndarray = cpu.raw.base.ndarray
        found = _carries[cls] = issubclass(cls, ndarray) and any(
            [getattr(cls, name) is not getattr(ndarray, name) for name in _PROTOCOL]
        )
    return found


def excess(value: Any) -> str:
    """Return what an error says of an array that carries more than a tensor can hold."""
    return (
        f"{type(value).__module__}.{type(value).__name__}, which carries more than a Tensor can "
        "hold, such as a mask or a unit; allowed are its plain values, numpy.asarray(value)"
    )


def not_a_tensor(op: Primitive, value: Any, argument: str) -> TypeError:
    if carries_more(type(value)):
        return TypeError(f"{op.name}: {argument} is a {excess(value)}")
    allowed = "is a Tensor"
    if len(op.inputs) > 1:
        allowed = "are Tensors (and, beside a Tensor, Python scalars)"
    return TypeError(
        f"{op.name}: {argument} is a {type(value).__module__}.{type(value).__name__}; "
        f"allowed {allowed}; tensorxp.asarray makes a Tensor of other arrays and lists"
    )


def limits(x: Any) -> Any:
    """Return what integers the dtype of a Tensor holds, as NumPy's `iinfo`; None for others."""
    return x._device.raw.iinfo(x._data.dtype) if x._data.dtype.kind in "iu" else None


def ranges(inputs: tuple[Any, ...]) -> str:
    """Return what the integer dtypes of the inputs hold, as the end of an error."""
    found = [limits(x) for x in inputs if isinstance(x, TensorBase)]
    told = dict.fromkeys([f"; {x.dtype} holds {x.min} to {x.max}" for x in found if x is not None])
    return "".join(told)


def _shown(value: Any) -> str:
    """Return an operand as text; Python refuses to write integers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"an int of {value.bit_length()} bits"
    return repr(value)


def _is_large(x: Any) -> bool:
    """Return whether a parameter is, or holds, an integer that no array is as long as."""
    if isinstance(x, tuple):
        return any([_is_large(item) for item in x])
    return isinstance(x, int) and abs(x) >= 2**24


def explained(
    op: Primitive, inputs: tuple[Any, ...], error: Exception, params: dict[str, Any] | None = None
) -> Exception:
    """Return the error of a backend with the operation, its inputs and large numbers named."""
    names = op.inputs
    if op.variadic:
        names = tuple([f"{op.inputs[0]}[{i}]" for i in range(len(inputs))])
    told = ", ".join(
        [
            f"{name} has shape {tuple(x._data.shape)} and dtype {x._data.dtype}"
            if isinstance(x, TensorBase)
            else f"{name} is {_shown(x)}"
            for name, x in zip(names, inputs, strict=False)
        ]
        + [f"{name} is {_shown(x)}" for name, x in (params or {}).items() if _is_large(x)]
    )
    text = str(error)
    mismatch = "Input operand" in text  # NumPy's words for matmul, vecdot
    if op.tensor_level or (text.startswith(op.name) and not mismatch):
        return error  # raised by the user's own code, or explained already
    if isinstance(error, OverflowError):
        return OverflowError(f"{op.name}: {text}{ranges(inputs)} ({told})")
    if isinstance(error, TypeError):
        if "not supported for the input types" in text:
            text = "not defined for these dtypes"
            if op.name.startswith("bitwise"):
                text += ", but for integers and booleans"
        return TypeError(f"{op.name}: {text} ({told})")
    if type(error) is ValueError or type(error).__name__ == "LinAlgError":
        if "could not be broadcast together" in text:
            text = (
                "the shapes could not be broadcast together: counted from the last axis, sizes "
                "must be equal or 1"
            )
        elif mismatch:
            text = "the sizes of the contracted axes do not match"
            if op.name == "matmul":
                text += ": the last of x1 must be the second to last of x2; x.mT swaps the two"
        elif "negative integer powers" in text:
            text = "integers to negative integer powers are not allowed; use a float exponent"
        return type(error)(f"{op.name}: {text} ({told})")
    error.add_note(f"in {op.name}: {told}")
    if isinstance(error, MemoryError):
        places = dict.fromkeys([str(x._device) for x in inputs if isinstance(x, TensorBase)])
        error.add_note(
            f"out of memory on {', '.join(places)}: drop tensors that are not needed (del), run "
            "without recording under no_grad(), use smaller batches or autograd.checkpoint"
        )
    return error


def device_mismatch(function: str, inputs: tuple[Any, ...]) -> DeviceError:
    """Return the error for inputs on several devices."""
    found = ", ".join(dict.fromkeys([str(x._device) for x in inputs if isinstance(x, TensorBase)]))
    return DeviceError(
        f"{function}: inputs are on different devices ({found}); all must be on one device; "
        "move them with x.to(device)"
    )
