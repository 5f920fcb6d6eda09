"""Precision and range: each elementwise function against mpmath, over all exponents.

Values, derivatives by vjp and by jvp, in float32 and float64; the bounds in ulp stand with the
cases (`tests/accuracy_cases.py`), and `docs/accuracy.md` shows what was measured.
"""

import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy

import tensorxp as xp
from tensorxp._backend import loops
from tests.accuracy import DOUBLE, SINGLE, Bound, Case, measure, references, ulps, unpacked
from tests.accuracy_cases import BOUNDS, CASES
from tests.tables import primitives

A, F = xp.autograd, xp.nn.functional

#: Releases of SciPy with which the bounds of its own values were measured.
MEASURED = ("1.17", "1.18")
#: Functions of `special` that compute without SciPy.
OWN = {
    "expit", "logit", "log_expit", "softplus", "sinc", "cosm1", "huber", "pseudo_huber", "entr",
    "xlogy", "xlog1py", "rel_entr", "kl_div",
}  # fmt: skip

#: Elementwise primitives that are exact or have no rounding of their own, and choose only.
EXACT = {
    "add", "subtract", "floor", "ceil", "trunc", "round", "maximum", "minimum", "fmax", "fmin",
    "clip", "copysign", "nextafter", "where", "floor_divide", "sign", "round_to",
}  # fmt: skip
#: Primitives inside functions that are tried, by another name there.
INSIDE = {
    "weighted_exp": "logsumexp(b=...), over axes",
    "gammainc_shape_slope": "gammainc",
    "polygamma_rise": "betaln",
    "gamma_density": "gammainc",
    "beta_density": "betainc",
    "bell": "erf",
    "inverse_bell": "erfinv",
    "scaled_erfc_integral": "erfcx",
    "ive_slope": "ive",
    "kve_slope": "kve",
    "cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "gelu_tanh": "gelu",
}


def held(case: Case, dtype: str, repeat: int = 1, forward: bool = True) -> None:
    """Check a case in one dtype; `repeat` its points, for the paths of large arrays."""
    chapter, _, name = case.name.split(" ")[0].partition(".")
    release = ".".join(scipy.__version__.split(".")[:2])
    if chapter == "special" and name not in OWN and release not in MEASURED:
        pytest.skip("the bounds of SciPy's values were measured with other releases of SciPy")
    found = measure(case, dtype, repeat, forward)
    bound = BOUNDS.get(case.name, Bound())
    single = dtype == "float32"
    value, slope = (bound.value32, bound.slope32) if single else (bound.value, bound.slope)
    k = int(found.value.argmax())
    assert found.value[k] <= value, f"value at {found.points[k]}: {found.value[k]:.3g} ulp"
    for i, errors in zip(case.differentiated, found.slopes, strict=True):
        k = int(errors.argmax())
        assert errors[k] <= slope, f"d/d{i} at {found.points[k]}: {errors[k]:.3g} ulp"
    for i, errors in zip(case.differentiated, found.forward, strict=False):
        k = int(errors.argmax())
        assert errors[k] <= 2, f"jvp and vjp by {i} at {found.points[k]}: {errors[k]:.3g} ulp"


@pytest.mark.filterwarnings("ignore:non-integer arg n")  # SciPy, of counts as floats
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_value_and_derivative(case: Case) -> None:
    for dtype in ("float32", "float64"):
        held(case, dtype)


COMPILED = [c for c in CASES if c.name.split(" ")[0].split(".")[-1] in (
    "erf", "sigmoid", "gelu", "relu", "expit", "silu", "softplus", "exp", "tanh", "pow", "divide",
)]  # fmt: skip


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.name)
def test_large_arrays_and_without_loops(case: Case) -> None:
    for dtype in ("float32", "float64"):
        held(case, dtype, 100, forward=False)
        with loops.turned_off():
            held(case, dtype, 1, forward=False)
            held(case, dtype, 100, forward=False)


