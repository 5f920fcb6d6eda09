"""What the tests of `nn` share: the same call in PyTorch and here, outputs and gradients."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp


class Missing:
    """Stands for PyTorch where it is not installed: a test that asks it anything is skipped."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest")):  # what pytest looks for in everything it finds
            raise AttributeError(name)
        pytest.skip("PyTorch, the oracle of this test, is not installed")


try:
    import torch
except ImportError:
    torch = Missing()  # type: ignore[assignment]

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def to_torch(value: Any, dtype: str, grad: bool) -> Any:
    """Return a NumPy array as a PyTorch tensor, floats in `dtype`; other values as they are."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "f":
        return torch.tensor(value.astype(dtype), requires_grad=grad)
    return torch.tensor(value)


def to_ours(value: Any, dtype: str, grad: bool) -> Any:
    """Return a NumPy array as a Tensor, floats in `dtype`; other values as they are."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "f":
        return xp.asarray(value.astype(dtype)).requires_grad_(grad)
    return xp.asarray(value)


def flat(out: Any) -> list[Any]:
    """Return the tensors of nested tuples."""
    if isinstance(out, tuple | list):
        return [x for item in out for x in flat(item)]
    return [] if out is None else [out]


def numbers(x: Any) -> np.ndarray:
    return x.detach().numpy()


def close(ours: Any, theirs: Any, precision: str, what: str) -> None:
    """Compare to 1e-5 (float32) or 1e-10 (float64) of the largest element, at least 1."""
    a, b = numbers(ours), numbers(theirs)
    assert a.shape == tuple(b.shape), f"{what}: shape {a.shape}, in PyTorch {tuple(b.shape)}"
    assert str(a.dtype) == str(b.dtype), f"{what}: dtype {a.dtype}, in PyTorch {b.dtype}"
    largest = max(1.0, float(np.nanmax(np.abs(np.where(np.isfinite(b), b, 0)), initial=0)))
    tolerance = TOLERANCE[precision]
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * largest, err_msg=what)


def loss_of(outs: list[Any], lib: Any) -> Any:
    """Return a scalar that depends on every element in another way."""
    total = None
    for out in outs:
        data = numbers(out)
        if data.dtype.kind != "f" or not out.requires_grad:
            continue
        weights = np.cos(np.arange(data.size).reshape(data.shape)).astype(data.dtype)
        w = lib.asarray(weights)
        part = (out * w).sum()
        total = part if total is None else total + part
    return total


def compare(
    ours: Any,
    theirs: Any,
    args: Any,
    kwargs: Any,
    dtype: str,
    grad: Any = None,
    precision: str | None = None,
) -> None:
    """Check outputs and the gradients of all float arrays among the arguments."""
    a = [to_ours(x, dtype, grad is None or i in grad) for i, x in enumerate(args)]
    b = [to_torch(x, dtype, grad is None or i in grad) for i, x in enumerate(args)]
    ka = {k: to_ours(v, dtype, False) for k, v in kwargs.items()}
    kb = {k: to_torch(v, dtype, False) for k, v in kwargs.items()}
    out_a, out_b = flat(ours(*a, **ka)), flat(theirs(*b, **kb))
    assert len(out_a) == len(out_b)
    for i, (x, y) in enumerate(zip(out_a, out_b, strict=True)):
        close(x, y, precision or dtype, f"output {i}")
    loss_a, loss_b = loss_of(out_a, xp), loss_of(out_b, torch)
    if loss_b is None:
        return
    loss_a.backward()
    loss_b.backward()
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if getattr(y, "grad", None) is not None:
            assert x.grad is not None, f"no gradient of argument {i}"
            close(x.grad, y.grad, precision or dtype, f"gradient of argument {i}")


def load(ours: Any, theirs: Any) -> None:
    """Give our module the weights of PyTorch's, after comparing the keys and shapes."""
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, value in ours.state_dict().items():
        assert value.shape == tuple(state[name].shape), name
        assert str(value.dtype) == str(state[name].dtype).removeprefix("torch."), name
    ours.load_state_dict(state)


def compare_modules(ours: Any, theirs: Any, args: Any, dtype: str, **kwargs: Any) -> None:
    """Check repr, state dict, outputs, and the gradients of inputs and parameters."""
    assert repr(ours) == repr(theirs)
    load(ours, theirs)
    kind = {"float32": (xp.float32, torch.float32), "float64": (xp.float64, torch.float64)}[dtype]
    ours.to(kind[0])
    theirs.to(kind[1])
    compare(ours, theirs, args, kwargs, dtype)
    named = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        expected = named[name].grad
        if expected is None:
            assert p.grad is None, name
        else:
            assert p.grad is not None, name
            close(p.grad, expected, dtype, f"gradient of {name}")
    for name, value in ours.named_buffers():
        theirs_value = dict(theirs.named_buffers())[name]
        close(value, theirs_value, dtype, f"buffer {name}")
