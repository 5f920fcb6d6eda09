"""Optimisation and root finding by SciPy's solvers, with exact derivatives inside and outside.

Inside: gradients, Hessians and Jacobians come from autograd. Outside: the solution carries a
gradient to the parameters of the problem, by the implicit function theorem.
"""

from tensorxp._backend.names import listing
from tensorxp.optimize._least_squares import least_squares
from tensorxp.optimize._minimize import minimize
from tensorxp.optimize._results import OptimizeResult
from tensorxp.optimize._root import fixed_point, root

__all__ = ["OptimizeResult", "fixed_point", "least_squares", "minimize", "root"]
__dir__ = listing(globals())
