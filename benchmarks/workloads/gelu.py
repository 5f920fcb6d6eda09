"""Mean of GELU over 10⁶ float32 with its gradient, in the tanh and the erf form."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "GELU, 10⁶"
COMPILES = True
CASES = {"tanh, both": {"form": "tanh"}, "erf, both": {"form": "none"}}
SCALE, CUBIC = float(np.sqrt(2 / np.pi)), 0.044715
HALF_ROOT, DENSITY = float(np.sqrt(0.5)), float(1 / np.sqrt(2 * np.pi))


def inputs() -> dict[str, Any]:
    return {"x": np.random.default_rng(0).standard_normal(10**6, dtype=np.float32)}


def numpy_(x: np.ndarray, *, form: str) -> Run:
    return _tanh_by_hand(x) if form == "tanh" else _erf_by_hand(x)


def _tanh_by_hand(x: np.ndarray) -> Run:
    t, d, work = np.empty_like(x), np.empty_like(x), np.empty_like(x)

    def run() -> tuple[Any, ...]:
        # t = tanh(u), u = s (x + c x³); gelu' = (1 + t + x (1 - t²) u') / 2
        np.multiply(x, x, out=work)
        np.multiply(work, SCALE * CUBIC, out=t)
        np.add(t, SCALE, out=t)
        np.multiply(t, x, out=t)
        np.tanh(t, out=t)
        np.multiply(work, 3 * SCALE * CUBIC, out=work)
        np.add(work, SCALE, out=work)
        np.multiply(work, x, out=work)
        np.multiply(t, t, out=d)
        np.subtract(1, d, out=d)
        np.multiply(d, work, out=d)
        np.add(t, 1, out=t)
        np.add(d, t, out=d)
        np.multiply(d, 0.5 / x.size, out=d)
        return 0.5 * np.dot(t, x) / x.size, d

    return run


def _erf_by_hand(x: np.ndarray) -> Run:
    from scipy.special import erf

    phi, d = np.empty_like(x), np.empty_like(x)

    def run() -> tuple[Any, ...]:
        # gelu = x Φ(x); gelu' = Φ(x) + x φ(x)
        np.multiply(x, HALF_ROOT, out=phi)
        erf(phi, out=phi)
        np.add(phi, 1, out=phi)
        np.multiply(phi, 0.5, out=phi)
        np.multiply(x, x, out=d)
        np.multiply(d, -0.5, out=d)
        np.exp(d, out=d)
        np.multiply(d, x, out=d)
        np.multiply(d, DENSITY, out=d)
        np.add(d, phi, out=d)
        np.divide(d, x.size, out=d)
        return np.dot(x, phi) / x.size, d

    return run


def tensorxp_(x: np.ndarray, *, form: str) -> Run:
    import tensorxp as xp

    gelu = xp.nn.functional.gelu
    return peers.torch_like(xp, lambda x: gelu(x, approximate=form).mean(), [x])


def torch_(x: np.ndarray, *, form: str) -> Run:
    import torch

    gelu = torch.nn.functional.gelu
    return peers.torch_like(torch, lambda x: gelu(x, approximate=form).mean(), [x])


def jax_(x: np.ndarray, *, form: str, jit: bool) -> Run:
    import jax

    return peers.jax_like(lambda x: jax.nn.gelu(x, approximate=form == "tanh").mean(), [x], jit)


def _composed(xp: Any, x: Any) -> Any:
    return (0.5 * x * (1 + xp.tanh(SCALE * (x + CUBIC * (x * x * x))))).mean()


def autograd_(x: np.ndarray, *, form: str) -> Run:
    import autograd.numpy as anp
    from autograd.scipy.special import erf

    if form == "tanh":
        return peers.autograd_like(lambda x: _composed(anp, x), [x])
    return peers.autograd_like(lambda x: (0.5 * x * (1 + erf(x * HALF_ROOT))).mean(), [x])


def mygrad_(x: np.ndarray, *, form: str) -> Run:
    import mygrad as mg

    if form != "tanh":
        raise NotImplementedError("it has no erf")
    return peers.mygrad_like(lambda x: _composed(mg, x), [x])
