"""Special functions at the edges of their domains, by name; derivatives that do not exist."""

import inspect
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy
import scipy.special as sp

import tensorxp as xp
from tensorxp._backend import cody

special = xp.special
INF, NAN = np.inf, np.nan


def slopes(fn: Any, *values: float, order: int = 1) -> list[float]:
    """Return the value at a point and the derivatives of `order` by each argument."""
    xs = [xp.asarray(v, dtype=xp.float64).requires_grad_() for v in values]
    out = fn(*xs)
    found = []
    for x in xs:
        y = out
        for _ in range(order):
            (y,) = xp.autograd.grad(y, [x], create_graph=True)
        found.append(float(y.detach()))
    return [float(out.detach()), *found]


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("erfinv", (1.0,), (INF, INF)),
        ("erfinv", (-1.0,), (-INF, INF)),
        ("erfinv", (1.5,), (NAN, NAN)),
        ("erfcinv", (0.0,), (INF, -INF)),
        ("erfcinv", (2.0,), (-INF, -INF)),
        ("ndtri", (0.0,), (-INF, INF)),
        ("ndtri", (1.0,), (INF, INF)),
        ("erf", (INF,), (1, 0)),
        ("erfc", (INF,), (0, 0)),
        ("erf", (NAN,), (NAN, NAN)),
        ("log_ndtr", (INF,), (0, 0)),
        ("logit", (0.0,), (-INF, INF)),
        ("logit", (1.0,), (INF, INF)),
        ("expit", (INF,), (1, 0)),
        ("expit", (-INF,), (0, 0)),
        ("expit", (-700.0,), (np.exp(-700), np.exp(-700))),
        ("log_expit", (-INF,), (-INF, 1)),
        ("log_expit", (1000.0,), (0, 0)),
        ("log_expit", (-1000.0,), (-1000, 1)),
        ("softplus", (INF,), (INF, 1)),
        ("softplus", (-INF,), (0, 0)),
        ("softplus", (1e4,), (1e4, 1)),
        ("softplus", (NAN,), (NAN, NAN)),
        ("xlogy", (0.0, 0.0), (0, 0, 0)),
        ("xlogy", (0.0, 2.0), (0, np.log(2), 0)),
        ("xlogy", (0.0, -1.0), (0, NAN, 0)),
        ("xlogy", (0.0, NAN), (NAN, NAN, NAN)),
        ("xlogy", (2.0, 0.0), (-INF, -INF, INF)),
        ("xlog1py", (0.0, -1.0), (0, 0, 0)),
        ("xlog1py", (0.0, NAN), (NAN, NAN, NAN)),
        ("entr", (0.0,), (0, INF)),
        ("entr", (-1.0,), (-INF, NAN)),
        ("entr", (NAN,), (NAN, NAN)),
        ("rel_entr", (0.0, 0.0), (0, 0, 0)),
        ("rel_entr", (0.0, 1.0), (0, -INF, 0)),
        ("rel_entr", (1.0, 0.0), (INF, INF, -INF)),
        ("rel_entr", (-1.0, 1.0), (INF, NAN, 1)),
        ("rel_entr", (1e-300, 1e300), (1e-300 * (np.log(1e-300) - np.log(1e300)), -1380.55, 0)),
        ("kl_div", (0.0, 0.0), (0, 0, 1)),
        ("kl_div", (0.0, 1.0), (1, -INF, 1)),
        ("kl_div", (1.0, 0.0), (INF, INF, -INF)),
        ("kl_div", (NAN, 1.0), (NAN, NAN, NAN)),
        ("sinc", (0.0,), (1, 0)),
        ("cosm1", (1e-9,), (-5e-19, -1e-9)),
        ("huber", (1.0, 0.0), (0, 0, 0)),
        ("huber", (1.0, 1.0), (0.5, 0, 1)),
        ("huber", (0.0, 2.0), (0, 2, 0)),
        ("pseudo_huber", (0.0, 2.0), (0, 0, 0)),
        ("pseudo_huber", (2.0, 0.0), (0, 0, 0)),
        ("i0", (0.0,), (1, 0)),
        ("i0e", (0.0,), (1, 0)),
        ("i1", (0.0,), (0, 0.5)),
        ("i1e", (0.0,), (0, 0.5)),
        ("j0", (0.0,), (1, 0)),
        ("j1", (0.0,), (0, 0.5)),
        ("gammaln", (0.0,), (INF, -INF)),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_values_and_gradients(name: str, arguments: Any, expected: Any) -> None:
    found = slopes(getattr(special, name), *arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    if name != "sinc":
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(found[0], getattr(sp, name)(*arguments), rtol=1e-12)


def test_pseudo_huber_approaches_huber() -> None:
    assert special.huber(-1.0, xp.asarray(2.0)).item() == INF
    assert special.pseudo_huber(-1.0, xp.asarray(2.0)).item() == INF


@pytest.mark.parametrize(
    "name, order, expected",
    [
        ("sinc", 2, -(np.pi**2) / 3),
        ("sinc", 3, 0),
        ("sinc", 4, np.pi**4 / 5),
        ("j1", 2, 0),
        ("j1", 3, -3 / 8),
        ("i1", 3, 3 / 8),
        ("j0", 4, 3 / 8),
        ("i0", 4, 3 / 8),
    ],
)
def test_higher_derivatives_at_zero(name: str, order: int, expected: float) -> None:
    _, found = slopes(getattr(special, name), 0.0, order=order)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("order", range(6))
def test_derivatives_of_sinc_are_continuous_where_the_formula_changes(order: int) -> None:
    raw = xp.device("cpu").raw
    forward = special.logistic.sinc_p.forward
    x = np.linspace(0.02, 4, 200)
    a = np.pi * x[:, None]
    t, w = np.polynomial.legendre.leggauss(60)
    t = (t + 1) / 2
    expected = (t**order * np.cos(a * t + order * np.pi / 2) @ (w / 2)) * np.pi**order
    np.testing.assert_allclose(forward(raw, x, order=order), expected, rtol=1e-9, atol=1e-9)


def test_tails_keep_their_precision() -> None:
    x = xp.asarray([-1e4, -30.0, 30.0], requires_grad=True)
    (g,) = xp.autograd.grad(special.log_ndtr(x).sum(), [x])
    np.testing.assert_allclose(g.numpy()[:2], [1e4 + 1e-4, 30.033259667433677], rtol=1e-8)
    p = np.asarray([1e-300, 1e-20, 0.3, 0.5, 0.5 + 1e-12, 0.7, 1 - 1e-15])
    np.testing.assert_allclose(special.logit(xp.asarray(p)).numpy(), sp.logit(p), rtol=1e-13)
    x = np.linspace(-700, 700, 999)
    for name in ("expit", "log_expit", "softplus"):
        found = getattr(special, name)(xp.asarray(x)).numpy()
        np.testing.assert_allclose(found, getattr(sp, name)(x), rtol=1e-14)


def test_close_arguments_of_rel_entr_keep_their_precision() -> None:
    x = np.asarray([1.0, 2.0, 3e200])
    y = x * (1 + 1e-10)
    found = special.rel_entr(xp.asarray(x), xp.asarray(y)).numpy()
    np.testing.assert_allclose(found, sp.rel_entr(x, y), rtol=1e-13)


@pytest.mark.parametrize(
    "name, arguments, argument",
    [
        ("betainc", (1.5, 2.0, 0.3), "a"),
        ("polygamma", (1.0, 2.0), "n"),
        ("stdtr", (1.5, 2.0), "df"),
        ("zeta", (2.0, 1.0), "x"),
        ("zeta", (2.0,), "x"),
        ("jv", (1.5, 2.0), "v"),
        ("hyp2f1", (0.5, 1.5, 2.5, 0.2), "a"),
    ],
)
def test_a_derivative_that_is_missing_is_never_silent(
    name: str, arguments: Any, argument: str
) -> None:
    fn = getattr(special, name)
    first = xp.asarray(arguments[0], requires_grad=True)
    out = fn(first, *arguments[1:])
    with pytest.raises(NotImplementedError, match=rf"special.{name}: .* respect to {argument} "):
        out.backward()
    with pytest.raises(NotImplementedError, match=f"special.{name}"):
        xp.autograd.jvp(lambda x: fn(x, *arguments[1:]), (xp.asarray(1.5),), (xp.ones(()),))


def test_a_second_derivative_that_is_missing_is_never_silent() -> None:
    a = xp.asarray(1.5, requires_grad=True)
    (g,) = xp.autograd.grad(special.gammainc(a, 2.0), [a], create_graph=True)
    with pytest.raises(
        NotImplementedError, match=r"special.gammainc: the second derivative .* a is not "
    ):
        g.backward()


@pytest.mark.parametrize("a", [1e-3, 0.5, 1.0, 7.0, 29.0, 31.0, 200.0, 1e4])
def test_slopes_of_the_incomplete_gamma_function_in_its_shape(a: float) -> None:
    x = np.asarray(
        a * np.asarray([0.01, 0.5, 0.9, 1.0, 1.1, 2.0]) + np.asarray([0.0, 0, 0, 0, 1, 3])
    )
    shape = xp.full(x.shape, a).requires_grad_()
    (g,) = xp.autograd.grad(special.gammainc(shape, xp.asarray(x)).sum(), [shape])
    h = 1e-3 * min(a, a**0.5)
    p = [sp.gammainc(a + k * h, x) for k in (-2, -1, 1, 2)]
    expected = (p[0] - 8 * p[1] + 8 * p[2] - p[3]) / (12 * h)
    np.testing.assert_allclose(g.numpy(), expected, rtol=1e-8, atol=1e-11)


def test_slopes_in_the_shape_at_the_ends() -> None:
    for x, expected in ((0.0, 0), (INF, 0), (-1.0, NAN)):
        np.testing.assert_allclose(slopes(special.gammainc, 2.0, x)[1], expected)


def test_mixed_second_derivatives_of_the_incomplete_gamma_function_agree() -> None:
    a = xp.asarray([0.7, 2.0, 40.0], requires_grad=True)
    x = xp.asarray([0.5, 3.0, 38.0], requires_grad=True)

    def by_a(x: Any) -> Any:
        return xp.autograd.grad(special.gammainc(a, x).sum(), [a], create_graph=True)[0]

    _, one = xp.autograd.jvp(by_a, (x.detach(),), (xp.ones(3),))
    (by_x,) = xp.autograd.grad(special.gammainc(a, x).sum(), [x], create_graph=True)
    (two,) = xp.autograd.grad(by_x.sum(), [a])
    np.testing.assert_allclose(one.detach().numpy(), two.numpy(), rtol=1e-12)


def test_the_other_arguments_are_differentiated_beside_it() -> None:
    df, x = xp.asarray(1.0), xp.asarray(2.0, requires_grad=True)
    special.stdtr(df, x).backward()
    np.testing.assert_allclose(float(x.grad), 1 / (np.pi * 5))


@pytest.mark.parametrize("name", ["erf", "expit", "gammaln", "i0", "entr", "sinc", "softplus"])
def test_dtypes(name: str) -> None:
    fn = getattr(special, name)
    for dtype in (xp.int64, xp.uint8, xp.bool):
        assert fn(xp.ones(2, dtype=dtype)).dtype == xp.float64
    for dtype in (xp.float16, xp.float32, xp.float64):
        assert fn(xp.ones(2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: special.xlogy(x, 2.0),
        lambda x: special.xlogy(2, x),
        lambda x: special.rel_entr(0.5, x),
        lambda x: special.huber(1.5, x),
        lambda x: special.gammainc(2, x),
        lambda x: special.betainc(2, 1.5, x),
        lambda x: special.polygamma(2, x),
        lambda x: special.jv(1, x),
        lambda x: special.zeta(2, x),
        lambda x: special.hyp2f1(0.5, 1, 2, x),
        lambda x: special.stdtrit(3, x),
    ],
)
def test_python_numbers_are_weak(fn: Any, recorded: bool) -> None:
    x = xp.asarray([0.25, 0.5], dtype=xp.float32, requires_grad=recorded)
    y = fn(x)
    assert y.dtype == xp.float32
    if recorded:
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == xp.float32
    assert fn(xp.asarray([1, 1])).dtype == xp.float64


def test_polygamma_takes_floats_as_scipy() -> None:
    x = np.asarray([0.5, 2.0])
    for recorded in (False, True):
        t = xp.asarray(x, requires_grad=recorded)
        for n in (0.0, 1.0, 3.0):
            np.testing.assert_allclose(special.polygamma(n, t).detach().numpy(), sp.polygamma(n, x))
        assert special.polygamma(1.5, t).isnan().all()
        f = special.polygamma(1.0, xp.asarray(x, dtype=xp.float32, requires_grad=recorded))
        assert f.dtype == xp.float32
    n = xp.asarray([1.5, 2.0, 0.0])
    assert special.polygamma(n, 2.0).isnan().tolist() == [True, False, False]
    with pytest.raises(TypeError, match="polygamma: n is 1j"):
        special.polygamma(1j, xp.asarray(x))


def test_what_is_no_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match="erf: x is a"):
        special.erf(1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"x is a builtins.list"):
        special.softmax([1.0])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"betainc: .* Tensors"):
        special.betainc(1.0, 2.0, 0.5)
    with pytest.raises(TypeError, match=r"polygamma: x has dtype complex128"):
        special.digamma(xp.ones(2, dtype=xp.complex128).requires_grad_()).real.sum().backward()
    with pytest.raises(TypeError, match="i0"):
        special.i0(xp.ones(2, dtype=xp.complex128))
    with pytest.raises(TypeError, match=r"ive: x has dtype complex128"):
        special.ive(1, xp.ones(2, dtype=xp.complex128))
    with pytest.raises(ValueError, match="multigammaln: d is 0"):
        special.multigammaln(xp.ones(2), 0)
    with pytest.raises(ValueError, match="broadcast"):
        special.betainc(xp.ones(2), xp.ones(3), 0.5)


