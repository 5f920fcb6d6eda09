"""Interpolation, differentiable by values and query points (and by the places of the data)."""

from tensorxp._backend.names import listing
from tensorxp.interpolate._cubic import CubicHermiteSpline, CubicSpline, PchipInterpolator
from tensorxp.interpolate._grid import RegularGridInterpolator, interpn
from tensorxp.interpolate._linear import interp

__all__ = [
    "CubicHermiteSpline",
    "CubicSpline",
    "PchipInterpolator",
    "RegularGridInterpolator",
    "interp",
    "interpn",
]
__dir__ = listing(globals())