#: What `xp.compile` has kernels of its own for.
KERNELS = [c for c in CASES if c.name.split(" ")[0].split(".")[-1] in (
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "logaddexp", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "atan2", "hypot", "pow", "erf", "erfc", "expit", "sigmoid", "silu", "gelu",
)]  # fmt: skip


def test_compiled_values_keep_to_the_bounds() -> None:
    # one program for all: the compiler is started once for each dtype
    for dtype in ("float32", "float64"):
        count = SINGLE if dtype == "float32" else SINGLE + DOUBLE
        points = [np.asarray(case.points()[:count]) for case in KERNELS]
        given = [
            [xp.asarray(p[:, i], dtype=getattr(xp, dtype)) for i in range(p.shape[1])]
            for p in points
        ]

        @xp.compile
        def together(given: Any) -> Any:
            return [case.function()(*xs) * 1 for case, xs in zip(KERNELS, given, strict=True)]

        with np.errstate(all="ignore"):
            for _ in range(3):
                found = together(given)
            for case, p, out in zip(KERNELS, points, found, strict=True):
                scale = 0.0 if case.scale is None else case.scale(*p.T)
                right = unpacked(references()[case.name][0])[:count]
                bound = BOUNDS.get(case.name, Bound())
                errors = ulps(out.numpy(), right, dtype, scale)
                k = int(errors.argmax())
                # libmvec's functions are within 4 ulp
                allowed = 4 + (bound.value32 if dtype == "float32" else bound.value)
                assert errors[k] <= allowed, f"{case.name} at {p[k]}: {errors[k]:.3g} ulp"


def test_every_elementwise_function_is_tried() -> None:
    tried = {case.name.split(" ")[0].split(".")[-1] for case in CASES} | EXACT | set(INSIDE)
    known = {op.name for op in primitives() if op.kind == "elementwise"}
    assert not known - tried, "cases are missing in tests/accuracy_cases.py"


def test_references_are_those_of_the_cases() -> None:
    assert list(references()) == [case.name for case in CASES]
    for case in CASES:
        assert len(references()[case.name]) == 1 + len(case.differentiated)


def test_references_come_from_mpmath() -> None:
    pytest.importorskip("mpmath", reason="mpmath is not installed")
    make: Any = importlib.import_module("tests.data.make_range")
    rnd = random.Random(0)
    for case in CASES:
        f, slopes = make.RIGHT[case.name]
        points = case.points()
        k = rnd.randrange(len(points))
        texts = references()[case.name]
        point = [make.mpf(x) for x in points[k]]
        assert make.agreed(lambda f=f, p=point: f(*p)) == unpacked(texts[0])[k], case.name
        for i, text in zip(case.differentiated, texts[1:], strict=True):
            if i in slopes:
                found = make.agreed(lambda s=slopes[i], p=point: s(*p))
                assert found == unpacked(text)[k], case.name


def _first(fn: Callable[[Any], Any], x: float, dtype: Any = None) -> float:
    t = xp.asarray(x, dtype=dtype or xp.float64).requires_grad_()
    (found,) = A.grad(fn(t), [t])
    return float(found)


@pytest.mark.parametrize(
    "fn, x, dtype, right",
    [
        # values from mpmath
        (F.softplus, -18.0, xp.float32, 1.522997951276035e-08),
        (F.softplus, -30.0, xp.float32, 9.357622968839298e-14),
        (F.softplus, -700.0, xp.float64, 9.8596765437597709e-305),
        (F.silu, -40.0, xp.float64, -1.6568581595637197e-16),
        (F.logsigmoid, 40.0, xp.float64, 4.248354255291589e-18),
        (F.tanhshrink, 1e-5, xp.float64, 9.999999999333335e-11),
        (F.softsign, 1e10, xp.float64, 9.999999998e-21),
        (lambda x: xp.special.betaln(x, xp.asarray(0.5)), 1e10, xp.float64, -5.000000000125e-11),
        (xp.expm1, -50.0, xp.float64, 1.928749847963918e-22),
        (xp.asinh, 1e200, xp.float64, 1e-200),
        (xp.special.i0e, 1e12, xp.float64, -1.994711402007912e-19),
        (xp.special.erfcx, 1e10, xp.float64, -5.641895835477563e-21),
    ],
)  # fmt: skip
def test_derivatives_in_tails(fn: Any, x: float, dtype: Any, right: float) -> None:
    eps = float(xp.finfo(dtype).eps)
    np.testing.assert_allclose(_first(fn, x, dtype), right, rtol=8 * eps)


