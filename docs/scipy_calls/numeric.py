"""scipy.integrate, interpolate, linalg, optimize, differentiate, constants and cluster."""

import numpy as np
from scipy.stats import qmc

from scipy_calls.samples import P2, P3, POINTS, POSITIVE, A, B, P, S
from scipy_calls.signal import namespace

T = np.linspace(0.0, 1.0, 12)
V = np.cos(5 * T) + T
KNOTS = np.array([0, 0, 0, 0, 0.4, 0.7, 1, 1, 1, 1.0])


def _like(x, value):
    return namespace(x).asarray(value)


def _exp(x):  # of any library's arrays
    return 2.718281828459045**x


DISTANCES = np.array([1.1, 3.2, 4.7, 2.9, 4.1, 2.0])
SPREAD = np.array([[1.1, 0.0, 1, 0.0], [2.0, 0.0, 1, 0.0], [2.0, 0.9, 3, 1.0]])
HEIGHTS = np.array([1.1, 2.0, 2.9])


def _merges(d):
    """Return the linkage of four points with given heights."""
    ids, counts = (
        _like(d, np.array([[0.0, 1], [2, 3], [4, 5]])),
        _like(d, np.array([[2.0], [2], [4]])),
    )
    return namespace(d).concat([ids, d[:, None], counts], axis=1)


def _linked(name, *more):
    return name, (lambda f, d: f(_merges(d), *more), HEIGHTS)


