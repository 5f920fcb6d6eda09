"""Interpolators: the values of NumPy and SciPy, and gradients in every argument."""

import numpy as np
import pytest

import tensorxp as xp

rng = np.random.default_rng(0)
X = np.sort(rng.random(7))
Y = rng.normal(size=(7, 2))
Q = np.concatenate([rng.random(6) * 1.4 - 0.2, X[[0, 3, -1]]])
GRID = (np.sort(rng.random(4)), np.sort(rng.random(3)))
VALUES = rng.normal(size=(4, 3, 2))
XI = rng.random((5, 2))

scipy = pytest.importorskip("scipy.interpolate", reason="SciPy is not installed")


def recorded(*arrays):
    return tuple(xp.tensor(a, requires_grad=True) for a in arrays)


def close(found, expected, rtol=1e-9):
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=rtol, atol=1e-9)


def test_interp():
    y = Y[:, 0]
    close(xp.interpolate.interp(Q, X, y), np.interp(Q, X, y))
    close(xp.interpolate.interp(Q, X, y, left=-3.0, right=5.0), np.interp(Q, X, y, -3, 5))
    period = np.interp(3 * Q, X[::-1], y, period=0.9)
    close(xp.interpolate.interp(3 * Q, X[::-1].copy(), y, period=0.9), period)
    close(xp.interpolate.interp(0.3, [0.5], [2.0]), 2.0)


def test_interp_gradients():
    q, x, y, left = recorded(Q[:6], X, Y[:, 0], np.array(0.3))
    assert xp.autograd.gradcheck(
        lambda q, x, y, left: xp.interpolate.interp(q, x, y, left=left), (q, x, y, left),
        check_forward_ad=True,
    )  # fmt: skip
    assert xp.autograd.gradgradcheck(lambda q, y: xp.interpolate.interp(q, X, y), (q, y))


def test_interp_slopes_at_points_and_outside():
    q = xp.tensor([-1.0, 0.0, 1.0, 2.0, 3.0], requires_grad=True)
    xp.interpolate.interp(q, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]).sum().backward()
    assert q.grad.tolist() == [0.0, 1.0, 2.0, 2.0, 0.0]


@pytest.mark.parametrize("n", [2, 3, 4, 7])
@pytest.mark.parametrize(
    "ends", ["not-a-knot", "natural", "clamped", ((1, 0.5), (2, -0.3)), ((2, 0.1), "not-a-knot")]
)
def test_cubic_spline(n, ends):
    theirs = ends
    if not isinstance(ends, str):
        theirs = tuple(e if isinstance(e, str) else (e[0], np.full(2, e[1])) for e in ends)
    expected = scipy.CubicSpline(X[:n], Y[:n], bc_type=theirs)
    found = xp.interpolate.CubicSpline(X[:n], Y[:n], bc_type=ends)
    for nu in range(3):
        size = np.abs(Y).max() / np.diff(X[:n]).min() ** nu  # of what rounding is a share
        close(found(Q, nu) / size, expected(Q, nu) / size)


def test_cubic_spline_periodic_and_axes():
    y = Y.copy()
    y[-1] = y[0]
    inside = X[:-1] + 0.01
    expected = scipy.CubicSpline(X, y, bc_type="periodic")(inside)
    close(xp.interpolate.CubicSpline(X, y, bc_type="periodic")(inside), expected)
    places = Q.reshape(3, 3)
    found = xp.interpolate.CubicSpline(X, Y.T, axis=1)(places)
    assert found.shape == (2, 3, 3)
    close(found, scipy.CubicSpline(X, Y.T, axis=1)(places), rtol=1e-8)
    outside = xp.interpolate.CubicSpline(X, Y, extrapolate=False)(Q)
    np.testing.assert_array_equal(
        np.isnan(outside.numpy()), np.isnan(scipy.CubicSpline(X, Y, extrapolate=False)(Q))
    )


@pytest.mark.parametrize("ends", ["not-a-knot", "natural", "clamped"])
def test_cubic_spline_gradients(ends):
    x, y, q = recorded(X, Y, Q[:4])

    def spline(x, y, q):
        return xp.interpolate.CubicSpline(x, y, bc_type=ends)(q)

    assert xp.autograd.gradcheck(spline, (x, y, q), rtol=1e-2)
    assert xp.autograd.gradgradcheck(lambda y, q: spline(xp.asarray(X), y, q), (y, q))


def test_the_gradient_by_a_query_is_the_derivative():
    (q,) = recorded(Q[:6])
    for kind in (xp.interpolate.CubicSpline, xp.interpolate.PchipInterpolator):
        spline = kind(X, Y[:, 0])
        (g,) = xp.autograd.grad(spline(q), q, xp.ones(6))
        close(spline(Q[:6], nu=1), g.numpy())


