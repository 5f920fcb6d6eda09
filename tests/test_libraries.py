"""Tensors in the libraries around NumPy: they work out of the box, and gradients come through."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

A = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def x() -> Any:
    return xp.asarray(A, requires_grad=True)


@pytest.fixture
def t() -> Any:
    return xp.asarray(A)


def grad_of(x: Any, y: Any) -> Any:
    """Return the gradient of the sum of `y`."""
    x.grad = None
    y.sum().backward()
    return x.grad.numpy()


# einops


def test_einops(x: Any) -> None:
    einops = pytest.importorskip("einops")
    rows: list[tuple[Callable[[Any], Any], Any]] = [
        (lambda a: einops.rearrange(a, "a b -> b a"), A.T),
        (lambda a: einops.rearrange(a, "a (b c) -> c a b", b=3), A[None]),
        (lambda a: einops.reduce(a, "a b -> b", "mean"), A.mean(0)),
        (lambda a: einops.reduce(a, "a b -> a", "max"), A.max(1)),
        (lambda a: einops.reduce(a, "a b -> ", "sum"), A.sum()),
        (lambda a: einops.repeat(a, "a b -> a b c", c=2), np.stack([A, A], -1)),
        (lambda a: einops.einsum(a, a, "a b, c b -> a c"), A @ A.T),
        (lambda a: einops.rearrange([a, a], "n a b -> a n b"), np.stack([A, A], 1)),
        (lambda a: einops.pack([a, a], "* b")[0], np.concatenate([A, A])),
    ]
    for call, expected in rows:
        found = call(x)
        assert isinstance(found, xp.Tensor) and found.requires_grad
        np.testing.assert_allclose(found.detach(), expected)
    np.testing.assert_allclose(grad_of(x, einops.reduce(x, "a b -> b", "mean")), 0.5 + 0 * A)
    assert einops.parse_shape(x, "a b") == {"a": 2, "b": 3}


@pytest.mark.parametrize("order", ["tensorxp, einops", "einops, tensorxp"])
def test_einops_in_either_order_of_import(order: str) -> None:
    pytest.importorskip("einops")
    code = (
        f"import {order}, gc, sys; gc.collect(); "
        "assert einops.rearrange(tensorxp.ones((2, 3)), 'a b -> b a').shape == (3, 2)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_brings_in_no_library() -> None:
    code = (
        "import sys, tensorxp; "
        "found = {'einops', 'scipy', 'torch', 'pandas', 'xarray', 'cupy'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# opt_einsum, xarray, pandas


def test_opt_einsum(x: Any) -> None:
    opt_einsum = pytest.importorskip("opt_einsum")
    found = opt_einsum.contract("ab,cb,cd->ad", x, x, x)
    np.testing.assert_allclose(found.detach(), A @ A.T @ A)
    assert xp.autograd.gradcheck(lambda a: opt_einsum.contract("ab,cb,cd->ad", a, a, a), (x,))
    for subscripts in ("ab,cb->ac", "ab->ba", "ab->", "ab,ab->a"):
        operands = (x,) * (1 + subscripts.count(","))
        found = opt_einsum.contract(subscripts, *operands)
        expected = np.einsum(subscripts, *(A,) * len(operands))
        np.testing.assert_allclose(found.detach(), expected)
        assert found.requires_grad


def test_xarray(x: Any) -> None:
    xarray = pytest.importorskip("xarray")
    data = xarray.DataArray(x, dims=("a", "b"), coords={"b": xp.asarray([1.0, 2.0, 3.0])})
    rows = [
        (data * 2 + 1, A * 2 + 1), (data.sum("a"), A.sum(0)), (data.mean("b"), A.mean(1)),
        (data.std("b"), A.std(1)), (data.var("b"), A.var(1)), (data.max(), A.max()),
        (data.isel(a=0), A[0]), (data.sel(b=2.0), A[:, 1]), (data.transpose("b", "a"), A.T),
        (np.sin(data), np.sin(A)), (xarray.concat([data, data], "a"), np.concatenate([A, A])),
        (data.where(data > 2, 0.0), np.where(A > 2, A, 0)),
        (xarray.dot(data, data, dim="a"), (A * A).sum(0)), (data.cumsum("b"), A.cumsum(1)),
        (data + data.isel(a=0), A + A[0]), (xarray.Dataset({"v": data}).v, A),
    ]  # fmt: skip
    for found, expected in rows:
        assert isinstance(found.data, xp.Tensor) and found.data.requires_grad
        np.testing.assert_allclose(found.data.detach(), expected)
    np.testing.assert_allclose(grad_of(x, (data * data).mean("b").data), 2 * A / 3)
    assert "tensor(" in repr(data)
    assert isinstance(xp.asarray(A) + data, xarray.DataArray)


def test_pandas(t: Any, x: Any) -> None:
    pandas = pytest.importorskip("pandas")
    assert pandas.Series(t[0]).tolist() == [0.0, 1.0, 2.0]
    frame = pandas.DataFrame(t, columns=["a", "b", "c"])
    assert frame.shape == (2, 3) and frame["c"].tolist() == [2.0, 5.0]
    assert pandas.DataFrame({"a": t[0], "b": t[1]})["b"].tolist() == [3.0, 4.0, 5.0]
    assert frame.assign(d=t[:, 0])["d"].tolist() == [0.0, 3.0]
    assert isinstance(pandas.Series([1.0, 2.0, 3.0]) + t[0], pandas.Series)
    assert isinstance(t[0] + pandas.Series([1.0, 2.0, 3.0]), pandas.Series)
    assert xp.asarray(frame["a"]).tolist() == [0.0, 3.0]
    assert xp.asarray(frame).shape == (2, 3)
    for refused in (lambda: pandas.Series(x[0]), lambda: pandas.DataFrame(x)):
        with pytest.raises(RuntimeError, match="requires grad"):
            refused()


# matplotlib


def test_matplotlib(t: Any, x: Any) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure()
    ax = figure.subplots()
    (line,) = ax.plot(t[0], t[1])
    np.testing.assert_array_equal(line.get_xdata(), A[0])
    ax.scatter(t[0], t[1], c=t[0], s=t[1])
    ax.bar(t[0], t[1])
    ax.hist(t[0])
    ax.errorbar(t[0], t[1], yerr=t[0])
    ax.fill_between(t[0], t[1], t[0])
    ax.axvline(t[0, 0])
    ax.set_xlim(t[0, 0], t[0, 2])
    ax.boxplot(t)
    for image in (ax.imshow, ax.contourf, ax.pcolormesh):
        image(t)
    figure.canvas.draw()
    with pytest.raises(RuntimeError, match="requires grad"):
        ax.plot(x[0], x[1])


# joblib, copies and pickles


def _double(a: Any) -> Any:
    return a * 2


def test_joblib(t: Any, x: Any, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    path = tmp_path / "tensors.joblib"
    joblib.dump({"t": t, "x": x}, path)
    loaded = joblib.load(path)
    np.testing.assert_array_equal(loaded["t"], A)
    assert loaded["x"].requires_grad and not loaded["t"].requires_grad
    assert joblib.hash(t) == joblib.hash(t.copy()) != joblib.hash(t + 1)
    assert joblib.hash(t) == joblib.hash(loaded["t"])
    cached = joblib.Memory(tmp_path / "cache", verbose=0).cache(_double)
    for _ in range(2):
        np.testing.assert_array_equal(cached(t), A * 2)
    results = joblib.Parallel(n_jobs=2, prefer="threads")(
        joblib.delayed(_double)(v) for v in (t, x)
    )
    assert results[1].requires_grad and not results[0].requires_grad


@dataclasses.dataclass
class Pair:
    first: Any
    second: Any


def test_dataclasses(x: Any) -> None:
    pair = Pair(x, x * 2)
    first, second = dataclasses.astuple(pair)
    np.testing.assert_array_equal(first.detach(), A)
    np.testing.assert_array_equal(second.detach(), A * 2)
    assert first is not x and second is not pair.second
    assert set(dataclasses.asdict(pair)) == {"first", "second"}
    assert dataclasses.replace(pair, second=1).first is x


def test_copy_and_pickle(x: Any) -> None:
    y = x * 2
    for tensor in (x, y, y[0], xp.asarray(3.0), xp.zeros((0, 2)), xp.asarray([True])):
        twins = copy.copy(tensor), copy.deepcopy(tensor), pickle.loads(pickle.dumps(tensor))
        for twin in twins:
            assert twin.dtype == tensor.dtype and twin.shape == tensor.shape
            np.testing.assert_array_equal(twin.detach(), tensor.detach())
        assert not np.shares_memory(twins[1].detach().numpy(), tensor.detach().numpy())
    a, b = copy.deepcopy([x, x])
    assert a is b and a.requires_grad and not a.is_leaf
    view = copy.deepcopy({"x": x, "n": 1})
    assert view["n"] == 1 and view["x"].requires_grad
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(x, protocol)).requires_grad


# numpy.testing


def test_numpy_testing(t: Any) -> None:
    np.testing.assert_allclose(t, A)
    np.testing.assert_allclose(A, t)
    np.testing.assert_array_equal(t, A)
    np.testing.assert_equal(t, A)
    np.testing.assert_almost_equal(t, A)
    np.testing.assert_array_less(t, A + 1)
    np.testing.assert_array_almost_equal_nulp(t, A)
    for wrong in (np.testing.assert_allclose, np.testing.assert_equal):
        with pytest.raises(AssertionError):
            wrong(t, A + 1)
    with pytest.raises(AssertionError):
        np.testing.assert_array_less(t, A)