def test_rational_approximations() -> None:
    x = np.concatenate([np.linspace(-6, 6, 5001), np.linspace(6, 26, 2001), [0.0, INF, -INF, NAN]])
    raw = xp.device("cpu").raw
    np.testing.assert_allclose(cody.erf(raw, x), sp.erf(x), rtol=1e-15)
    np.testing.assert_allclose(cody.erfc(raw, x), sp.erfc(x), rtol=1e-13)
    for dtype in (np.float16, np.float32):
        assert (
            cody.erf(raw, x.astype(dtype)).dtype == cody.erfc(raw, x.astype(dtype)).dtype == dtype
        )
    assert np.signbit(cody.erf(raw, np.asarray([-0.0])))[0]


def test_large_single_precision_arrays() -> None:
    x = np.concatenate([np.linspace(-5, 5, 50_000), [0.0, INF, -INF, 1e-30]]).astype(np.float32)
    found = special.erf(xp.asarray(x)).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, sp.erf(x), rtol=4e-7)
    assert np.isnan(special.erf(xp.full((70, 70), NAN, dtype=xp.float32)).numpy()).all()
    assert special.erf(xp.asarray(x).reshape(2, -1).T).shape == (x.size // 2, 2)


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
import tensorxp as xp
s = xp.special
x = xp.asarray([0.2, 0.7], requires_grad=True)
for fn in (s.expit, s.logit, s.log_expit, s.softplus, s.sinc, s.entr, s.softmax, s.log_softmax,
           s.logsumexp, s.erf, s.erfc, s.cosm1, lambda x: s.xlogy(x, x), lambda x: s.xlog1py(x, x),
           lambda x: s.rel_entr(x, 0.3), lambda x: s.kl_div(x, 0.3), lambda x: s.huber(1.0, x)):
    (g,) = xp.autograd.grad(fn(x).sum(), [x], create_graph=True)
    xp.autograd.grad(g.sum(), [x], allow_unused=True)
try:
    s.gammaln(x)
except ImportError as error:
    assert "pip install 'tensorxp[special]'" in str(error), error
    assert "special.gammaln" in str(error), error
else:
    raise AssertionError("no ImportError")
"""


def test_without_scipy() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], check=True)


def test_scipy_is_imported_when_it_is_first_needed() -> None:
    code = (
        "import sys, tensorxp as xp\n"
        "xp.special.softmax(xp.ones(3)); xp.special.expit(xp.ones(3))\n"
        "assert 'scipy' not in sys.modules\n"
        "xp.special.gammaln(xp.ones(3))\n"
        "assert 'scipy.special' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_boxcox_of_negative_numbers_is_nan():
    for dtype in (xp.int64, xp.float64):
        for lmbda in (-3, -2, 0, 2, 3):
            of = xp.asarray(lmbda, dtype=dtype)
            assert np.isnan(float(special.boxcox(xp.asarray(-5, dtype=dtype), of)))
            assert np.isnan(float(special.boxcox1p(xp.asarray(-6, dtype=dtype), of)))


def test_hyp1f1_of_huge_numbers_does_not_hang() -> None:
    a, b = np.asarray([1.5, -0.5, 1.5, 2.0]), np.asarray([2.5, 2.5, -0.5, 3.0])
    found = special.hyp1f1(xp.asarray(a), xp.asarray(b), xp.asarray([1e9, 1e9, 1e9, 1.0])).numpy()
    assert found[0] == INF and np.isnan(found[1:3]).all()
    np.testing.assert_allclose(found[3], sp.hyp1f1(2.0, 3.0, 1.0), rtol=1e-14)


GRID = {
    1: [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-300, 1e300, -1e300, INF, -INF, 30.0, -30.5],
    2: [0.0, 1.0, -1.0, 0.5, 2.0, -1.5, 1e-300, 1e300, INF, -INF, 150.0],
    3: [0.0, 1.0, -1.0, 0.5, 2.0, INF],
}
#: Where SciPy is wrong at huge or tiny numbers: mpmath has it as here.
BETTER = {
    "boxcox", "boxcox1p", "cotdg", "inv_boxcox", "inv_boxcox1p", "iv", "ive", "j0", "j1", "y0",
    "y1", "kl_div", "pseudo_huber",
}  # fmt: skip
#: Of whole numbers, or where SciPy does not return.
OTHERS = {"hyp0f1", "hyp1f1", "hyp2f1", "lpmv", "yn"}


def ufunc(name: str) -> Any:
    """Return SciPy's ufunc, without what chooses between libraries; None for other functions."""
    found = inspect.unwrap(getattr(sp, name, None))
    return found if isinstance(found, np.ufunc) and found.nout == 1 else None


UFUNCS = [
    name
    for name in dir(special)
    if ufunc(name) is not None and ufunc(name).nin in GRID and name not in OTHERS
]


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.filterwarnings("ignore")
def test_edges_are_scipys(name: str) -> None:
    if scipy.__version__[:4] not in ("1.17", "1.18"):
        pytest.skip("the edges were compared with other releases of SciPy")
    theirs = ufunc(name)
    values = GRID[theirs.nin]
    if name in BETTER:
        values = [v for v in values if v in (0, INF, -INF) or 1e-200 < abs(v) < 1e200]
    points = np.asarray(list(itertools.product(values, repeat=theirs.nin))).T
    if name == "pseudo_huber":  # of infinite numbers both have NaN or a limit
        points = points[:, np.isfinite(points).all(axis=0)]
    found = getattr(special, name)(*[xp.asarray(p) for p in points]).numpy()
    right = theirs(*points)
    wrong = ~(np.isclose(found, right, rtol=1e-6, atol=0, equal_nan=True) | (found == right))
    assert not wrong.any(), [(*points[:, k], found[k], right[k]) for k in np.flatnonzero(wrong)]


def test_the_number_of_choices_of_huge_numbers() -> None:
    found = special.binom(xp.asarray([1e300, 1e16, 1e5]), 0.5).numpy()
    # n^½ / Γ(3/2), from mpmath
    right = [1.1283791670955126e150, 112837916.70955126, 356.82526926186203]
    np.testing.assert_allclose(found, right, rtol=1e-6)
