"""Special functions of elements: values are SciPy's, derivatives those of differences."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import tensorxp as xp
from tensorxp._core.door import apply
from tensorxp.autograd.testing import integers, nonzero, normal, uniform
from tensorxp.special.bessel import ive_slope_p, kve_slope_p
from tensorxp.special.betas import polygamma_rise_p
from tensorxp.special.densities import beta_density_p, gamma_density_p
from tensorxp.special.gauss import bell_p, integral_p, inverse_bell_p
from tensorxp.special.incomplete import shape_slope_p
from tests.harness import Row, table

special = xp.special

POSITIVE, UNIT, INSIDE = uniform(0.5, 4, 3, 2), uniform(0.1, 0.9, 3, 2), uniform(-0.9, 0.9, 3, 2)


def row(name: str, *inputs: Any, torch: str | None = None, **options: Any) -> Row:
    """Return the row of a function that SciPy has under the same name."""
    theirs = f"special.{torch}" if torch else None
    fn, reference = getattr(special, name), getattr(sp, name)
    return Row(name, fn, inputs, reference, torch=theirs, **options)


def fixed(name: str, *parameters: Any, x: Any, **options: Any) -> Row:
    """Return the row of a function of `x`, its parameters given as Python numbers."""
    fn = partial(getattr(special, name), *parameters)

    def reference(x: Any) -> Any:  # SciPy computes float32 in float64 beside Python numbers
        return getattr(sp, name)(*[np.asarray(p, dtype=x.real.dtype) for p in parameters], x)

    return Row(f"{name}{parameters}", fn, (x,), reference, **options)


ERRORS = [
    row("erf", normal(3, 2), torch="erf"),
    row("erfc", normal(3, 2), torch="erfc"),
    row("erfcx", normal(3, 2), torch="erfcx"),
    row("erfinv", INSIDE, torch="erfinv"),
    row("erfcinv", uniform(0.1, 1.9, 3, 2)),
    row("ndtr", normal(3, 2), torch="ndtr"),
    row("ndtri", UNIT, torch="ndtri"),
    row("log_ndtr", normal(3, 2), torch="log_ndtr"),
]
LOGISTIC = [
    row("expit", normal(3, 2), torch="expit"),
    row("logit", UNIT, torch="logit"),
    row("log_expit", normal(3, 2)),
    row("softplus", normal(3, 2)),
    row("sinc", normal(3, 2), torch="sinc"),
    row("cosm1", normal(3, 2)),
    row("huber", POSITIVE, nonzero(3, 2)),
    row("pseudo_huber", POSITIVE, normal(3, 2)),
    row("expm1", normal(3, 2), torch="expm1"),
    row("log1p", UNIT, torch="log1p"),
    row("cbrt", POSITIVE),
    row("exp2", normal(3, 2), torch="exp2"),
]
ENTROPIES = [
    row("xlogy", normal(3, 2), POSITIVE, torch="xlogy"),
    row("xlog1py", normal(3, 1), UNIT, torch="xlog1py"),
    row("entr", POSITIVE, torch="entr"),
    row("rel_entr", POSITIVE, uniform(0.5, 4, 2)),
    row("kl_div", uniform(0.5, 4, 2), POSITIVE),
]
GAMMAS = [
    row("gamma", POSITIVE),
    row("gammaln", POSITIVE, torch="gammaln"),
    row("loggamma", POSITIVE),
    row("digamma", POSITIVE, torch="digamma"),
    row("psi", uniform(-0.9, -0.1, 3)),
    fixed("polygamma", 0, x=POSITIVE, torch=lambda x: _torch().polygamma(0, x)),
    fixed("polygamma", 1, x=POSITIVE, torch=lambda x: _torch().polygamma(1, x)),
    fixed("polygamma", 3, x=POSITIVE),
    row("polygamma", integers(0, 4, 2), POSITIVE, float32=False),
    Row(
        "multigammaln",
        lambda a: special.multigammaln(a + 1.5, 4),
        (POSITIVE,),
        lambda a: sp.multigammaln(a + 1.5, 4).astype(a.dtype),
        torch=lambda a: _torch().multigammaln(a + 1.5, 4),
    ),
    row("beta", POSITIVE, uniform(0.5, 4, 2)),
    row("betaln", POSITIVE, uniform(0.5, 4, 2)),
    row("poch", POSITIVE, uniform(0.5, 4, 2)),
    fixed("gammainc", 1.7, x=POSITIVE),
    fixed("gammaincc", 1.7, x=POSITIVE),
    fixed("gammaincinv", 1.7, x=UNIT),
    fixed("gammainccinv", 1.7, x=UNIT),
    fixed("betainc", 1.7, 2.4, x=UNIT),
    fixed("betaincc", 1.7, 2.4, x=UNIT),
    fixed("betaincinv", 1.7, 2.4, x=UNIT),
]
SHAPES = [
    row(name, POSITIVE, x, order2=False)
    for name, x in (
        ("gammainc", uniform(0.5, 4, 2)),
        ("gammaincc", uniform(0.5, 4, 2)),
        ("gammaincinv", UNIT),
        ("gammainccinv", UNIT),
        ("chdtr", uniform(0.5, 4, 2)),
        ("chdtrc", uniform(0.5, 4, 2)),
    )
] + [
    Row(
        "slope of gammainc",
        lambda x: apply(shape_slope_p, (xp.asarray(1.7, device=x.device), x), {}),
        (POSITIVE,),
        float32=False,
    )
]
DISTRIBUTIONS = [
    fixed("chdtr", 3.0, x=POSITIVE),
    fixed("chdtrc", 3.0, x=POSITIVE),
    fixed("stdtr", 3.5, x=normal(3, 2)),
    fixed("stdtrit", 3.5, x=UNIT),
    fixed("zeta", 2.5, x=POSITIVE),
    fixed("hyp0f1", 1.5, x=normal(3, 2), complex=True),
    fixed("hyp1f1", 1.5, 2.5, x=normal(3, 2), complex=True),
    fixed("hyp2f1", 0.5, 1.5, 2.5, x=uniform(-0.6, 0.6, 3, 2), complex=True),
]
BESSEL = [
    row("i0", normal(3, 2), torch="i0"),
    row("i0e", nonzero(3, 2), torch="i0e"),
    row("i1", normal(3, 2), torch="i1"),
    row("i1e", nonzero(3, 2), torch="i1e"),
    row("j0", normal(3, 2)),
    row("j1", normal(3, 2)),
    row("y0", POSITIVE),
    row("y1", POSITIVE),
    row("k0", POSITIVE),
    row("k0e", POSITIVE),
    row("k1", POSITIVE),
    row("k1e", POSITIVE),
    *[fixed(name, 1.5, x=POSITIVE, complex=True) for name in ("jv", "yv", "iv", "kv", "kve")],
    *[fixed(name, 2, x=POSITIVE) for name in ("jv", "yv", "iv", "kv", "kve", "ive")],
]


def inner(name: str, op: Any, *inputs: Any, **params: Any) -> Row:
    """Return the row of a primitive that stands in rules only; Python numbers are fixed inputs."""
    samplers = tuple([x for x in inputs if not isinstance(x, float)])

    def call(*xs: Any) -> Any:
        moving = iter(xs)
        given = [
            xp.asarray(x, dtype=xs[0].dtype, device=xs[0].device)
            if isinstance(x, float)
            else next(moving)
            for x in inputs
        ]
        return apply(op, tuple(given), params)

    return Row(f"{name} {params or ''}", call, samplers)


IN_RULES = [
    inner("bell", bell_p, normal(3, 2), factor=0.5),
    *[inner("integral of erfc", integral_p, normal(3, 2), order=n) for n in (1, 2)],
    inner("slope of ive", ive_slope_p, 1.0, nonzero(3, 2), order=1),
    inner("slope of kve", kve_slope_p, 1.5, POSITIVE, order=1),
    *[inner("rise of polygamma", polygamma_rise_p, POSITIVE, POSITIVE, n=n) for n in (0, 1)],
    inner("density of gamma", gamma_density_p, POSITIVE, POSITIVE),
    inner("density of beta", beta_density_p, POSITIVE, POSITIVE, UNIT, UNIT),
    # the tail is given beside x, and the derivative is that of exp(x²)
    Row(
        "inverse bell",
        lambda x: apply(inverse_bell_p, (x, special.erfc(xp.abs(x)).detach()), {}),
        (normal(3, 2),),
        lambda x: np.exp(x * x),
    ),
]
# PyTorch knows no complex special functions; digamma has no complex derivative here
COMPLEX = [
    *[
        row(name, normal(3, 2), complex=True)
        for name in ("erf", "erfc", "erfcx", "ndtr", "log_ndtr")
    ],
    row("xlogy", normal(3, 2), POSITIVE, complex=True),
    row("gamma", POSITIVE, complex=True, order2=False),
    row("loggamma", POSITIVE, complex=True, order2=False),
]
ROWS = [
    *ERRORS, *LOGISTIC, *ENTROPIES, *GAMMAS, *SHAPES, *DISTRIBUTIONS, *BESSEL, *COMPLEX, *IN_RULES,
]  # fmt: skip


def _torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed").special


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)
