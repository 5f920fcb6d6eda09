"""The exponential of matrices, by scaling, a Padé approximant, and squaring."""

from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor
from tensorxp.linalg.common import adjoint, of_square_only, square

#: The coefficients of the [13/13] Padé approximant, and up to what norm it is exact in float64.
_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
    10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip
_LIMIT = 5.37


@primitive
def expm_p(xp: Any, x: Any) -> Any:
    """Return the exponentials of square matrices (Higham 2005, algorithm 2.3)."""
    if x.dtype.kind not in "fc":
        x = x.astype(xp.float64)
    norms = xp.sum(xp.abs(x), axis=-2)  # of columns; what is not finite is left as it is
    norm = float(xp.max(xp.where(xp.isfinite(norms), norms, 0))) if x.size else 0.0
    squarings = 0
    while norm * 2.0**-squarings > _LIMIT and squarings < 1100:
        squarings += 1
    x = x * 2.0**-squarings
    b = [float(c) for c in _PADE]
    one = xp.eye(x.shape[-1], dtype=x.dtype)
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (
        x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    )
    even = (
        x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    )
    out = xp.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        out = out @ out
    return out


def _derivative(xp: Any, x: Any, t: Any) -> Any:
    """Return the derivative at `x` along `t`: the corner of exp([[x, t], [0, x]])."""
    n = x.shape[-1]
    above = xp.concat([x, t], axis=-1)
    below = xp.concat([xp.zeros_like(x), x], axis=-1)
    return expm(xp.concat([above, below], axis=-2))[..., :n, n:]


@expm_p.vjp
def _(xp: Any, ct: Any, x: Any) -> Any:
    # the adjoint of the derivative at x is the derivative at xᴴ (Higham 2008, 10.6)
    return _derivative(xp, adjoint(xp, x), ct)


@expm_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    return _derivative(xp, x, t)


expm_p.tensor_level = True


@of_square_only.see("matrix_power")
def expm(x: Tensor, /) -> Any:
    """Return the exponentials of square matrices, by scaling and squaring (Higham 2005).

    >>> xp.linalg.expm(xp.asarray([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    square("expm", x)
    return apply(expm_p, (x,), {})
