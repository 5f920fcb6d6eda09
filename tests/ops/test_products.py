"""Products: every case of dimensions by table; accumulation over leading axes, errors by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((2, 3), (5, 1, 3, 4)),
    ((2, 0), (0, 3)),
    ((5, 2, 0), (0, 3)),
]

ROWS = [
    *(
        Row(f"matmul {a} {b}", xp.matmul, (normal(*a), normal(*b)), np.matmul, "matmul", True)
        for a, b in SHAPES
    ),
    *(
        Row(
            f"tensordot {axes}",
            lambda x1, x2, a=axes: xp.tensordot(x1, x2, axes=a),
            (normal(2, 3, 4), normal(*shape)),
            lambda x1, x2, a=axes: np.tensordot(x1, x2, axes=a),
            torch=lambda x1, x2, a=axes: torch_tensordot(x1, x2, a),
            complex=True,
        )
        for axes, shape in [
            (0, (2, 2)),
            (1, (4, 2)),
            (2, (3, 4, 5)),
            (((2, 0), (0, 1)), (4, 2, 3)),
            (((0, 2), (2, 0)), (4, 5, 2)),
            (((-1, 1), (-2, -1)), (5, 4, 3)),
            (((), ()), (2,)),
            (((0, 1, 2), (2, 0, 1)), (3, 4, 2)),
        ]
    ),
    *(
        Row(
            f"vecdot {axis} {a} {b}",
            lambda x1, x2, i=axis: xp.vecdot(x1, x2, axis=i),
            (normal(*a), normal(*b)),
            lambda x1, x2, i=axis: np.vecdot(x1, x2, axis=i),
            torch=(lambda x1, x2, i=axis: torch_vecdot(x1, x2, i)) if torch else None,
            complex=True,
        )
        for axis, a, b, torch in [
            (-1, (3,), (3,), True),
            (-1, (2, 3), (4, 2, 3), True),
            (-2, (3, 1), (3, 4), True),
            (0, (3, 4), (3, 4), True),
            (-1, (4, 1, 3), (2, 3), True),
        ]
    ),
    Row("outer", xp.outer, (normal(3), normal(2)), np.outer, torch="outer", complex=True),
    Row("outer flattened", xp.outer, (normal(3, 2), normal()), np.outer),
    *(
        Row(f"dot {a} {b}", xp.dot, (normal(*a), normal(*b)), np.dot, complex=a != () != b)
        for a, b in [((3,), (3,)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((2, 3), (4, 3, 2))]
    ),
    Row("dot scalar", xp.dot, (normal(), normal(3)), np.dot),
    *(
        Row(f"inner {a} {b}", xp.inner, (normal(*a), normal(*b)), np.inner, complex=True)
        for a, b in [((3,), (3,)), ((2, 3), (4, 3)), ((2, 4, 3), (5, 3))]
    ),
    *(
        Row(f"kron {a} {b}", xp.kron, (normal(*a), normal(*b)), np.kron, "kron", True)
        for a, b in [((3,), (2,)), ((2, 3), (4, 2)), ((2,), (3, 2, 2)), ((2, 1, 3), (4,))]
    ),
]


def torch_tensordot(x1, x2, axes):
    """Return PyTorch's tensordot, which calls its axes dims."""
    torch = pytest.importorskip("torch")
    return torch.tensordot(x1, x2, dims=axes)


def torch_vecdot(x1, x2, axis):
    """Return PyTorch's vecdot."""
    return pytest.importorskip("torch").linalg.vecdot(x1, x2, dim=axis)


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_real_and_complex_operands_mix():
    x1 = xp.asarray([[1.0, 2.0]]).requires_grad_()
    x2 = xp.asarray([[1 + 1j], [2 - 1j]]).requires_grad_()
    xp.real(xp.sum(x1 @ x2)).backward()
    assert x1.grad.dtype == xp.float64 and x1.grad.numpy().tolist() == [[1.0, 2.0]]
    assert x2.grad.dtype == xp.complex128


def test_integers():
    a, b = np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2)
    x1, x2 = xp.asarray(a), xp.asarray(b)
    np.testing.assert_array_equal((x1 @ x2).numpy(), a @ b)
    np.testing.assert_array_equal(xp.tensordot(x1, x2, axes=1).numpy(), a @ b)
    assert (x1 @ x2).dtype == xp.int64


def test_the_result_of_a_batch_that_is_no_block_of_memory():
    a = np.random.default_rng(0).standard_normal((4, 3, 5))
    x, w = xp.asarray(a), xp.asarray(np.ones((4, 2)))
    np.testing.assert_allclose(
        (xp.permute_dims(x, (1, 2, 0)) @ w).numpy(), a.transpose(1, 2, 0) @ np.ones((4, 2))
    )


def test_errors():
    x = xp.ones((2, 3))
    with pytest.raises(ValueError, match="matmul"):
        xp.matmul(x, x)
    with pytest.raises(ValueError, match="matmul"):
        xp.matmul(x, xp.asarray(1.0))
    with pytest.raises(TypeError, match="matmul"):
        xp.matmul(x, [1.0])
    with pytest.raises(ValueError, match="tensordot: axes"):
        xp.tensordot(x, x, axes=1)
    with pytest.raises(ValueError, match="tensordot: axes is 3"):
        xp.tensordot(x, x, axes=3)
    with pytest.raises(ValueError, match="they must be equal"):
        xp.tensordot(x, x, axes=((0, 1), (0,)))
    with pytest.raises(ValueError, match="vecdot: x1 has size 3"):
        xp.vecdot(x, xp.ones((2, 1)))
    with pytest.raises(ValueError, match="vecdot: axis is 0"):
        xp.vecdot(x, xp.ones(2), axis=0)
    with pytest.raises(TypeError, match="vecdot: x2"):
        xp.vecdot(x, 3.0)
