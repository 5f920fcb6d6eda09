"""scipy.signal and scipy.signal.windows."""

import numpy as np

from scipy_calls.samples import IMAGE, S

b, a = np.array([0.2, 0.5, 0.3]), np.array([1.3, -0.4, 0.2])
ZEROS, POLES, GAIN = (
    np.array([-0.3 + 0.2j, -0.3 - 0.2j]),
    np.array([-0.5 + 0.4j, -0.5 - 0.4j]),
    np.array(1.7),
)
SECTIONS = np.array([[0.2, 0.5, 0.3, -0.4, 0.2], [0.4, 0.1, 0.2, 0.3, 0.1]])
LARGE = np.random.default_rng(2).normal(size=(24, 25))
KERNEL = np.array([[0.1, 0.2, 0.1], [0.3, 1.0, 0.2], [0.1, 0.4, 0.1]])
STATE = (
    np.array([[0.2, 0.1], [0.3, 0.5]]),
    np.array([[1.0], [0.5]]),
    np.array([[1.0, 0.3]]),
    np.array([[0.4]]),
)
W = np.array([0.3, 0.7, 1.1, 2.0])


def namespace(x):
    """Return the library that an array belongs to."""
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()
    return __import__(type(x).__module__.split(".")[0])


def like(x, value):
    """Return a constant as an array of the library of `x`."""
    return namespace(x).asarray(np.asarray(value, dtype=float))


def sections(c):
    """Return second-order sections: their fourth column must be ones."""
    return namespace(c).concat([c[:, :3], like(c, np.ones((2, 1))), c[:, 3:]], axis=1)


def pair(v):
    """Return a conjugate pair of complex numbers."""
    xp = namespace(v)
    z = v[:1] + 1j * v[1:]
    return xp.concat([z, xp.conj(z)])


def symmetric(z, p, k):
    """Return what does not depend on the order of zeros and poles."""
    return (z**2).sum(), (p**2).sum(), k


def window(*parameters):
    """Call a window of eleven points, made by the library of the given array."""
    return lambda f, x: f(11, *parameters, xp=namespace(x)), S[:2]


def design(*parameters, **options):
    """Call a filter design of numbers on the library of the given array."""
    return lambda f, x: f(*parameters, **options, xp=namespace(x)), S[:2]


def edges(*parameters, **options):
    """Call a filter design whose band edges are an array."""
    return lambda f, w: f(*parameters, w, **options), np.array([0.2, 0.45])