@pytest.mark.parametrize(
    "fn, x, right",
    [
        (F.softplus, -60.0, 8.756510762696520e-27),
        (xp.special.softplus, 60.0, 8.756510762696520e-27),
        (F.silu, -60.0, -5.0787762423639818e-25),
        (F.logsigmoid, 60.0, -8.756510762696520e-27),
        (F.mish, -60.0, -5.0787762423639818e-25),
        (xp.special.expit, 60.0, -8.756510762696520e-27),
        (xp.special.log_expit, 60.0, -8.756510762696520e-27),
        (F.gelu, -30.0, -1.3233342291209357e-193),
        (xp.special.erfcx, 1e6, 1.1283791670938e-18),
        (xp.special.i0e, 1e6, 2.9920689730526845e-16),
        (xp.special.k0e, 1e6, 9.3998501549562332e-16),
        (lambda x: xp.special.betaln(x, xp.asarray(0.5)), 1e8, 5.0000000500e-17),
        (xp.special.exprel, 0.5, 0.48721270700128147),
        (F.softsign, -1e6, 2e-18),
        (xp.expm1, -50.0, 1.928749847963918e-22),
    ],
)  # fmt: skip
def test_second_derivatives_in_tails(fn: Any, x: float, right: float) -> None:
    t = xp.asarray(x).requires_grad_()
    (first,) = A.grad(fn(t), [t], create_graph=True)
    (second,) = A.grad(first, [t])
    np.testing.assert_allclose(float(second), right, rtol=1e-3)


def test_half_precision_does_not_overflow_early() -> None:
    x = xp.asarray([300.0, 60000.0, -60000.0], dtype=xp.float16).requires_grad_()
    for fn in (xp.atan, xp.asinh, F.softsign, lambda t: xp.log10(xp.abs(t)), F.gelu):
        wide = x.detach().astype(xp.float64).requires_grad_()
        (got,) = A.grad(xp.sum(fn(x).astype(xp.float64)), [x])
        (right,) = A.grad(xp.sum(fn(wide)), [wide])
        assert (ulps(got.numpy(), right.numpy(), np.float16) <= 2).all()


def test_losses_of_logits_keep_their_tails() -> None:
    x = xp.asarray([-30.0, 30.0], dtype=xp.float32).requires_grad_()
    tail = 9.357622968839298e-14
    for target in (0.0, 1.0):
        y = xp.full_like(x, target)
        for loss in (
            F.binary_cross_entropy_with_logits(x, y, reduction="sum"),
            F.binary_cross_entropy_with_logits(
                x, y, reduction="sum", pos_weight=xp.ones_like(x)
            ),
            F.soft_margin_loss(x, 2 * y - 1, reduction="sum"),
        ):  # fmt: skip
            (slope,) = A.grad(loss, [x])
            small = slope.numpy()[0 if target == 0 else 1]
            np.testing.assert_allclose(abs(small), tail, rtol=1e-6)
            with_value = F.soft_margin_loss(x[:1] if target == 0 else x[1:], (2 * y - 1)[:1])
            np.testing.assert_allclose(float(with_value.detach()), tail, rtol=1e-6)


def test_single_precision_has_sixty_points() -> None:
    for case in CASES[:5]:
        points = np.asarray(case.points()[:SINGLE])
        assert (points.astype(np.float32) == points).all()
