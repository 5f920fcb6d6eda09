"""Integration of functions, samples and differential equations, differentiable throughout."""

from tensorxp._backend.names import listing
from tensorxp.integrate._ivp import OdeResult, odeint, solve_ivp
from tensorxp.integrate._quadrature import (
    cumulative_trapezoid,
    fixed_quad,
    simpson,
    trapezoid,
)

__all__ = [
    "OdeResult",
    "cumulative_trapezoid",
    "fixed_quad",
    "odeint",
    "simpson",
    "solve_ivp",
    "trapezoid",
]
__dir__ = listing(globals())
