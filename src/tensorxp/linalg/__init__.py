"""Linear algebra: the standard's extension, and what is common beyond it.

Every function takes stacks of matrices in the last two axes. Gradients are recorded in both
modes and to any order.
"""

from numpy.linalg import LinAlgError

from tensorxp._backend.names import listing
from tensorxp._ops.products import matmul, outer, tensordot, vecdot
from tensorxp._ops.shaping import matrix_transpose
from tensorxp.linalg.decompositions import QRResult, SVDResult, cholesky, qr, svd, svdvals
from tensorxp.linalg.determinants import SlogdetResult, adjugate, det, slogdet
from tensorxp.linalg.eigen import EighResult, EigResult, eig, eigh, eigvals, eigvalsh
from tensorxp.linalg.exponential import expm
from tensorxp.linalg.least_squares import LstsqResult, cond, lstsq, matrix_rank, pinv
from tensorxp.linalg.norms import matrix_norm, norm, vector_norm
from tensorxp.linalg.products import cross, diagonal, matrix_power, multi_dot, trace
from tensorxp.linalg.solvers import inv, solve, solve_triangular

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
    "adjugate",
    "cond",
    "expm",
    "lstsq",
    "multi_dot",
    "norm",
    "solve_triangular",
    "EigResult",
    "EighResult",
    "LinAlgError",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
]
__dir__ = listing(globals())