CALLS = {
    "abcd_normalize": STATE,
    "bessel": edges(2, btype="bandpass"),
    "butter": edges(2, btype="bandpass"),
    "cheby1": edges(2, 1.0, btype="bandpass"),
    "cheby2": edges(2, 20.0, btype="bandpass"),
    "ellip": edges(2, 1.0, 20.0, btype="bandpass"),
    "iirfilter": edges(2, btype="bandpass"),
    "iirdesign": (
        lambda f, wp, ws: f(wp, ws, 1.0, 20.0),
        np.array([0.3, 0.45]),
        np.array([0.2, 0.6]),
    ),
    **{n: design(3) for n in ("besselap", "buttap")},
    "cheb1ap": design(3, 1.0),
    "cheb2ap": design(3, 20.0),
    "ellipap": design(3, 1.0, 20.0),
    **{
        n: (lambda f, wp, ws: f(wp, ws, 1.0, 20.0), np.array([0.2, 0.5]), np.array([0.1, 0.6]))
        for n in ("buttord", "cheb1ord", "cheb2ord", "ellipord")
    },
    "gammatone": design(0.3, "iir"),
    "iircomb": design(0.25, 30.0),
    "iirnotch": design(0.3, 30.0),
    "iirpeak": design(0.3, 30.0),
    "bilinear": (lambda f, b, a: f(b, a, 2.0), b, a),
    "bilinear_zpk": (lambda f, z, p, k: f(z, p, k, 2.0), ZEROS, POLES, GAIN),
    "bode": (lambda f, b, a, w: f((b, a), w), b, a, W),
    "choose_conv_method": (lambda f, x, y: f(x, y), S, S[:5]),
    **{
        n: (lambda f, x, y: f(x, y), S, S[:5])
        for n in ("convolve", "correlate", "fftconvolve", "oaconvolve")
    },
    **{n: (lambda f, x, y: f(x, y), IMAGE, KERNEL) for n in ("convolve2d", "correlate2d")},
    "cspline1d": (S[:12],),
    "qspline1d": (S[:12],),
    "cspline2d": (LARGE,),
    "cspline1d_eval": (lambda f, c, x: f(c, x), S[:12], W + 2),
    "qspline1d_eval": (lambda f, c, x: f(c, x), S[:12], W + 2),
    "gauss_spline": (lambda f, x: f(x, 3), W),
    "spline_filter": (np.outer(*[np.linspace(1, 2, 40) ** 2] * 2),),
    "deconvolve": (lambda f, x, y: f(x, y), S[:9], np.array([1.0, 0.4, 0.2])),
    "detrend": (S,),
    "envelope": (lambda f, x: f(x, (1, None)), S),
    "hilbert": (S,),
    "hilbert2": (IMAGE,),
    "filtfilt": (b, a, S),
    "lfilter": (b, a, S),
    "lfilter_zi": (b, a),
    "lfiltic": (lambda f, b, a, y, x: f(b, a, y, x), b, a, S[:2], S[2:4]),
    "sosfilt": (lambda f, c, x: f(sections(c), x), SECTIONS, S),
    "sosfilt_zi": (lambda f, c: f(sections(c)), SECTIONS),
    "order_filter": (lambda f, x, d: f(x, d, 2), IMAGE, np.ones((3, 3))),
    "firls": (lambda f, d: f(7, like(d, [0, 0.3, 0.5, 1]), d), np.array([1.0, 1.0, 0.2, 0.1])),
    "firwin": (lambda f, w: f(9, w), np.array([0.2, 0.45])),
    "firwin2": (lambda f, d: f(9, like(d, [0, 0.3, 0.5, 1]), d), np.array([1.0, 0.9, 0.2, 0.1])),
    "remez": (lambda f, d: f(9, like(d, [0, 0.15, 0.25, 0.5]), d), np.array([1.0, 0.1])),
    "freqs": (b, a, W),
    "freqs_zpk": (ZEROS, POLES, GAIN, W),
    "freqz": (b, a, W),
    "freqz_zpk": (ZEROS, POLES, GAIN, W),
    "freqz_sos": (lambda f, c, w: f(sections(c), w), SECTIONS, W),
    "sosfreqz": (lambda f, c, w: f(sections(c), w), SECTIONS, W),
    "group_delay": (lambda f, b, a, w: f((b, a), w), b, a, W),
    "get_window": (lambda f, x: f("hann", 11, xp=namespace(x)), S[:2]),
    "impulse": (lambda f, b, a: f((b, a), T=like(b, [0.0, 0.4, 0.8])), b[:2], a),
    **{n: (lambda f, b, a: f(b, a, 1.3), b, a) for n in ("lp2hp", "lp2lp")},
    **{n: (lambda f, b, a: f(b, a, 1.3, 0.4), b, a) for n in ("lp2bp", "lp2bs")},
    **{
        n: (lambda f, z, p, k: f(z, p, k, 1.3), ZEROS, POLES, GAIN)
        for n in ("lp2hp_zpk", "lp2lp_zpk")
    },
    **{
        n: (lambda f, z, p, k: f(z, p, k, 1.3, 0.4), ZEROS, POLES, GAIN)
        for n in ("lp2bp_zpk", "lp2bs_zpk")
    },
    "medfilt": (S,),
    "medfilt2d": (IMAGE,),
    "wiener": (S,),
    "minimum_phase": (np.array([0.1, 0.3, 0.6, 0.3, 0.1]),),
    "normalize": (b, a),
    "place_poles": (lambda f, a, b: f(a, b, like(a, [-1.0, -2.0])).gain_matrix, STATE[0], STATE[1]),
    "resample": (lambda f, x: f(x, 40), S),
    "resample_poly": (lambda f, x: f(x, 3, 2), S),
    "decimate": (lambda f, x: f(x, 2), S),
    "savgol_coeffs": (lambda f, x: f(5, 2, xp=namespace(x)), S[:2]),
    "savgol_filter": (lambda f, x: f(x, 5, 2), S),
    "sos2tf": (lambda f, c: f(sections(c)), SECTIONS),
    "sos2zpk": (lambda f, c: symmetric(*f(sections(c))), SECTIONS),
    "tf2sos": (b, a),
    "tf2zpk": (lambda f, b, a: symmetric(*f(b, a)), b, a),
    "zpk2sos": (
        lambda f, z, p, k: f(pair(z), pair(p), k),
        np.array([-0.3, 0.2]),
        np.array([-0.5, 0.4]),
        GAIN,
    ),
    "zpk2tf": (ZEROS, POLES, GAIN),
    "upfirdn": (lambda f, h, x: f(h, x, 3, 2), b, S),
    "vectorstrength": (lambda f, e, p: f(e, p), W, np.array(1.7)),
}

WINDOWS = {
    **{
        n: window()
        for n in (
            "boxcar",
            "triang",
            "parzen",
            "bohman",
            "blackman",
            "nuttall",
            "blackmanharris",
            "flattop",
            "bartlett",
            "barthann",
            "hamming",
            "cosine",
            "hann",
            "exponential",
            "tukey",
            "taylor",
            "lanczos",
        )
    },
    "kaiser": window(3.0),
    "gaussian": window(2.0),
    "general_gaussian": window(1.5, 2.0),
    "general_hamming": window(0.6),
    "chebwin": window(60.0),
    "kaiser_bessel_derived": (lambda f, x: f(12, 3.0, xp=namespace(x)), S[:2]),
    "general_cosine": (lambda f, c: f(11, c), np.array([0.5, 0.3, 0.2])),
    "get_window": (lambda f, x: f("hann", 11, xp=namespace(x)), S[:2]),
}
