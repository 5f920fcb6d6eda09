"""scipy.fft."""

import numpy as np

from scipy_calls.samples import A, C, S
from scipy_calls.signal import namespace

CA = A + 1j * A[::-1]
CALLS = {
    **{n: (C,) for n in ("fft", "ifft", "hfft", "irfft")},
    **{n: (S[:10],) for n in ("rfft", "ihfft", "dct", "idct", "dst", "idst")},
    **{n: (CA,) for n in ("fft2", "ifft2", "fftn", "ifftn", "irfft2", "irfftn", "hfft2", "hfftn")},
    **{n: (A,) for n in ("rfft2", "rfftn", "ihfft2", "ihfftn", "dctn", "idctn", "dstn", "idstn")},
    "fftfreq": (lambda f, x: f(8, xp=namespace(x)), S[:2]),
    "rfftfreq": (lambda f, x: f(8, xp=namespace(x)), S[:2]),
    "fftshift": (S,),
    "ifftshift": (S,),
    "fht": (lambda f, x: f(x, 0.1, 0.5), np.abs(S[:8]) + 0.1),
    "ifht": (lambda f, x: f(x, 0.1, 0.5), np.abs(S[:8]) + 0.1),
}
