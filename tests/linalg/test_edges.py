"""Edges of linear algebra: matrices that are not finite, singular ones, powers of zero."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.linalg import LinAlgError

#: What LAPACK finds by iteration, which may never end for infinities.
ITERATIVE = {
    "svd": xp.linalg.svd,
    "svdvals": xp.linalg.svdvals,
    "pinv": xp.linalg.pinv,
    "matrix_rank": xp.linalg.matrix_rank,
    "matrix_norm nuc": lambda x: xp.linalg.matrix_norm(x, ord="nuc"),
    "matrix_norm 2": lambda x: xp.linalg.matrix_norm(x, ord=2),
    "matrix_norm -2": lambda x: xp.linalg.matrix_norm(x, ord=-2),
    "norm 2": lambda x: xp.linalg.norm(x, 2, axis=(-2, -1)),
    "cond": xp.linalg.cond,
    "cond -2": lambda x: xp.linalg.cond(x, -2),
    "lstsq": lambda x: xp.linalg.lstsq(x, xp.ones(x.shape[-1])),
    "eig": xp.linalg.eig,
    "eigvals": xp.linalg.eigvals,
    "eigh": xp.linalg.eigh,
    "eigvalsh": xp.linalg.eigvalsh,
    "adjugate": xp.linalg.adjugate,
    "numpy.linalg.svd": np.linalg.svd,
    "numpy.linalg.pinv": np.linalg.pinv,
    "numpy.linalg.eigvals": np.linalg.eigvals,
}


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", ITERATIVE)
def test_what_is_not_finite_raises_at_once(name, recorded):
    for bad in (np.inf, -np.inf, np.nan, complex(0, np.inf), complex(np.nan, 1)):
        for n in (1, 2, 5, 40):
            a = np.diag(np.arange(1.0, n + 1)).astype(type(bad))
            a[-1, 0] = bad
            for dtype in ("complex64", "complex128") if isinstance(bad, complex) else ("f4", "f8"):
                x = xp.asarray(a.astype(dtype), requires_grad=recorded)
                with pytest.raises(LinAlgError, match="infinite or NaN elements; allowed"):
                    ITERATIVE[name](x)


@pytest.mark.parametrize("name", ITERATIVE)
def test_the_matrix_that_is_not_finite_is_named(name):
    batch = xp.broadcast_to(xp.eye(3), (2, 4, 3, 3)).copy()
    batch[1, 2, 1, 0] = float("nan")
    with pytest.raises(LinAlgError, match=r"in the matrix at \[1, 2\] of the stack"):
        ITERATIVE[name](batch)


def test_only_the_triangle_that_is_read_must_be_finite():
    x = xp.asarray([[2.0, float("inf")], [0.0, 3.0]])
    assert xp.linalg.eigvalsh(x).tolist() == [2.0, 3.0]
    assert xp.linalg.eigh(x).eigenvalues.tolist() == [2.0, 3.0]


def test_what_is_not_finite_stays_in_its_matrix():
    x = xp.stack([xp.eye(2), xp.asarray([[float("inf"), 0.0], [0.0, 1.0]])])
    with np.errstate(invalid="ignore"):
        for function in (xp.linalg.expm, xp.linalg.det, xp.linalg.inv):
            alone, both = function(x[0]), function(x)
            np.testing.assert_array_equal(both[0].numpy(), alone.numpy())


@pytest.mark.parametrize("p", [None, "fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")])
def test_condition_numbers_are_those_of_numpy(p):
    regular = [[2.0, 1.0], [0.5, 3.0]]
    for rows in (regular, [[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[1, 1], [1, 1]]):
        singular = p == "nuc" and rows != regular  # NumPy looks for the singular values of NaN
        expected = np.inf if singular else np.linalg.cond(np.array(rows), p)
        found = xp.linalg.cond(xp.asarray(rows), p)
        assert found.dtype == np.float64
        if p in (1, float("inf"), None) and rows == [[1, 1], [1, 1]]:
            assert float(found) > 1e15
        else:
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
    batch = xp.asarray([regular, [[1.0, 0.0], [0.0, 0.0]]], requires_grad=True)
    found = xp.linalg.cond(batch, p)
    if p != "nuc":
        np.testing.assert_allclose(
            found.detach().numpy(), np.linalg.cond(batch.detach().numpy(), p)
        )
    found[0].backward()
    alone = xp.asarray(regular, requires_grad=True)
    xp.linalg.cond(alone, p).backward()
    np.testing.assert_allclose(batch.grad[0].numpy(), alone.grad.numpy(), rtol=1e-14)
    assert not bool(xp.any(batch.grad[1]))


def test_condition_of_ones_by_the_largest_sum_is_infinite():
    assert float(xp.linalg.cond(xp.ones((2, 2)), 1)) == float("inf")
    with pytest.raises(LinAlgError, match="cond: x has shape"):
        xp.linalg.cond(xp.ones((0, 0)))


def test_power_0_has_a_gradient_of_zeros():
    x = xp.asarray([[1.0, float("inf")], [3.0, 4.0]], requires_grad=True)
    y = xp.linalg.matrix_power(x, 0)
    assert y.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    xp.sum(y * 3).backward()
    assert x.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    out, tangent = xp.autograd.jvp(
        lambda x: xp.linalg.matrix_power(x, 0), x.detach(), xp.ones((2, 2))
    )
    assert out.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert not bool(xp.any(tangent))
    stacked = xp.linalg.matrix_power(xp.ones((3, 2, 2), dtype=xp.int8), 0)
    assert stacked.dtype == xp.int8
    assert stacked.shape == (3, 2, 2)
