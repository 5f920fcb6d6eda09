"""One matrix of a stack with NaN or infinity leaves the others' values and gradients alone.

What cannot be computed for it at all is an error that says which matrix it is.
"""

import numpy as np
import pytest

import tensorxp as xp

L = xp.linalg
RNG = np.random.default_rng(0)
SQUARE, TALL = RNG.normal(size=(3, 3, 3)), RNG.normal(size=(3, 4, 3))
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2) + 3 * np.eye(3)
RIGHT = xp.asarray(RNG.normal(size=(3, 3, 2)))
CALLS = {
    "cholesky": (L.cholesky, POSITIVE), "det": (L.det, SQUARE), "slogdet": (L.slogdet, SQUARE),
    "inv": (L.inv, SQUARE), "qr": (L.qr, TALL), "solve": (lambda a: L.solve(a, RIGHT), SQUARE),
    "matrix_norm": (L.matrix_norm, SQUARE), "1": (lambda a: L.matrix_norm(a, ord=1), SQUARE),
    "cond 1": (lambda a: L.cond(a, 1), SQUARE), "cond fro": (lambda a: L.cond(a, "fro"), SQUARE),
    "power": (lambda a: L.matrix_power(a, 3), SQUARE), "trace": (L.trace, SQUARE),
    "root": (lambda a: L.matrix_power(a, -2), SQUARE), "expm": (L.expm, SQUARE),
    "matmul": (lambda a: a @ RIGHT, SQUARE),
    "vector_norm": (lambda a: L.vector_norm(a, axis=-1), SQUARE),
    "vecdot": (lambda a: L.vecdot(a, a), SQUARE), "diagonal": (L.diagonal, SQUARE),
    "cross": (lambda a: L.cross(a, a[..., ::-1]), SQUARE),
}  # fmt: skip
RAISE = {
    "pinv": TALL, "svd": TALL, "svdvals": TALL, "eigh": POSITIVE, "eigvalsh": POSITIVE,
    "eig": SQUARE, "eigvals": SQUARE, "adjugate": SQUARE, "cond": SQUARE, "matrix_rank": SQUARE,
}  # fmt: skip


def run(function, a):
    x = xp.asarray(a.copy(), requires_grad=True)
    out = function(x)
    outs = out if isinstance(out, tuple) else (out,)
    weights = np.random.default_rng(1)
    sum(xp.sum(y * xp.asarray(weights.normal(size=y.shape))) for y in outs).backward()
    return [*(y.detach().numpy() for y in outs), x.grad.numpy()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("name", CALLS)
def test_the_others_stay_as_they_are(name, wrong):
    function, a = CALLS[name]
    spoilt = a.copy()
    spoilt[1, 0, 0] = wrong
    for right, found in zip(run(function, a), run(function, spoilt), strict=True):
        np.testing.assert_allclose(found[[0, 2]], right[[0, 2]], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("name", RAISE)
def test_errors_say_which_matrix(name, wrong):
    spoilt = RAISE[name].copy()
    spoilt[1, 0, 0] = wrong
    with pytest.raises(L.LinAlgError, match=r"matrix at \[1\] of the stack"):
        getattr(L, name)(xp.asarray(spoilt))