INTEGRATE = {
    "cubature": (
        lambda f, a, b: f(lambda x: _exp(x[:, 0]) * x[:, 1], a, b).estimate,
        np.array([0.1, 0.2]),
        np.array([1.0, 1.3]),
    ),
    "cumulative_simpson": (lambda f, y, x: f(y, x=x), V, T),
    "cumulative_trapezoid": (lambda f, y, x: f(y, x=x), V, T),
    "qmc_quad": (
        lambda f, a, b: f(lambda x: x[0] * x[1], a, b, n_points=64, qrng=qmc.Halton(2, seed=1)),
        np.array([0.1, 0.2]),
        np.array([1.0, 1.3]),
    ),
    "romb": (lambda f, y: f(y, dx=0.1), S[:9]),
    "tanhsinh": (lambda f, a, b: f(lambda x: _exp(x) * x, a, b).integral, P * 0.1, P2),
    "trapezoid": (lambda f, y, x: f(y, x=x), V, T),
}
INTERPOLATE = {
    "generate_knots": (lambda f, x, y: list(f(x, y, s=0.01))[-1], T, V),
    "make_interp_spline": (lambda f, x, y: f(x, y).c, T, V),
    "make_lsq_spline": (lambda f, x, y: f(x, y, _like(x, KNOTS)).c, T * 0.98 + 0.01, V),
    "make_smoothing_spline": (lambda f, x, y: f(x, y, lam=0.01).c, T, V),
    "make_splprep": (lambda f, x, y: f([x, y], s=0.01)[1], T, V),
    "make_splrep": (lambda f, x, y: f(x, y, s=0.01).c, T, V),
    "BSpline": (
        lambda f, c, x: f(_like(c, KNOTS), c, 3)(x),
        P3[[0, 1, 2, 3, 0, 1]],
        np.array([0.2, 0.55, 0.9]),
    ),
    "PPoly": (
        lambda f, c, b, x: f(c, b)(x),
        A[:3, :4],
        np.array([0.0, 0.3, 0.5, 0.8, 1.0]),
        np.array([0.2, 0.55, 0.9]),
    ),
    "CubicSpline": (lambda f, x, y, q: f(x, y)(q), T, V, np.array([0.2, 0.55, 0.9])),
    "PchipInterpolator": (lambda f, x, y, q: f(x, y)(q), T, V, np.array([0.2, 0.55, 0.9])),
    "Akima1DInterpolator": (lambda f, x, y, q: f(x, y)(q), T, V, np.array([0.2, 0.55, 0.9])),
    "CubicHermiteSpline": (lambda f, x, y, q: f(x, y, y)(q), T, V, np.array([0.2, 0.55, 0.9])),
    "BarycentricInterpolator": (lambda f, x, y, q: f(x, y)(q), T[:5], V[:5], np.array([0.2, 0.25])),
    "KroghInterpolator": (lambda f, x, y, q: f(x, y)(q), T[:5], V[:5], np.array([0.2, 0.25])),
    "RegularGridInterpolator": (
        lambda f, v, q: f((_like(v, T[:5]), _like(v, T[:6])), v)(q),
        A,
        np.array([[0.12, 0.33], [0.21, 0.4]]),
    ),
    "RBFInterpolator": (
        lambda f, y, d, q: f(y, d, kernel="cubic")(q),
        POINTS,
        POSITIVE[:8],
        POINTS[:2] + 0.1,
    ),
    "AAA": (lambda f, x, y: f(x, y)(x + 0.01), T, V),
    "NdBSpline": (
        lambda f, c, q: f((_like(c, np.array([0, 0, 0.5, 1, 1.0])),) * 2, c, 1)(q),
        A[:3, :3],
        np.array([[0.2, 0.3]]),
    ),
}
LINALG = {
    "block_diag": (lambda f, a, b: f(a, b), A[:2, :3], B[:2, :2]),
    "fiedler": (P,),
    "orthogonal_procrustes": (A[:, :3], A[:, 3:]),
}
OPTIMIZE = {
    "rosen": (P,),
    "rosen_der": (P,),
    "rosen_hess": (P,),
    "rosen_hess_prod": (P, P2),
}
ELEMENTWISE = {
    "find_root": (lambda f, a, c: f(lambda x, c: x**3 - c, (a, a + 5), args=(c,)).x, P * 0.1, P2),
    "find_minimum": (
        lambda f, a, c: f(lambda x, c: (x - c) ** 2 + 0.1 * x**4, (a, a + 1, a + 5), args=(c,)).x,
        P * 0.01,
        P2,
    ),
    "bracket_root": (
        lambda f, a, c: f(lambda x, c: x**3 - c, a, args=(c,)).bracket[1],
        P * 0.1,
        P2,
    ),
}
DIFFERENTIATE = {
    "derivative": (lambda f, x: f(lambda x: _exp(x) * x, x).df, P),
    "jacobian": (lambda f, x: f(lambda x: x**2 * x[0], x).df, P[:2]),
    "hessian": (lambda f, x: f(lambda x: x[0] ** 2 * x[1], x).ddf, P[:2]),
}
CONSTANTS = {
    "convert_temperature": (lambda f, x: f(x, "Celsius", "Kelvin"), P),
    "lambda2nu": (P,),
    "nu2lambda": (P,),
}
VQ = {
    "whiten": (POINTS,),
    "vq": (lambda f, x, c: f(x, c), POINTS, POINTS[:2]),
    "kmeans": (lambda f, x, c: f(x, c), POINTS, POINTS[[0, 4]]),
    "kmeans2": (lambda f, x, c: f(x, c, minit="matrix"), POINTS, POINTS[[0, 4]]),
}
HIERARCHY = {
    **{n: (DISTANCES,) for n in ("average", "complete", "single", "weighted", "linkage")},
    **{n: (POINTS,) for n in ("centroid", "median", "ward")},
    **dict(
        _linked(n)
        for n in (
            "inconsistent",
            "is_monotonic",
            "is_valid_linkage",
            "leaves_list",
            "maxdists",
            "num_obs_linkage",
            "to_mlab_linkage",
            "cophenet",
        )
    ),
    "from_mlab_linkage": (
        lambda f, d: f(
            namespace(d).concat(
                [_like(d, np.array([[1.0, 2], [3, 4], [5, 6]])), d[:, None]], axis=1
            )
        ),
        HEIGHTS,
    ),
    "correspond": (lambda f, d, y: f(_merges(d), y), HEIGHTS, DISTANCES),
    "dendrogram": (lambda f, d: f(_merges(d), no_plot=True)["leaves"], HEIGHTS),
    "fcluster": (lambda f, d: f(_merges(d), 2, criterion="maxclust"), HEIGHTS),
    "fclusterdata": (lambda f, x: f(x, 1.0), POINTS),
    "is_isomorphic": (np.array([1, 2, 1]), np.array([2, 1, 2])),
    "is_valid_im": (np.array([[1.1, 0.0, 1, 0.0], [2.0, 0.0, 1, 0.0], [2.0, 0.9, 3, 1.0]]),),
    "leaders": (lambda f, d, t: f(_merges(d), t), HEIGHTS, np.array([1, 1, 2, 2], dtype=np.int32)),
    "maxRstat": (lambda f, d: f(_merges(d), _like(d, SPREAD), 3), HEIGHTS),
    "maxinconsts": (lambda f, d: f(_merges(d), _like(d, SPREAD)), HEIGHTS),
    "optimal_leaf_ordering": (lambda f, d, y: f(_merges(d), y), HEIGHTS, DISTANCES),
    "to_tree": (lambda f, d: f(_merges(d)).dist, HEIGHTS),
}
