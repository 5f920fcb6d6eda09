"""Discrete Fourier transforms: the standard's extension, and NumPy's two-dimensional ones."""

from tensorxp._backend.names import listing
from tensorxp.fft.frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from tensorxp.fft.transforms import (
    fft,
    fft2,
    fftn,
    hfft,
    ifft,
    ifft2,
    ifftn,
    ihfft,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftn,
)

__all__ = [
    "fft",
    "ifft",
    "fftn",
    "ifftn",
    "rfft",
    "irfft",
    "rfftn",
    "irfftn",
    "hfft",
    "ihfft",
    "fftfreq",
    "rfftfreq",
    "fftshift",
    "ifftshift",
    "fft2",
    "ifft2",
    "rfft2",
    "irfft2",
]
__dir__ = listing(globals())
