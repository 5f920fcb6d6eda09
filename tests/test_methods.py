"""Methods of a Tensor by example: NumPy's words, PyTorch's words, what is of its own."""

import copy
import json
import pickle

import numpy as np
import pytest

import tensorxp as xp

X = np.arange(6.0).reshape(2, 3)


def test_transpose_of_any_number_of_axes():
    for shape in ((), (3,), (2, 3), (1, 2, 3), (2, 0, 1, 3)):
        a = np.arange(float(np.prod(shape))).reshape(shape)
        x = xp.asarray(a, requires_grad=True)
        assert hasattr(x, "T") and x.T.shape == a.T.shape
        np.testing.assert_array_equal(x.detach().T.numpy(), a.T)
        weight = np.random.default_rng(0).random(a.T.shape)
        xp.sum(x.T * xp.asarray(weight)).backward()
        np.testing.assert_array_equal(x.grad.numpy(), weight.T)


def test_rounding_to_places_is_the_functions():
    a = np.array([-7999.6], dtype=np.float32)
    assert xp.asarray(a).round(-3).item() == -8000 == xp.round(xp.asarray(a), -3).item()
    x = xp.asarray([1.25, -0.375], requires_grad=True)
    xp.sum(x.round(1)).backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert xp.asarray([15, 25]).round(-1).dtype == xp.int64
    with pytest.raises(TypeError, match=r"round: decimals is 1\.5"):
        x.round(1.5)


def test_bounds_of_another_kind_promote():
    x = xp.asarray([0, 2, 3])
    assert x.clip(None, 1.5).tolist() == [0.0, 1.5, 1.5] == xp.clip(x, max=1.5).tolist()
    assert xp.clip(x, xp.asarray(0.5)).tolist() == [0.5, 2.0, 3.0]
    small = xp.asarray([1, 100], dtype=xp.int8)
    assert small.clip(xp.asarray(300)).tolist() == [127, 127]  # held within the dtype
    assert small.clip(None, 50).dtype == xp.int8
    assert xp.asarray([1.5], dtype=xp.float32).clip(2, None).dtype == xp.float32
    assert xp.asarray([True, False]).clip(1, 2).tolist() == [1, 1]
    with pytest.raises(TypeError, match="clip: max is a Tensor of dtype complex128"):
        x.clip(None, xp.asarray(1j))


def test_a_reduction_takes_numpys_arguments():
    x = xp.asarray(X)
    mask = np.array([True, False, True])
    assert x.sum(0, xp.float32).dtype == xp.float32
    assert x.sum(1, where=mask, initial=1.0).tolist() == X.sum(1, where=mask, initial=1.0).tolist()
    assert x.max(1, None, True).tolist() == X.max(1, None, True).tolist()
    out = xp.zeros(3)
    assert x.sum(0, out=out) is out and out.tolist() == X.sum(0).tolist()
    assert x.std(0, ddof=1, dtype=xp.float64).tolist() == X.std(0, ddof=1).tolist()


def test_a_reduction_takes_the_words_of_pytorch_where_they_mean_the_same():
    x = xp.asarray(X)
    assert x.sum(dim=1, keepdim=True).tolist() == X.sum(1, keepdims=True).tolist()
    assert x.argmax(dim=1).tolist() == [2, 2] and x.cumsum(dim=1)[1].tolist() == [3.0, 7.0, 12.0]
    assert x.std(dim=0, correction=1).tolist() == X.std(0, ddof=1).tolist()


def test_the_diagonal_of_a_matrix_is_a_copy():
    x = xp.asarray(X, copy=True)
    xp.diag(x)[...] = 9.0
    np.testing.assert_array_equal(x.numpy(), X)
    leaf = xp.asarray(X, requires_grad=True)
    xp.sum(xp.diag(leaf, 1)).backward()
    assert leaf.grad.tolist() == [[0, 1, 0], [0, 0, 1]]


def test_the_size_is_an_int():
    size = xp.asarray(X).size
    assert size == 6 and isinstance(size, int) and repr(size) == "6" and json.dumps(size) == "6"
    assert type(pickle.loads(pickle.dumps(size))) is int and type(copy.deepcopy(size)) is int
    assert xp.zeros(size).shape == (6,) and xp.arange(size)[size - 1].item() == 5
    assert type(xp.ones(2).numel()) is int and (xp.ones(2) * size).dtype == xp.float64


def test_shapes_of_others():
    x = xp.asarray(X)
    assert x.reshape_as(xp.ones((3, 2))).shape == (3, 2)
    assert x.T.reshape_as(x).tolist() == X.T.reshape(2, 3).tolist()  # a copy
    with pytest.raises(ValueError, match="view"):
        x.T.view_as(x)


def test_tensordot_takes_positional_axes():
    x = xp.asarray(X)
    for axes in (1, (0, 1), ([0], [1]), np.int64(1)):
        expected = np.tensordot(X.T, X, axes) if not isinstance(axes, tuple) else None
        found = xp.tensordot(x.T, x, axes) if expected is not None else None
        assert expected is None or found.tolist() == expected.tolist()
    assert xp.tensordot(x, x, (0, 0)).tolist() == np.tensordot(X, X, (0, 0)).tolist()


@pytest.mark.parametrize("name", ["uniform", "normal", "exponential"])
def test_draws_take_numpys_size(name):
    draw = getattr(xp.random, name)
    assert draw(size=(2, 3)).shape == (2, 3) and draw(size=4).shape == (4,)
    with pytest.raises(TypeError, match=f"{name}: shape and size"):
        draw(shape=2, size=2)


def test_other_draws_take_numpys_size():
    assert xp.random.gamma(2.0, size=3).shape == (3,)
    assert xp.random.beta(2.0, 1.0, size=3).shape == (3,)
    assert xp.random.poisson(xp.ones(()), size=(2,)).shape == (2,)
    assert xp.random.randint(0, 5, size=(2, 2)).shape == (2, 2)
    assert xp.random.choice(5, size=3).shape == (3,)
    with pytest.raises(TypeError, match=r"randint: low is 0\.5"):
        xp.random.randint(0.5, 3, (2,))
