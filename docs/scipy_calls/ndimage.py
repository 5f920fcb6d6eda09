"""scipy.ndimage."""

import numpy as np

from scipy_calls.samples import IMAGE, LABELS, MASK

KERNEL = np.array([[0.1, 0.2, 0.1], [0.3, 1.0, 0.2], [0.1, 0.4, 0.1]])
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
IM = IMAGE + 0j
CALLS = {
    **{
        n: (IMAGE,)
        for n in (
            "laplace",
            "prewitt",
            "sobel",
            "spline_filter",
            "spline_filter1d",
            "distance_transform_edt",
            "distance_transform_cdt",
            "distance_transform_bf",
            "center_of_mass",
            "extrema",
            "maximum",
            "mean",
            "median",
            "minimum",
            "standard_deviation",
            "sum_labels",
            "variance",
            "maximum_position",
            "minimum_position",
        )
    },
    **{
        n: (lambda f, x: f(x, 1.3), IMAGE)
        for n in (
            "gaussian_filter",
            "gaussian_filter1d",
            "gaussian_gradient_magnitude",
            "gaussian_laplace",
        )
    },
    **{
        n: (lambda f, x: f(x, size=3), IMAGE)
        for n in (
            "black_tophat",
            "white_tophat",
            "grey_closing",
            "grey_dilation",
            "grey_erosion",
            "grey_opening",
            "morphological_gradient",
            "morphological_laplace",
            "maximum_filter",
            "minimum_filter",
            "median_filter",
            "uniform_filter",
        )
    },
    **{
        n: (lambda f, x: f(x, 3), IMAGE)
        for n in ("maximum_filter1d", "minimum_filter1d", "uniform_filter1d")
    },
    **{
        n: (MASK,)
        for n in (
            "binary_closing",
            "binary_dilation",
            "binary_erosion",
            "binary_fill_holes",
            "binary_hit_or_miss",
            "binary_opening",
            "binary_propagation",
        )
    },
    "affine_transform": (IMAGE, np.array([[0.9, 0.1], [-0.1, 1.1]])),
    "convolve": (IMAGE, KERNEL),
    "correlate": (IMAGE, KERNEL),
    "convolve1d": (IMAGE, KERNEL[0]),
    "correlate1d": (IMAGE, KERNEL[0]),
    "find_objects": (lambda f, x: [s.start for s in f(x)[0]], LABELS),
    **{
        n: (lambda f, x: f(x, 2), IM)
        for n in ("fourier_ellipsoid", "fourier_gaussian", "fourier_uniform")
    },
    "fourier_shift": (lambda f, x: f(x, (0.3, 0.4)), IM),
    "generic_filter": (lambda f, x: f(x, np.mean, size=3), IMAGE),
    "generic_filter1d": (
        lambda f, x: f(x, lambda i, o: o.__setitem__(slice(None), i[:-2] + i[2:]), 3),
        IMAGE,
    ),
    "generic_gradient_magnitude": (
        lambda f, x: f(x, __import__("scipy.ndimage").ndimage.sobel),
        IMAGE,
    ),
    "generic_laplace": (
        lambda f, x: f(
            x,
            lambda i, a, o, m, c: __import__("scipy.ndimage").ndimage.correlate1d(
                i, [1, -2, 1], a, o, m, c, 0
            ),
        ),
        IMAGE,
    ),
    "geometric_transform": (lambda f, x: f(x, lambda p: (p[0] * 0.9, p[1] * 0.8)), IMAGE),
    "histogram": (lambda f, x: f(x, -2, 2, 5), IMAGE),
    "iterate_structure": (lambda f, x: f(x, 2), CROSS),
    "label": (lambda f, x: f(x), MASK),
    "labeled_comprehension": (lambda f, x, l: f(x, l, [1, 2], np.mean, float, 0.0), IMAGE, LABELS),
    "map_coordinates": (IMAGE, np.array([[1.3, 2.6], [2.2, 3.1]])),
    "percentile_filter": (lambda f, x: f(x, 30, size=3), IMAGE),
    "rank_filter": (lambda f, x: f(x, 2, size=3), IMAGE),
    "rotate": (lambda f, x: f(x, 20.0), IMAGE),
    "shift": (lambda f, x: f(x, (0.3, 0.4)), IMAGE),
    "zoom": (lambda f, x: f(x, 1.5), IMAGE),
    "value_indices": (lambda f, x: [v[0] for v in f(x).values()], LABELS),
    "vectorized_filter": (lambda f, x: f(x, _last_mean, size=3), IMAGE),
    "watershed_ift": (lambda f, x, m: f(x, m), LABELS.astype(np.uint8), LABELS * (LABELS < 3)),
}


def _last_mean(x, axis=None, **kwargs):
    return np.mean(x, axis=axis)