@pytest.mark.parametrize("n", [2, 3, 7])
def test_pchip(n):
    close(
        xp.interpolate.PchipInterpolator(X[:n], Y[:n])(Q), scipy.PchipInterpolator(X[:n], Y[:n])(Q)
    )
    flat = Y.copy()
    flat[2] = flat[3]
    close(xp.interpolate.PchipInterpolator(X, flat)(Q), scipy.PchipInterpolator(X, flat)(Q))


def test_pchip_gradients():
    x, y, q = recorded(X, Y, Q[:4])
    assert xp.autograd.gradcheck(
        lambda x, y, q: xp.interpolate.PchipInterpolator(x, y)(q), (x, y, q), rtol=1e-2
    )
    flat = xp.tensor([0.0, 1.0, 1.0, 0.0], requires_grad=True)
    xp.interpolate.PchipInterpolator([0.0, 1.0, 2.0, 3.0], flat)(1.5).backward()
    assert np.isfinite(flat.grad.numpy()).all()


def test_hermite_gradients():
    x, y, s, q = recorded(X, Y, Y[::-1].copy(), Q[:4])
    spline = scipy.CubicHermiteSpline(X, Y, Y[::-1])
    close(xp.interpolate.CubicHermiteSpline(X, Y, Y[::-1].copy())(Q), spline(Q))
    assert xp.autograd.gradcheck(
        lambda *data: xp.interpolate.CubicHermiteSpline(*data[:3])(data[3]), (x, y, s, q), rtol=1e-2
    )


@pytest.mark.parametrize("fill", [None, 3.0])
@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_grid(fill, method):
    found = xp.interpolate.interpn(GRID, VALUES, XI, method, False, fill)
    close(found, scipy.interpn(GRID, VALUES, XI, method, False, fill))
    by_tuple = xp.interpolate.RegularGridInterpolator(GRID, VALUES, method, False, fill)
    close(by_tuple((XI[:, 0], XI[:, 1])), found.numpy())


def test_grid_gradients():
    arrays = recorded(*GRID, VALUES, XI)

    def interpolant(a, b, values, xi):
        return xp.interpolate.interpn((a, b), values, xi, bounds_error=False, fill_value=None)

    assert xp.autograd.gradcheck(interpolant, arrays, rtol=1e-2)


def test_errors():
    interpolate = xp.interpolate
    with pytest.raises(ValueError, match="strictly increasing"):
        interpolate.interp(0.5, [1.0, 0.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="fp has shape"):
        interpolate.interp(0.5, [0.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="period"):
        interpolate.interp(0.5, [0.0, 1.0], [1.0, 2.0], period=-1)
    with pytest.raises(ValueError, match="at least 2"):
        interpolate.CubicSpline([1.0], [1.0])
    with pytest.raises(ValueError, match="3 values along axis 0 for 2"):
        interpolate.CubicSpline([0.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        interpolate.PchipInterpolator([0.0, 1.0], [1.0, 2.0], axis=2)
    with pytest.raises(ValueError, match="end as it begins"):
        interpolate.CubicSpline([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], bc_type="periodic")
    with pytest.raises(ValueError, match="bc_type"):
        interpolate.CubicSpline([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], bc_type=((3, 0.0), "natural"))
    with pytest.raises(ValueError, match="nu is"):
        interpolate.CubicSpline([0.0, 1.0], [1.0, 2.0])(0.5, nu=-1)
    with pytest.raises(ValueError, match="out of bounds"):
        interpolate.interpn(GRID, VALUES, [[5.0, 0.5]])
    with pytest.raises(ValueError, match="method"):
        interpolate.interpn(GRID, VALUES, XI, method="cubic")
    with pytest.raises(ValueError, match="points make a grid"):
        interpolate.RegularGridInterpolator(GRID, VALUES[:2])
    with pytest.raises(ValueError, match="last axis"):
        interpolate.RegularGridInterpolator(GRID, VALUES)([1.0, 2.0, 3.0])


def test_devices(device):
    x, y = (xp.asarray(a, device=device) for a in (X, Y))
    q = xp.tensor([X[1] + 0.01], device=device, requires_grad=True)
    for found in (
        xp.interpolate.interp(q, x, y[:, 0]),
        xp.interpolate.CubicSpline(x, y)(q),
        xp.interpolate.PchipInterpolator(x, y)(q),
        xp.interpolate.RegularGridInterpolator((x,), y)(q[:, None]),
    ):
        assert str(found.device) == device
        xp.sum(found).backward()
    assert str(q.grad.device) == device
