"""NVIDIA's cuDNN through its front end (package nvidia-cudnn-frontend), where it is installed.

Convolutions and attention on CUDA ask here first; None means that cuDNN is not there, is
switched off (`TENSORXP_CUDNN=0`) or does not support the case, and our own kernels do it.
A graph is built once for each device, dtype, shape and layout, and kept.
"""

import os
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from math import prod
from typing import Any
from warnings import warn

_CHARS = {"e": "HALF", "f": "FLOAT", "d": "DOUBLE"}


@cache
def _module() -> Any:
    """Return the front end, or None where it or the library behind it is missing."""
    if find_spec("cudnn") is None:
        return None
    try:
        module = import_module("cudnn")
        module.backend_version()
    except (ImportError, OSError, RuntimeError, AttributeError):
        return None
    return module


def enabled() -> bool:
    """Return whether cuDNN is there and not switched off."""
    return os.environ.get("TENSORXP_CUDNN") != "0" and _module() is not None


class _PerThread(threading.local):
    """Handles by device, and built graphs: neither may be used by two threads at once."""

    def __init__(self) -> None:
        self.handles: dict[int, Any] = {}
        self.graphs: dict[Any, Any] = {}


_local = _PerThread()


def _strides(array: Any) -> list[int]:
    return [s // array.itemsize for s in array.strides]


def _packed(shape: tuple[int, ...]) -> list[int]:
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


class _Graph:
    """One operation on arrays of fixed shapes and strides, with its plan."""

    def __init__(self, handle: Any, char: str, inputs: dict[str, Any], describe: Any) -> None:
        cudnn = _module()
        kind = getattr(cudnn.data_type, _CHARS[char])
        wide = cudnn.data_type.DOUBLE if char == "d" else cudnn.data_type.FLOAT
        graph = cudnn.pygraph(
            io_data_type=kind, intermediate_data_type=wide, compute_data_type=wide, handle=handle
        )
        self.inputs = {
            name: graph.tensor(
                name=name,
                dim=list(array.shape),
                stride=_strides(array),
                data_type=getattr(cudnn.data_type, _CHARS[array.dtype.char]),
            )
            for name, array in inputs.items()
        }
        self.outputs: list[Any] = []
        for tensor, shape, out_char in describe(cudnn, graph, self.inputs):
            tensor.set_output(True).set_dim(list(shape)).set_stride(_packed(shape))
            tensor.set_data_type(getattr(cudnn.data_type, _CHARS[out_char]))
            self.outputs.append((tensor, tuple(shape), out_char))
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
        if char in "fd":  # single precision is single precision: no TF32
            notes = cudnn.numerical_note
            graph.deselect_numeric_notes([notes.TENSOR_CORE, notes.DOWN_CONVERT_INPUTS])
        graph.check_support()
        graph.build_plans()
        self.graph = graph
        self.workspace = graph.get_workspace_size()

    def __call__(self, cupy: Any, handle: Any, arrays: dict[str, Any]) -> list[Any]:
        found = [cupy.empty(shape, dtype=char) for _, shape, char in self.outputs]
        pack = {self.inputs[name]: array for name, array in arrays.items()}
        pack |= {self.outputs[i][0]: array for i, array in enumerate(found)}
        space = cupy.empty(max(self.workspace, 1), dtype="uint8")
        _module().set_stream(handle=handle, stream=cupy.cuda.get_current_stream().ptr)
        self.graph.execute(pack, space, handle=handle)
        return found


def _run(xp: Any, key: Any, char: str, arrays: dict[str, Any], describe: Any) -> Any:
    """Return the outputs of an operation, or None where cuDNN does not support it."""
    cupy, cudnn = xp.base, _module()
    device = int(cupy.cuda.Device().id)
    if device not in _local.handles:
        try:
            _local.handles[device] = cudnn.create_handle()
        except RuntimeError:  # a library that does not go with the driver
            _local.handles[device] = None
            warn(
                f"cuDNN cannot be used on cuda:{device}; our own kernels work instead", stacklevel=2
            )
    handle = _local.handles[device]
    layout = tuple((a.shape, a.strides, a.dtype.char) for a in arrays.values())
    whole = (device, *key, layout)
    if handle is None:
        return None
    if whole not in _local.graphs:
        try:
            _local.graphs[whole] = _Graph(handle, char, arrays, describe)
        except (cudnn.cudnnGraphNotSupportedError, RuntimeError, ValueError):
            _local.graphs[whole] = None
    graph = _local.graphs[whole]
    return None if graph is None else graph(cupy, handle, arrays)


def _fits(*arrays: Any) -> bool:
    """Return whether these are arrays that cuDNN may take: one real dtype, none empty."""
    char = arrays[0].dtype.char
    return char in _CHARS and all(a.dtype.char == char and a.size for a in arrays) and enabled()


def _steps(g: Any) -> tuple[dict[str, list[int]], int]:
    """Return a convolution's parameters for the front end, and the axes of size 1 to add."""
    extra = max(0, 2 - len(g.kernel))
    lows, highs = zip(*g.padding, strict=True)
    return {
        "pre_padding": [*lows, *[0] * extra],
        "post_padding": [*highs, *[0] * extra],
        "stride": [*g.stride, *[1] * extra],
        "dilation": [*g.dilation, *[1] * extra],
    }, extra


def _convolution(xp: Any, name: str, first: str, x: Any, second: str, y: Any, g: Any,
                 shape: tuple[int, ...]) -> Any:  # fmt: skip
    if not _fits(x, y) or not 1 <= len(g.kernel) <= 3 or any(p < 0 for q in g.padding for p in q):
        return None
    steps, extra = _steps(g)
    tail = (1,) * extra  # one spatial axis becomes two
    arrays = {
        first: xp.base.ascontiguousarray(x).reshape(x.shape + tail),
        second: xp.base.ascontiguousarray(y).reshape(y.shape + tail),
    }
    char = x.dtype.char
    key = (name, shape, *(tuple(value) for value in steps.values()))

    def describe(cudnn: Any, graph: Any, tensors: dict[str, Any]) -> Any:
        return [(getattr(graph, name)(**tensors, **steps), shape + tail, char)]

    found = _run(xp, key, char, arrays, describe)
    return None if found is None else found[0].reshape(shape)


def convolve(xp: Any, x: Any, weight: Any, bias: Any, g: Any) -> Any:
    """Return the convolution of x with weight, plus bias; None where cuDNN does not do it."""
    shape = (g.batch, g.outputs, *g.out)
    if bias is not None and bias.dtype != x.dtype:
        return None
    out = _convolution(xp, "conv_fprop", "image", x, "weight", weight, g, shape)
    if out is not None and bias is not None:
        out += bias.reshape(-1, *(1,) * len(g.out))
    return out


def spread(xp: Any, y: Any, weight: Any, g: Any) -> Any:
    """Return x's cotangent of the output's y; None where cuDNN does not do it."""
    shape = (g.batch, g.inputs, *g.size)
    return _convolution(xp, "conv_dgrad", "loss", y, "filter", weight, g, shape)


def weigh(xp: Any, x: Any, y: Any, g: Any) -> Any:
    """Return the weight's cotangent of x and the output's y; None where cuDNN does not do it."""
    shape = (g.outputs, g.inputs // g.groups, *g.kernel)
    return _convolution(xp, "conv_wgrad", "image", x, "loss", y, g, shape)


def _attends(q: Any, k: Any, v: Any) -> bool:
    """Return whether these are (B, H, L, E) in half precision with sizes that cuDNN has."""
    sizes = (q.shape[-1], v.shape[-1])
    return (
        q.ndim == 4 and q.dtype.char == "e" and all(n % 8 == 0 and n <= 128 for n in sizes)
    ) and _fits(q, k, v)  # fmt: skip


def attention(xp: Any, q: Any, k: Any, v: Any, causal: bool, scale: float) -> Any:
    """Return (out, logarithms of the sums of exponentials), or None."""
    if not _attends(q, k, v):
        return None
    shape = (*q.shape[:-1], v.shape[-1])
    arrays = {n: xp.base.ascontiguousarray(a) for n, a in (("q", q), ("k", k), ("v", v))}

    def describe(cudnn: Any, graph: Any, tensors: dict[str, Any]) -> Any:
        out, stats = graph.sdpa(
            **tensors, attn_scale=scale, use_causal_mask=causal, generate_stats=True, name="sdpa"
        )
        return [(out, shape, "e"), (stats, (*q.shape[:-1], 1), "f")]

    return _run(xp, ("sdpa", causal, scale), "e", arrays, describe)


def attention_backward(
    xp: Any, ct: Any, q: Any, k: Any, v: Any, out: Any, stats: Any, causal: bool, scale: float
) -> Any:
    """Return the cotangents of q, k and v, or None."""
    if not _attends(q, k, v):
        return None
    given = {"q": q, "k": k, "v": v, "o": out, "dO": ct.astype("e", copy=False), "stats": stats}
    arrays = {name: xp.base.ascontiguousarray(a) for name, a in given.items()}

    def describe(cudnn: Any, graph: Any, tensors: dict[str, Any]) -> Any:
        found = graph.sdpa_backward(
            **tensors, attn_scale=scale, use_causal_mask=causal, name="sdpa_backward"
        )
        return [(t, a.shape, "e") for t, a in zip(found, (q, k, v), strict=True)]

    return _run(xp, ("sdpa_backward", causal, scale), "e", arrays, describe)
