"""The graphs that we give to cuDNN, checked by its own front end as far as that goes without a GPU.

The front end describes and validates each graph; plans, which need a device, are left out.
"""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tensorxp._backend import cudnn as ours
from tensorxp._ops import columns as col

given: list[dict[str, tuple[list[int], list[int]]]] = []


@pytest.fixture
def xp(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a namespace whose arrays are NumPy's, with the real front end before no device."""
    front = ours._module()
    if front is None:
        pytest.skip("nvidia-cudnn-frontend and cuDNN are not installed")

    class Graph(front.pygraph):  # type: ignore[misc, name-defined]
        def __init__(self, **options: Any) -> None:
            assert options.pop("handle") == "handle"
            super().__init__(**options)

        def _backend_handle_for_lowering(self, options: Any) -> Any:
            return None  # the real one asks the driver

        def execute(self, pack: Any, workspace: Any, handle: Any = None) -> None:
            given.append({t.name: (list(t.dim), list(t.stride)) for t in pack})
            for tensor, array in pack.items():
                assert tuple(tensor.dim) == array.shape

    for name in ("build_operation_graph", "create_execution_plans", "check_support",
                 "build_plans", "deselect_numeric_notes"):  # fmt: skip
        assert hasattr(front.pygraph, name)
        monkeypatch.setattr(Graph, name, lambda *args: None)
    monkeypatch.setattr(Graph, "get_workspace_size", lambda self: 16)
    names = ("data_type", "heur_mode", "numerical_note", "cudnnGraphNotSupportedError")
    module = SimpleNamespace(
        **{name: getattr(front, name) for name in names}, pygraph=Graph,
        create_handle=lambda: "handle", set_stream=lambda handle, stream: None,
    )  # fmt: skip
    monkeypatch.setattr(ours, "_module", lambda: module)
    monkeypatch.setattr(ours, "_local", ours._PerThread())
    cuda = SimpleNamespace(
        Device=lambda: SimpleNamespace(id=0), get_current_stream=lambda: SimpleNamespace(ptr=0)
    )
    return SimpleNamespace(
        base=SimpleNamespace(
            __name__="cupy", cuda=cuda, empty=np.zeros, ascontiguousarray=np.ascontiguousarray
        )
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolution(axes: int, dtype: str, xp: Any) -> None:
    x, w = np.ones((2, 4, *(9,) * axes), dtype), np.ones((6, 2, *(3,) * axes), dtype)
    g = col.Geometry(x.shape, w.shape, (2,) * axes, ((1, 2),) * axes, (1,) * axes, 2)
    y = ours.convolve(xp, x, w, np.ones(6, dtype), g)
    assert y is not None and y.shape == (2, 6, *g.out) and y.dtype == dtype
    assert ours.spread(xp, y, w, g).shape == x.shape
    assert ours.weigh(xp, x, y, g).shape == w.shape
    built = len(ours._local.graphs)
    ours.convolve(xp, x + 1, w, None, g)
    assert len(ours._local.graphs) == built == 3


def test_attention(xp: Any) -> None:
    q, k, v = (np.ones((2, 3, n, e), "float16") for n, e in ((16, 32), (24, 32), (24, 64)))
    out, stats = ours.attention(xp, q, k, v, True, 0.3)
    assert out.shape == (2, 3, 16, 64) and out.dtype == "float16"
    assert stats.shape == (2, 3, 16, 1) and stats.dtype == "float32"
    found = ours.attention_backward(xp, out, q, k, v, out, stats, True, 0.3)
    assert [a.shape for a in found] == [q.shape, k.shape, v.shape]


def test_what_is_left_to_our_own_kernels(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.ones((1, 1, 4, 4), "complex64"), np.ones((1, 1, 2, 2), "complex64")
    g = col.Geometry(x.shape, w.shape, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert ours.convolve(xp, x, w, None, g) is None
    x, w = x.real.copy(), w.real.copy()
    assert ours.convolve(xp, x, w.astype("float64"), None, g) is None
    assert ours.convolve(xp, x[:0], w, None, g) is None
    q = np.ones((1, 1, 4, 12), "float16")
    assert ours.attention(xp, q, q, q, False, 1.0) is None
    monkeypatch.setenv("TENSORXP_CUDNN", "0")
    assert ours.convolve(xp, x, w, None, g) is None


def test_an_unsupported_graph_is_tried_once(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    error = ours._module().cudnnGraphNotSupportedError
    tried: list[int] = []

    def refuse(*args: Any) -> None:
        tried.append(1)
        raise error("no engine")

    monkeypatch.setattr(ours, "_Graph", refuse)
    x, w = np.ones((1, 1, 4, 4), "float32"), np.ones((1, 1, 2, 2), "float32")
    g = col.Geometry(x.shape, w.shape, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert ours.convolve(xp, x, w, None, g) is None
    assert ours.convolve(xp, x, w, None, g) is None
    assert tried == [1]


def test_a_library_that_does_not_start(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("cudnnHandle Create failed")

    monkeypatch.setattr(ours._module(), "create_handle", fail)
    x, w = np.ones((1, 1, 4, 4), "float32"), np.ones((1, 1, 2, 2), "float32")
    g = col.Geometry(x.shape, w.shape, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    with pytest.warns(UserWarning, match="cuDNN cannot be used on cuda:0"):
        assert ours.convolve(xp, x, w, None, g) is None
    assert ours.convolve(xp, x, w, None, g) is None


def test_the_front_end_is_looked_for_once() -> None:
    assert import_module("tensorxp._backend.cudnn")._module.cache_info().currsize <= 1
