"""NumPy's statistics: tables; NaN, even and odd numbers of elements, errors by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal, spaced, uniform
from tests.harness import Row, table


def holed(*shape):
    """Return a sampler of numbers of which some are NaN."""

    def sampler(rng):
        out = rng.permutation(np.prod(shape)).reshape(shape) * 0.1
        out.reshape(-1)[::4] = np.nan
        return out

    return sampler


ROWS = [
    *(
        Row(
            f"{name} {axis}",
            lambda x, f=name, a=axis: getattr(xp, f)(x, axis=a),
            (spaced(3, 5),),
            lambda x, f=name, a=axis: getattr(np, f)(x, axis=a),
        )
        for name in ("nansum", "nanmean", "nanmax", "nanmin", "ptp", "median", "average")
        for axis in (None, 0, 1, (0, 1))
        if not (name == "average" and axis == (0, 1))
    ),
    *(
        Row(
            f"quantile {method} {q}",
            lambda x, q=q, m=method: xp.quantile(x, q, axis=1, method=m, keepdims=True),
            (spaced(3, 6),),
            lambda x, q=q, m=method: np.quantile(x, q, axis=1, method=m, keepdims=True),
            float32=isinstance(q, float),  # NumPy gives float64 for a list
        )
        for method in ("linear", "lower", "higher", "midpoint", "nearest")
        for q in (0.0, 0.33, 0.5, 0.9, 1.0, [0.1, 0.7], [[0.2], [0.4]])
    ),
    Row("percentile", lambda x: xp.percentile(x, 30), (spaced(7),), lambda x: np.percentile(x, 30)),
    Row(
        "median torch",
        lambda x: xp.median(x),
        (spaced(7),),
        torch=lambda x: x.median(),
        order2=False,
        torch_order2=False,
    ),
    Row(
        "average weights",
        lambda x, w: xp.average(x, weights=w, axis=1),
        (normal(3, 4), uniform(0.5, 2, 3, 4)),
        lambda x, w: np.average(x, weights=w, axis=1),
    ),
    Row(
        "average weights 1d",
        lambda x, w: xp.average(x, weights=w, axis=0),
        (normal(3, 4), uniform(0.5, 2, 3)),
        lambda x, w: np.average(x, weights=w, axis=0),
    ),
    Row(
        "trapezoid",
        lambda y: xp.trapezoid(y, dx=0.5),
        (normal(3, 4),),
        lambda y: np.trapezoid(y, dx=0.5),
        complex=True,
    ),
    Row(
        "trapezoid places",
        lambda y, x: xp.trapezoid(y, x, axis=0),
        (normal(4, 3), normal(4)),
        lambda y, x: np.trapezoid(y, x, axis=0),
        torch=lambda y, x: pytest.importorskip("torch").trapezoid(y, x[:, None], dim=0),
    ),
    Row("trapezoid full", xp.trapezoid, (normal(2, 3), normal(2, 3)), np.trapezoid, "trapezoid"),
    # cov and corrcoef keep single precision, which NumPy does not
    Row("cov", xp.cov, (normal(3, 8),), np.cov, torch="cov", complex=True, float32=False),
    Row(
        "cov columns",
        lambda x: xp.cov(x, rowvar=False),
        (normal(8, 3),),
        lambda x: np.cov(x.T),
        float32=False,
    ),
    Row("cov 1d", xp.cov, (normal(8),), np.cov, float32=False),
    Row(
        "cov weights",
        lambda x, w: xp.cov(x, weights=w),
        (normal(3, 8), uniform(0.5, 2, 8)),
        lambda x, w: np.cov(x, aweights=w),
        float32=False,
    ),
    Row("corrcoef", xp.corrcoef, (normal(3, 8),), np.corrcoef, torch="corrcoef", float32=False),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanmax", "nanmin"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_nan_is_passed_over(name, axis):
    a = holed(3, 5)(np.random.default_rng(0))
    x = xp.asarray(a).requires_grad_()
    out = getattr(xp, name)(x, axis=axis)
    np.testing.assert_allclose(out.detach().numpy(), getattr(np, name)(a, axis=axis))
    xp.sum(out).backward()
    assert np.all(np.isfinite(x.grad.numpy()))
    assert not np.any(x.grad.numpy()[np.isnan(a)])


def test_nothing_but_nan():
    x = xp.asarray([xp.nan, xp.nan])
    assert float(xp.nansum(x)) == 0
    for fn in (xp.nanmax, xp.nanmin):
        assert bool(xp.isnan(fn(x)))


def test_integers():
    x = xp.asarray([3, 1, 2, 8])
    assert int(xp.nanmax(x)) == 8 and int(xp.nansum(x)) == 14
    assert float(xp.median(x)) == 2.5
    assert float(xp.quantile(x, 0.5)) == 2.5
    assert int(xp.ptp(x)) == 7


def test_nan_makes_medians_and_quantiles_nan():
    x = xp.asarray([[1.0, xp.nan], [1.0, 2.0]])
    np.testing.assert_array_equal(xp.median(x, axis=1).numpy(), [np.nan, 1.5])
    np.testing.assert_array_equal(xp.quantile(x, 0.0, axis=1).numpy(), [np.nan, 1.0])


def test_errors():
    x = xp.ones((2, 3))
    with pytest.raises(ValueError, match="quantile: q is 2"):
        xp.quantile(x, 2.0)
    with pytest.raises(ValueError, match="quantile: method"):
        xp.quantile(x, 0.5, method="best")
    with pytest.raises(ValueError, match="median: no elements"):
        xp.median(xp.zeros((0,)))
    with pytest.raises(ValueError, match="average: weights have shape"):
        xp.average(x, weights=xp.ones(2))
    with pytest.raises(ValueError, match="cov: x has 3 dimensions"):
        xp.cov(xp.ones((2, 2, 2)))
    with pytest.raises(TypeError, match="nansum: x is a"):
        xp.nansum([1.0])


def test_single_precision_stays():
    x = xp.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    for fn in (xp.cov, xp.median, lambda x: xp.quantile(x, [0.1, 0.7]), xp.nanmean):
        assert fn(x).dtype == xp.float32


def test_one_variable_has_a_variance_of_0_dimensions():
    for x in ([[1.0, 2.0]], [1.0, 2.0]):
        assert xp.cov(xp.asarray(x)).shape == ()
        assert float(xp.cov(xp.asarray(x))) == 0.5
        assert xp.corrcoef(xp.asarray(x)).shape == ()
        assert float(xp.corrcoef(xp.asarray(x))) == pytest.approx(1.0)
    columns = xp.asarray([[1.0], [2.0]])
    assert xp.cov(columns, rowvar=False).shape == ()
    assert xp.cov(xp.asarray([[1.0, 3.0], [2.0, 2.0]])).shape == (2, 2)


def test_complex_nan_passes_through_the_middle():
    x = xp.asarray(np.array([1, np.nan, 3], dtype=complex))
    assert bool(xp.isnan(xp.median(x)))
    assert bool(xp.isnan(xp.quantile(x, 0.5)))
    rows = xp.asarray(np.array([[1, np.nan, 3], [1, 2, 3]], dtype=complex))
    assert xp.isnan(xp.median(rows, axis=1)).tolist() == [True, False]
    assert complex(xp.median(rows, axis=1)[1]) == 2
