"""The cases of `accuracy`: where each function is tried, and what error is allowed there."""

import math
from typing import Any

import numpy as np
import scipy.special as sp

import tensorxp as xp
from tests.accuracy import Bound, Case, Real, Whole

F = xp.nn.functional
PI = math.pi
MAX = 1.7976931348623157e308

ALL = Real()
POSITIVE = Real(0, near=(1.0,), mid=(0, 10))
MODERATE = Real(-1e3, 1e3, mid=(-5, 5))
#: Parameters of distributions.
SHAPE = Real(1e-3, 1e4, near=(1.0,), mid=(0.1, 20), least=-9)
WIDE = Real(0.3, 1e3, near=(1.0,), mid=(0.3, 20), least=-1)
UNIT = Real(0, 1, near=(0.5, 1.0), mid=(0, 1))
THIN = Real(0, 1, near=(0.5, 1.0), mid=(0, 1), least=-60)
INNER = Real(1e-9, 1 - 1e-6, near=(0.5,), mid=(0, 1), least=-29)
EXPONENT = Real(-745, 710, mid=(-40, 40))


def first(fn: Any, **options: Any) -> Any:
    return lambda x: fn(x, **options)


def constant(value: float) -> Any:
    return lambda *xs: value


def _log_binom(n: float, k: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def one(*xs: Any) -> Any:
    """The scale of a function with an irrational root, near which no library is exact."""
    return 1.0


def lower(*xs: Any) -> Any:
    """The terms that cancel at the minimum of silu, mish and gelu, which lies below 0."""
    x = xs[0]
    return np.where((x < 0) & (x > -40), (1 + np.abs(x)) * np.exp(np.minimum(x, 0)), 0.0)


def wave(*xs: Any) -> Any:
    """The amplitude of a Bessel function among its roots."""
    x = np.abs(xs[-1])
    return np.where(x > 1, np.sqrt(2 / (np.pi * np.maximum(x, 1))), 0.0)


def negative(*xs: Any) -> Any:
    """The terms that cancel at roots between the poles at negative numbers."""
    return np.where(xs[0] < 0, 1.0, 0.0)


ROOT = "relative to 1 near the root"
WAVE = "relative to the amplitude, among the roots"
OUTPUT = "from the output, as PyTorch, so that x may be written to: relative to 1"
TERMS = "relative to the terms that cancel at the root"
MAGNIFIED = "the result of an exponent, whose rounding grows with its size"
SCALED = "a difference of neighbouring orders, where no expansion holds yet"
LIBRARY = "SciPy's value"
STEEP = "grows as the logarithm of the density"
ROUNDED = "at the rounded result: grows with the steepness of the density"

AMONG_ROOTS: dict[str, Any] = {"scale": wave, "slope_scale": wave, "why": WAVE}
#: Orders of Bessel functions.
ORDER = Real(0, 30, mid=(0, 10), least=-4)

#: What is allowed where it is more than usual: some half more than was measured.
BOUNDS: dict[str, Bound] = {
    "cbrt": Bound(slope=9),
    "nn.functional.mish": Bound(slope=9, slope32=13),
    "nn.functional.gelu": Bound(value=6, value32=6),
    "nn.functional.gelu tanh": Bound(value=110, value32=49),
    "nn.functional.tanhshrink": Bound(value=15, why=LIBRARY),
    "special.kl_div": Bound(value=9),
    "special.kl_div near": Bound(value=9),
    "special.erf": Bound(value32=7),
    "special.erfc": Bound(value=37, why=LIBRARY),
    "special.erfcx": Bound(value=16, slope=19, why=LIBRARY),
    "special.erfcinv": Bound(value=6),
    "special.ndtr": Bound(value=6),
    "special.ndtri": Bound(slope=9),
    "special.log_ndtr": Bound(slope=9),
    "special.gamma": Bound(value=6),
    "special.gammaln": Bound(value=15),
    "special.loggamma": Bound(value=6),
    "special.polygamma 1": Bound(value=6),
    "special.polygamma 3": Bound(value=10, why=LIBRARY),
    "special.beta": Bound(value=52, slope=61, why=MAGNIFIED),
    "special.betaln": Bound(value=9),
    "special.poch": Bound(value=310, slope=240, why=MAGNIFIED),
    "special.binom": Bound(value=130, slope=120, why=MAGNIFIED),
    "special.betainc": Bound(value=250, slope=1900, value32=350, slope32=19, why=STEEP),
    "special.betaincc": Bound(slope=1100, slope32=38, why=STEEP),
    "special.betaincinv": Bound(value=46, slope=600, value32=65, slope32=550, why=ROUNDED),
    "special.gammainc": Bound(value=610, slope=590, why=STEEP),
    "special.gammaincc": Bound(value=350, slope=480, why=STEEP),
    "special.gammaincinv": Bound(value=19, slope=340, slope32=45, why=ROUNDED),
    "special.gammainccinv": Bound(value=25, slope=360, slope32=37, why=ROUNDED),
    "special.chdtr": Bound(value=420, slope=440, why=STEEP),
    "special.chdtrc": Bound(value=240, slope=820, why=STEEP),
    "special.chdtri": Bound(value=370, slope=660, slope32=12, why=ROUNDED),
    "special.fdtr": Bound(value=64, slope=180, value32=910, slope32=15, why=STEEP),
    "special.fdtrc": Bound(value=34, slope=1800, value32=170, slope32=18, why=STEEP),
    "special.fdtri": Bound(value=24, slope=220, value32=250, slope32=160, why=ROUNDED),
    "special.gdtr": Bound(value=720, slope=750, slope32=26, why=STEEP),
    "special.gdtrc": Bound(value=440, slope=1100, slope32=52, why=STEEP),
    "special.stdtr": Bound(value=24, slope=230, value32=85, slope32=59, why=STEEP),
    "special.stdtrit": Bound(value=9, slope=64, value32=65, slope32=87),
    "special.pdtr": Bound(value=2100, slope=960, why=STEEP),
    "special.pdtrc": Bound(value=1700, slope=1300, why=STEEP),
    "special.pdtri": Bound(value=16, slope=2100, slope32=44, why=ROUNDED),
    "special.bdtr": Bound(value=3000, slope=940, slope32=67, why=STEEP),
    "special.bdtrc": Bound(value=2400, slope=990, slope32=65, why=STEEP),
    "special.bdtri": Bound(value=1700, slope=3900, slope32=72, why=ROUNDED),
    "special.nbdtr": Bound(value=4300, slope=810, slope32=78, why=STEEP),
    "special.nbdtrc": Bound(value=1700, slope=1200, slope32=38, why=STEEP),
    "special.nbdtri": Bound(value=110, slope=5000, slope32=160, why=ROUNDED),
    "special.j0": Bound(value=36, slope=14),
    "special.j1": Bound(value=400, slope=36),
    "special.y0": Bound(value=36, slope=24),
    "special.y1": Bound(value=13, slope=35),
    "special.i0": Bound(value=6, slope=12, why=LIBRARY),
    "special.i1": Bound(value=13, why=LIBRARY),
    "special.k0": Bound(value=9),
    "special.i0e": Bound(value=6, slope=79, why=SCALED),
    "special.i1e": Bound(value=7, slope=230, why=SCALED),
    "special.k0e": Bound(value=6, slope=64, why=SCALED),
    "special.k1e": Bound(slope=45, why=SCALED),
    "special.jv": Bound(value=420, slope=270, slope32=20),
    "special.yv": Bound(value=69, slope=82, slope32=25),
    "special.iv": Bound(value=24, slope=12, slope32=8, why=LIBRARY),
    "special.kv": Bound(value=200, slope=270, slope32=69, why=LIBRARY),
    "special.ive": Bound(value=410, slope=3900, why=SCALED),
    "special.kve": Bound(value=37, slope=110, why=SCALED),
    "special.yn": Bound(value=3100, slope=40),
    "special.inv_boxcox": Bound(value=150, slope=210, slope32=11, why=MAGNIFIED),
    "special.inv_boxcox1p": Bound(value=76, slope=75, slope32=66, why=MAGNIFIED),
    "special.exp1": Bound(value=19, why=LIBRARY),
    "special.expi": Bound(value=7, slope32=8),
    "special.expn": Bound(value=15, slope=16, why=LIBRARY),
    "special.spence": Bound(value=21, why=LIBRARY),
    "special.ellipk": Bound(slope=15, why=LIBRARY),
    "special.ellipkm1": Bound(slope=13, why=LIBRARY),
    "special.ellipe": Bound(value=6, slope=9),
    "special.zeta": Bound(value=18, slope=27, slope32=55, why=LIBRARY),
    "special.hyp0f1": Bound(value=230, slope=170, why=LIBRARY),
    "special.hyp1f1": Bound(value=130, slope=43, slope32=16, why=LIBRARY),
    "special.hyp2f1": Bound(value=140, slope=170, slope32=10, why=LIBRARY),
}

CASES = [
    # exponentials, logarithms, roots
    Case("exp", (EXPONENT,)),
    Case("exp2", (Real(-1074, 1024, mid=(-40, 40)),)),
    Case("expm1", (EXPONENT,)),
    Case("log", (POSITIVE,)),
    Case("log1p", (Real(-1, near=(-1.0,)),)),
    Case("log2", (POSITIVE,)),
    Case("log10", (POSITIVE,)),
    Case("sqrt", (POSITIVE,)),
    Case("cbrt", (ALL,)),
    Case(
        "logaddexp",
        (MODERATE, MODERATE),
        scale=lambda a, b: np.maximum(np.abs(a), np.abs(b)),
        why=TERMS,
    ),
    # trigonometry
    Case("sin", (Real(near=(PI, 2 * PI, 355.0)),)),
    Case("cos", (Real(near=(PI / 2, 11.0)),)),
    Case("tan", (Real(near=(PI / 2, PI)),)),
    Case("asin", (Real(-1, 1, near=(-1.0, 1.0)),)),
    Case("acos", (Real(-1, 1, near=(-1.0, 1.0)),)),
    Case("atan", (ALL,)),
    Case("sinh", (Real(-710.4, 710.4),)),
    Case("cosh", (Real(-710.4, 710.4),)),
    Case("tanh", (ALL,), slope_scale=one, why=OUTPUT),
    Case("asinh", (ALL,)),
    Case("acosh", (Real(1, near=(1.0,)),)),
    Case("atanh", (Real(-1, 1, near=(-1.0, 1.0)),)),
    Case("atan2", (ALL, ALL)),
    Case("deg2rad", (ALL,)),
    Case("rad2deg", (ALL,)),
    # arithmetic
    Case("multiply", (ALL, ALL)),
    Case("divide", (ALL, ALL)),
    Case("remainder", (Real(-1e6, 1e6), Real(-1e6, 1e6)), keep=lambda a, b: abs(a / b) < 2**22),
    Case("reciprocal", (ALL,)),
    Case("square", (ALL,)),
    Case("hypot", (ALL, ALL)),
    Case("pow", (POSITIVE, Real(-40, 40, mid=(-4, 4)))),
    Case("pow 3", (ALL,), lambda x: x**3),
    Case("pow 0.1", (POSITIVE,), lambda x: x**0.1),
    Case("pow -1.5", (POSITIVE,), lambda x: x**-1.5),
    # activations
    Case("nn.functional.sigmoid", (Real(-745, 745),), slope_scale=one, why=OUTPUT),
    Case("nn.functional.tanh", (ALL,), slope_scale=one, why=OUTPUT),
    Case("nn.functional.logsigmoid", (ALL,)),
    Case("nn.functional.softplus", (ALL,)),
    Case("nn.functional.softplus beta", (ALL,), first(F.softplus, beta=2.0, threshold=30.0)),
    Case("nn.functional.silu", (ALL,), slope_scale=lower, why=TERMS),
    Case("nn.functional.mish", (ALL,), slope_scale=lower, why=TERMS),
    Case("nn.functional.gelu", (ALL,), slope_scale=lower, why=TERMS),
    Case(
        "nn.functional.gelu tanh",
        (ALL,),
        first(F.gelu, approximate="tanh"),
        slope_scale=lower,
        why=TERMS,
    ),
    Case("nn.functional.elu", (ALL,)),
    Case("nn.functional.selu", (ALL,)),
    Case("nn.functional.celu", (ALL,), first(F.celu, alpha=0.5)),
    Case("nn.functional.softsign", (ALL,)),
    Case("nn.functional.tanhshrink", (ALL,)),
    Case("nn.functional.softshrink", (Real(near=(0.5, -0.5)),)),
    Case("nn.functional.hardshrink", (ALL,)),
    Case("nn.functional.hardsigmoid", (Real(near=(-3.0, 3.0)),)),
    Case("nn.functional.hardswish", (Real(near=(-3.0, 3.0)),)),
    Case("nn.functional.hardtanh", (ALL,)),
    Case("nn.functional.relu", (ALL,)),
    Case("nn.functional.relu6", (ALL,)),
    Case("nn.functional.leaky_relu", (ALL,)),
    Case("nn.functional.threshold", (ALL,), lambda x: F.threshold(x, 0.5, 2.0)),
    Case(
        "nn.functional.glu",
        (ALL, Real(-80, 80)),
        lambda a, b: F.glu(xp.concat([a, b]), 0),
        slope_scale=lambda a, b: np.abs(a),
        why=OUTPUT,
    ),
    # losses
    Case(
        "nn.functional.soft_margin_loss 1",
        (ALL,),
        lambda x: F.soft_margin_loss(x, xp.ones_like(x), reduction="none"),
    ),
    Case(
        "nn.functional.soft_margin_loss -1",
        (ALL,),
        lambda x: F.soft_margin_loss(x, -xp.ones_like(x), reduction="none"),
    ),
    Case(
        "nn.functional.multilabel_soft_margin_loss",
        (ALL,),
        lambda x: F.multilabel_soft_margin_loss(
            x[:, None], xp.ones_like(x)[:, None], reduction="none"
        ),
    ),
    Case(
        "nn.functional.binary_cross_entropy_with_logits 1",
        (ALL,),
        lambda x: F.binary_cross_entropy_with_logits(x, xp.ones_like(x), reduction="none"),
    ),
    Case(
        "nn.functional.binary_cross_entropy_with_logits 0",
        (ALL,),
        lambda x: F.binary_cross_entropy_with_logits(x, xp.zeros_like(x), reduction="none"),
    ),
    Case(
        "nn.functional.binary_cross_entropy_with_logits",
        (ALL, UNIT),
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        slope_scale=lambda x, y: np.maximum(y, np.exp(np.minimum(x, 0))),
        why=TERMS,
    ),
    Case(
        "nn.functional.binary_cross_entropy",
        (Real(1e-6, 1, near=(0.5, 1.0)), UNIT),
        lambda x, y: F.binary_cross_entropy(x, y, reduction="none"),
        keep=lambda x, y: 1e-6 < x < 1 - 1e-6,
    ),
    Case(
        "nn.functional.poisson_nll_loss",
        (EXPONENT, POSITIVE),
        lambda x, y: F.poisson_nll_loss(x, y, reduction="none"),
        wrt=(0,),
        scale=lambda x, y: np.exp(x) + np.abs(x * y),
        slope_scale=lambda x, y: np.exp(x) + y,
        why=TERMS,
    ),
    Case(
        "nn.functional.huber_loss",
        (ALL,),
        lambda x: F.huber_loss(x, xp.zeros_like(x), reduction="none"),
    ),
    Case(
        "nn.functional.smooth_l1_loss",
        (ALL,),
        lambda x: F.smooth_l1_loss(x, xp.zeros_like(x), reduction="none", beta=0.5),
    ),
    # special: the logistic function and entropies
    Case("special.expit", (Real(-745, 745),)),
    Case("special.logit", (UNIT,)),
    Case("special.log_expit", (ALL,)),
    Case("special.softplus", (ALL,)),
    Case(
        "special.sinc",
        (Real(near=(1.0, -1.0, 2.0, 1000.0)),),
        slope_scale=lambda x: np.where(np.abs(x) > 0.7, 1 / np.abs(x), 0.0),
        why=WAVE,
    ),
    Case("special.cosm1", (Real(near=(2 * PI,)),)),
    Case("special.huber", (POSITIVE, ALL)),
    Case("special.pseudo_huber", (POSITIVE, ALL)),
    Case("special.entr", (POSITIVE,), slope_scale=one, why=ROOT),
    Case("special.xlogy", (ALL, POSITIVE)),
    Case("special.xlog1py", (ALL, Real(-1, near=(-1.0,)))),
    Case("special.rel_entr", (POSITIVE, POSITIVE), slope_scale=one, why=ROOT),
    Case(
        "special.rel_entr near",
        (Real(1, 2, near=(1.0,), least=-1),),
        lambda x: xp.special.rel_entr(x, xp.ones_like(x)),
        slope_scale=one,
        why=ROOT,
    ),
    Case("special.kl_div", (POSITIVE, POSITIVE)),
    Case(
        "special.kl_div near",
        (Real(0, 2, near=(1.0,), least=-1),),
        lambda x: xp.special.kl_div(x, xp.ones_like(x)),
    ),
    # errors
    Case("special.erf", (ALL,)),
    Case("special.erfc", (Real(-30, 30),)),
    Case("special.erfcx", (Real(-26, near=(1.0, 2.0)),)),
    Case("special.erfinv", (Real(-1, 1, near=(1.0, -1.0)),)),
    Case("special.erfcinv", (Real(0, 2, near=(1.0, 2.0), mid=(0, 2)),)),
    Case("special.ndtr", (Real(-40, 40),)),
    Case("special.ndtri", (Real(0, 1, near=(0.5, 1.0), mid=(0, 1)),)),
    Case("special.log_ndtr", (Real(-1e150, 1e150, mid=(-40, 40)),)),
    # gammas
    Case(
        "special.gamma",
        (Real(-170, 171.6, near=(1.0, 2.0, -1.0, -2.0, 0.5)),),
        slope_scale=lambda x: np.where(x < 2, np.abs(sp.gamma(x)), 0.0),
        why=TERMS,
    ),
    Case(
        "special.gammaln",
        (Real(-1000, near=(1.0, 2.0, -1.0, 1.4616)),),
        scale=negative,
        slope_scale=negative,
        why=TERMS,
    ),
    Case("special.loggamma", (Real(0, near=(1.0, 2.0), mid=(0, 20)),)),
    Case(
        "special.digamma",
        (Real(-1000, near=(1.4616321, -1.0, 1.0), mid=(-10, 20)),),
        scale=negative,
        why=TERMS,
    ),
    Case(
        "special.polygamma 1",
        (Real(-50, near=(1.0, -1.0), mid=(-5, 20)),),
        lambda x: xp.special.polygamma(1, x),
    ),
    Case(
        "special.polygamma 3",
        (Real(0, near=(1.0,), mid=(0, 20)),),
        lambda x: xp.special.polygamma(3, x),
    ),
    Case(
        "special.multigammaln",
        (Real(1, near=(2.0,), mid=(1, 20)),),
        lambda x: xp.special.multigammaln(x, 3),
        scale=one,
        slope_scale=one,
        why=ROOT,
    ),
    Case(
        "special.rgamma",
        (Real(-170, 171, near=(0.5, -1.0, -2.0)),),
        slope_scale=lambda x: np.where(x < 2, np.abs(sp.rgamma(x)), 0.0),
        why=TERMS,
    ),
    Case("special.beta", (Real(0, 1e9, mid=(0, 20), least=-100),) * 2),
    Case(
        "special.betaln",
        (Real(0, 1e300, near=(1.0,), mid=(0, 20), least=-900),) * 2,
        scale=lambda a, b: np.where(a + b < 20, 1.0, 0.0),
        why=ROOT,
    ),
    Case(
        "special.betaln a",
        (Real(1, 1e300, mid=(1, 1e4)),),
        lambda x: xp.special.betaln(x, xp.full_like(x, 0.5)),
    ),
    Case("special.poch", (Real(0, 1e9, mid=(0, 20), least=-100),) * 2),
    Case(
        "special.binom",
        (Real(0, 1e9, mid=(0, 60), least=-20),) * 2,
        keep=lambda n, k: k < n + 0.5 and _log_binom(n, k) < 80,
    ),
    Case("special.betainc", (SHAPE, SHAPE, THIN), wrt=(2,)),
    Case("special.betaincc", (SHAPE, SHAPE, THIN), wrt=(2,)),
    Case("special.betaincinv", (WIDE, WIDE, INNER), wrt=(2,)),
    Case("special.gammainc", (SHAPE, Real(0, 1e4, near=(1.0,), mid=(0, 30)))),
    Case("special.gammaincc", (SHAPE, Real(0, 1e4, near=(1.0,), mid=(0, 30)))),
    Case("special.gammaincinv", (WIDE, INNER)),
    Case("special.gammainccinv", (WIDE, INNER)),
    Case("special.chdtr", (SHAPE, Real(0, 1e4, near=(1.0,), mid=(0, 30)))),
    Case("special.chdtrc", (SHAPE, Real(0, 1e4, near=(1.0,), mid=(0, 30)))),
    Case("special.chdtri", (WIDE, INNER), wrt=(1,)),
    # distributions
    Case(
        "special.fdtr", (SHAPE, SHAPE, Real(0, 1e9, near=(1.0,), mid=(0, 10), least=-60)), wrt=(2,)
    ),
    Case(
        "special.fdtrc", (SHAPE, SHAPE, Real(0, 1e9, near=(1.0,), mid=(0, 10), least=-60)), wrt=(2,)
    ),
    Case("special.fdtri", (WIDE, WIDE, INNER), wrt=(2,)),
    Case("special.gdtr", (Real(1e-3, 1e3, mid=(0.1, 3)), SHAPE, Real(0, 1e4, mid=(0, 30)))),
    Case("special.gdtrc", (Real(1e-3, 1e3, mid=(0.1, 3)), SHAPE, Real(0, 1e4, mid=(0, 30)))),
    Case("special.stdtr", (SHAPE, Real(-1e9, 1e9)), wrt=(1,)),
    Case("special.stdtrit", (WIDE, INNER), wrt=(1,), scale=one, why=ROOT),
    Case("special.pdtr", (Whole(0, 300), Real(0, 1e4, mid=(0, 300))), wrt=(1,)),
    Case("special.pdtrc", (Whole(0, 300), Real(0, 1e4, mid=(0, 300))), wrt=(1,)),
    Case("special.pdtri", (Whole(0, 300), INNER), wrt=(1,)),
    Case("special.bdtr", (Whole(0, 50), Whole(51, 300), UNIT), wrt=(2,)),
    Case("special.bdtrc", (Whole(0, 50), Whole(51, 300), UNIT), wrt=(2,)),
    Case("special.bdtri", (Whole(0, 50), Whole(51, 300), INNER), wrt=(2,)),
    Case("special.nbdtr", (Whole(0, 50), Whole(1, 300), UNIT), wrt=(2,)),
    Case("special.nbdtrc", (Whole(0, 50), Whole(1, 300), UNIT), wrt=(2,)),
    Case("special.nbdtri", (Whole(0, 50), Whole(1, 300), INNER), wrt=(2,)),
    # Bessel functions
    Case("special.j0", (Real(mid=(-50, 50)),), **AMONG_ROOTS),
    Case("special.j1", (Real(mid=(-50, 50)),), **AMONG_ROOTS),
    Case("special.y0", (Real(0, mid=(0, 50)),), **AMONG_ROOTS),
    Case("special.y1", (Real(0, mid=(0, 50)),), **AMONG_ROOTS),
    Case("special.i0", (Real(-700, 700, mid=(-50, 50)),)),
    Case("special.i1", (Real(-700, 700, mid=(-50, 50)),)),
    Case("special.k0", (Real(0, 740, mid=(0, 50)),)),
    Case("special.k1", (Real(0, 740, mid=(0, 50)),)),
    Case("special.i0e", (Real(mid=(-50, 50)),)),
    Case("special.i1e", (Real(mid=(-50, 50)),)),
    Case("special.k0e", (Real(0, mid=(0, 50)),)),
    Case("special.k1e", (Real(0, mid=(0, 50)),)),
    Case("special.jv", (ORDER, Real(0, 1e5, mid=(0, 50), least=-100)), wrt=(1,), **AMONG_ROOTS),
    Case("special.yv", (ORDER, Real(0, 1e5, mid=(0, 50), least=-100)), wrt=(1,), **AMONG_ROOTS),
    Case("special.iv", (ORDER, Real(0, 700, mid=(0, 50), least=-100)), wrt=(1,)),
    Case("special.kv", (ORDER, Real(0, 700, mid=(0, 50), least=-100)), wrt=(1,)),
    Case("special.ive", (ORDER, Real(0, 1e9, mid=(0, 50), least=-100)), wrt=(1,)),
    Case("special.kve", (ORDER, Real(0, 1e9, mid=(0, 50), least=-100)), wrt=(1,)),
    Case(
        "special.yn",
        (Whole(0, 20), Real(0, 1e4, mid=(0, 50), least=-100)),
        wrt=(1,),
        scale=wave,
        slope_scale=wave,
        why=WAVE,
    ),
    # powers and others
    Case("special.exp10", (Real(-323, 308),)),
    Case("special.exprel", (Real(-1e300, 716, near=(0.03, 1.0, -1.0)),)),
    Case("special.boxcox", (POSITIVE, Real(-20, 20, mid=(-3, 3)))),
    Case("special.boxcox1p", (Real(-1, near=(-1.0,)), Real(-20, 20, mid=(-3, 3)))),
    Case(
        "special.inv_boxcox",
        (Real(-1e3, 1e3), Real(-20, 20, mid=(-3, 3))),
        keep=lambda y, l: y * l > -0.999,
    ),
    Case(
        "special.inv_boxcox1p",
        (Real(-1e3, 1e3), Real(-20, 20, mid=(-3, 3))),
        keep=lambda y, l: y * l > -0.999,
    ),
    Case("special.sindg", (Real(-1e6, 1e6, near=(180.0, 360.0)),)),
    Case("special.cosdg", (Real(-1e6, 1e6, near=(90.0, 270.0)),)),
    Case("special.tandg", (Real(-1e6, 1e6, near=(90.0, 180.0)),)),
    Case("special.cotdg", (Real(-1e6, 1e6, near=(90.0, 180.0)),)),
    Case("special.radian", (MODERATE, MODERATE, MODERATE), keep=lambda *x: min(x) > 0),
    Case("special.exp1", (Real(0, 738, near=(1.0,), mid=(0, 20)),)),
    Case(
        "special.expi",
        (Real(-700, 716, near=(0.3725074,), mid=(-20, 20)),),
        scale=lambda x: np.where(np.abs(x) < 1, 1.0, 0.0),
        why=ROOT,
    ),
    Case("special.expn", (Whole(0, 20), Real(0, 700, near=(1.0,), mid=(0, 20))), wrt=(1,)),
    Case("special.spence", (Real(0, near=(1.0, 2.0), mid=(0, 10)),)),
    Case("special.ellipk", (Real(-1e300, 1, near=(1.0,), mid=(-5, 1)),)),
    Case("special.ellipkm1", (Real(0, near=(1.0,), mid=(0, 3)),)),
    Case("special.ellipe", (Real(-1e300, 1, near=(1.0,), mid=(-5, 1)),)),
    Case(
        "special.zeta", (Real(1.1, 30, least=0), Real(0.01, 1e9, mid=(0.1, 20), least=-6)), wrt=(1,)
    ),
    Case("special.hyp0f1", (Real(0.1, 20, least=-3), Real(-100, 1e3)), wrt=(1,)),
    Case(
        "special.hyp1f1",
        (Real(0.1, 10, least=-3), Real(0.1, 10, least=-3), Real(-100, 300)),
        wrt=(2,),
    ),
    Case(
        "special.hyp2f1",
        (
            Real(0.1, 5, least=-3),
            Real(0.1, 5, least=-3),
            Real(0.1, 5, least=-3),
            Real(-10, 1, mid=(-2, 1)),
        ),
        wrt=(3,),
    ),
    Case(
        "special.lpmv",
        (Whole(0, 3), Whole(4, 12), Real(-0.99, 0.99, near=(0.5, -0.9), least=-12)),
        wrt=(2,),
        scale=lambda m, v, x: v**m,
        slope_scale=lambda m, v, x: v ** (m + 2),
        why="relative to the largest values: SciPy loses digits near ±1",
    ),
]
