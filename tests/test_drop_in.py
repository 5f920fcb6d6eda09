"""What the libraries' own array API tests ask for beyond the standard, one test for each."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp

A = np.asarray([1.0, 2.0, 4.0])


def test_tolerances_of_isclose_may_be_tensors() -> None:
    x, y = xp.asarray(A), xp.asarray(A + 0.1)
    atol = xp.asarray([0.2, 0.0, 0.2])
    expected = np.isclose(A, A + 0.1, atol=[0.2, 0.0, 0.2], rtol=0)
    np.testing.assert_array_equal(xp.isclose(x, y, atol=atol, rtol=0), expected)
    np.testing.assert_array_equal(np.isclose(A, A + 0.1, atol=atol, rtol=0), expected)
    assert xp.allclose(x, y, atol=0, rtol=xp.asarray(0.2))
    np.testing.assert_allclose(A, A + 0.1, atol=xp.asarray(0.2))


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_diag(k: int) -> None:
    x = xp.asarray(A, requires_grad=True)
    matrix = xp.diag(x, k)
    np.testing.assert_array_equal(matrix.detach(), np.diag(A, k))
    np.testing.assert_array_equal(xp.diag(matrix, k).detach(), A)
    assert xp.autograd.gradgradcheck(lambda x: xp.diag(x, k) ** 2, (x,))
    assert xp.autograd.gradcheck(lambda x: xp.diag(xp.diag(x, k) @ xp.diag(x, k), k), (x,))


def test_diag_of_a_matrix_is_a_copy() -> None:
    x = xp.zeros((2, 3))
    xp.diag(x)[...] = 1.0
    np.testing.assert_array_equal(x, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"diag: x has shape \(1, 1, 1\)"):
        xp.diag(xp.zeros((1, 1, 1)))


@pytest.mark.parametrize("x", [A.astype(np.float32), A, 1.5])
def test_orders_of_polygamma_promote_with_its_argument(x: Any) -> None:
    special = pytest.importorskip("scipy.special")
    order = np.asarray([0, 1, 3])
    argument = xp.asarray(x) if isinstance(x, np.ndarray) else x
    found = xp.special.polygamma(xp.asarray(order), argument)
    assert found.dtype == xp.float64
    np.testing.assert_allclose(found, special.polygamma(order, x), rtol=1e-6)


def test_asarray_of_text_says_unsupported() -> None:
    with pytest.raises(TypeError, match="asarray: Unsupported type str"):
        xp.asarray("a duck")


def test_lstsq_takes_the_name_rcond() -> None:
    a, b = np.asarray([[1.0, 2.0], [2.0, 4.0], [0.0, 1e-9]]), A
    x, y = xp.asarray(a), xp.asarray(b)
    expected = np.linalg.lstsq(a, b, rcond=1e-6)
    found = xp.linalg.lstsq(x, y, rcond=1e-6)
    np.testing.assert_allclose(found.solution, expected[0])
    assert int(found.rank) == expected[2] == 1
    np.testing.assert_allclose(xp.linalg.lstsq(x, y, 1e-6)[0], expected[0])
    with pytest.raises(TypeError, match="rcond and rtol"):
        xp.linalg.lstsq(x, y, rcond=1e-6, rtol=1e-6)


def test_errors_on_axes_use_numpys_words() -> None:
    with pytest.raises(IndexError, match=r"axis 10 is out of bounds for array of dimension 1"):
        xp.moveaxis(xp.asarray(A), 10, -1)
