"""`einsum`: subscripts of every kind by table; views, lists of ints and errors by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

CASES = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba", (2, 3)),
    ("ij->ji", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iii->i", (3, 3, 3)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("ij,kl->il", (2, 3), (4, 2)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (2, 3, 2)),
    ("...ij,jk", (5, 2, 3), (3, 2)),
    ("...i->...", (4, 2, 3)),
    ("i...,i...->...", (3, 2), (3, 2)),
    ("...,...", (2, 3), ()),
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j", (2,), (2, 3), (3,)),
    ("i,j,k,ijk->", (2,), (3,), (2,), (2, 3, 2)),
    (" i j , j -> i ", (2, 3), (3,)),
    (",ij->ij", (), (2, 3)),
]


ROWS = [
    Row(
        f"einsum {subscripts}",
        lambda *xs, s=subscripts: xp.einsum(s, *xs),
        tuple(normal(*shape) for shape in shapes),
        lambda *xs, s=subscripts: np.einsum(s, *xs),
        torch=lambda *xs, s=subscripts: pytest.importorskip("torch").einsum(s, *xs),
        complex=() not in shapes,
        rtol=1e-11,
    )
    for subscripts, *shapes in CASES
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("optimize", [None, True, False, "greedy", "optimal"])
def test_orders_of_contraction_agree(optimize):
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((20, 30)), rng.standard_normal((30, 25)), rng.standard_normal(25)
    xs = [xp.asarray(v).requires_grad_() for v in (a, b, c)]
    out = xp.einsum("ij,jk,k->i", *xs, optimize=optimize)
    np.testing.assert_allclose(out.detach().numpy(), a @ b @ c)
    xp.sum(out).backward()
    np.testing.assert_allclose(xs[1].grad.numpy(), np.outer(a.sum(0), c))


def test_no_result_is_a_view():
    x = xp.zeros((2, 2))
    for subscripts in ("ii->i", "ij->ji", "ij"):
        out = xp.einsum(subscripts, x)
        out[0] = 5
        assert not bool(xp.any(x))


def test_lists_of_integers():
    a, b = np.ones((2, 3)), np.arange(12.0).reshape(3, 4)
    x1, x2 = xp.asarray(a), xp.asarray(b)
    np.testing.assert_array_equal(xp.einsum(x1, [0, 7], x2, [7, 2], [2, 0]).numpy(), (a @ b).T)
    np.testing.assert_array_equal(xp.einsum(x1, [0, 7], x2, [7, 2]).numpy()[0], (a @ b)[0])
    np.testing.assert_array_equal(xp.einsum(x1, [..., 1], x2, [1, 2], [..., 2]).numpy(), a @ b)


@pytest.mark.parametrize(
    "subscripts, message",
    [
        ("ij,jk", "2 terms for 1 operands"),
        ("ijk", "3 letters for 2 axes"),
        ("ijk...", "more letters"),
        ("i1", "allowed are letters"),
        ("ij->ii", "repeats a letter"),
        ("ij->k", "one of no operand"),
        ("...ij->ij...k", "one of no operand"),
        ("i..j", "allowed are letters"),
    ],
)
def test_bad_subscripts(subscripts, message):
    with pytest.raises(ValueError, match=f"einsum: .*{message}"):
        xp.einsum(subscripts, xp.ones((2, 3)))


def test_bad_operands():
    with pytest.raises(ValueError, match="einsum"):
        xp.einsum("ij,jk", xp.ones((2, 3)), xp.ones((2, 3)))
    with pytest.raises(TypeError, match=r"einsum: operands\[1\]"):
        xp.einsum("ij,jk", xp.ones((2, 3)), 3.0)
    with pytest.raises(ValueError, match="not behind"):
        xp.einsum("...i->i", xp.ones((2, 3)))
