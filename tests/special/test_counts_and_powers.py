"""Powers, exponential integrals and distributions of counts: values and derivatives."""

from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import tensorxp as xp
from tensorxp.autograd.testing import integers, nonzero, normal, uniform
from tests.harness import Row, table

POSITIVE, UNIT = uniform(0.5, 4, 3, 2), uniform(0.1, 0.9, 3, 2)
COUNTS, TRIALS = integers(1, 4, 3, 2), integers(5, 9, 3, 2)
DEGREES = uniform(1.5, 5, 3, 2)


def row(name: str, *inputs: Any, **options: Any) -> Row:
    """Return the row of a function that SciPy has under the same name."""
    return Row(name, getattr(xp.special, name), inputs, getattr(sp, name), **options)


def last(name: str, *inputs: Any, **options: Any) -> Row:
    """Return the row of a function of its last argument; the others are fixed real numbers."""
    fixed = [sampler(np.random.default_rng(k)) for k, sampler in enumerate(inputs[:-1])]

    def ours(x: Any) -> Any:
        return getattr(xp.special, name)(
            *[xp.asarray(a, dtype=x.dtype, device=x.device) for a in fixed], x
        )

    def theirs(x: Any) -> Any:
        return getattr(sp, name)(*[a.astype(x.dtype) for a in fixed], x)

    return Row(name, ours, inputs[-1:], theirs, **options)


ROWS = [
    row("exp10", normal(3, 2)), row("exprel", nonzero(3, 2)),
    row("boxcox", POSITIVE, nonzero(3, 2)),
    row("boxcox1p", POSITIVE, nonzero(3, 2)), row("inv_boxcox", POSITIVE, UNIT),
    row("inv_boxcox1p", POSITIVE, UNIT),
    row("sindg", normal(3, 2)), row("cosdg", normal(3, 2)),
    row("tandg", normal(3, 2)), row("cotdg", nonzero(3, 2)),
    row("radian", POSITIVE, POSITIVE, POSITIVE), row("exp1", POSITIVE), row("expi", POSITIVE),
    row("spence", POSITIVE), row("ellipk", UNIT), row("ellipkm1", UNIT), row("ellipe", UNIT),
    row("rgamma", POSITIVE), row("binom", uniform(4, 6, 3, 2), POSITIVE),
    row("expn", integers(1, 5, 3, 2), POSITIVE, float32=False),
    row("yn", integers(1, 5, 3, 2), uniform(2, 5, 3, 2), float32=False),
    row("lpmv", integers(0, 3, 3, 2), integers(4, 7, 3, 2), UNIT, float32=False),
    row("gdtr", POSITIVE, POSITIVE, POSITIVE, order2=False),
    row("gdtrc", POSITIVE, POSITIVE, POSITIVE, order2=False),
    last("fdtr", DEGREES, DEGREES, POSITIVE), last("fdtrc", DEGREES, DEGREES, POSITIVE),
    last("fdtri", DEGREES, DEGREES, UNIT), last("chdtri", DEGREES, UNIT),
    row("pdtr", COUNTS, POSITIVE, float32=False), row("pdtrc", COUNTS, POSITIVE, float32=False),
    row("pdtri", COUNTS, UNIT, float32=False), row("bdtr", COUNTS, TRIALS, UNIT, float32=False),
    row("bdtrc", COUNTS, TRIALS, UNIT, float32=False),
    row("bdtri", COUNTS, TRIALS, UNIT, float32=False),
    row("nbdtr", COUNTS, TRIALS, UNIT, float32=False),
    row("nbdtrc", COUNTS, TRIALS, UNIT, float32=False),
    row("nbdtri", COUNTS, TRIALS, UNIT, float32=False),
]  # fmt: skip


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize(
    "name, x, slopes",
    [
        ("exprel", 0.0, [1 / 2, 1 / 3, 1 / 4]),
        ("spence", 1.0, [-1.0, 1 / 2, -2 / 3]),
        ("ellipk", 0.0, [np.pi / 8, 9 * np.pi / 64]),
        ("rgamma", -2.0, [2.0]),
        ("rgamma", 0.0, [1.0]),
    ],
)
def test_derivatives_where_quotients_are_0_over_0(name, x, slopes):
    x = xp.tensor(x, requires_grad=True)
    found = getattr(xp.special, name)(x)
    for slope in slopes:
        (found,) = xp.autograd.grad(found, x, create_graph=True)
        np.testing.assert_allclose(float(found), slope, rtol=1e-12)


def test_boxcox_of_power_0():
    x, lmbda = xp.tensor(2.0, requires_grad=True), xp.tensor(0.0, requires_grad=True)
    gx, gl = xp.autograd.grad(xp.special.boxcox(x, lmbda), [x, lmbda])
    np.testing.assert_allclose([float(gx), float(gl)], [1 / 2, np.log(2) ** 2 / 2], rtol=1e-14)


def test_what_is_constant_or_unknown():
    x = xp.tensor([-0.5, 0.5], requires_grad=True)
    assert not xp.special.gammasgn(x).requires_grad
    k = xp.tensor(1.5, requires_grad=True)
    assert not xp.special.pdtr(k, 2.0).requires_grad or xp.autograd.grad(
        xp.special.pdtr(k, 2.0), k, materialize_grads=True
    ) == (0.0,)
    d = xp.tensor(3.0, requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"dfn\.detach"):
        xp.special.fdtr(d, 2.0, 1.0).backward()
