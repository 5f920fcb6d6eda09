"""One 3×3 convolution, (32, 64, 56, 56) by (64, 64, 3, 3) float32, padded by 1.

Also holds the convolution by hand and by shifted matrix products that the CNN uses too.
"""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "convolution 32×64×56×56 * 64×64×3×3"
CASES = {"forward": {"gradient": False}, "both": {"gradient": True}}


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x": rng.standard_normal((32, 64, 56, 56), dtype=np.float32),
        "w": rng.standard_normal((64, 64, 3, 3), dtype=np.float32) / 24,
    }


class ByHand:
    """A 3×3 convolution with padding 1: one matrix product per image on its 9 shifted copies."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        _, c, h, w = self.shape = shape
        self.padded = np.zeros((c, h + 2, w + 2), dtype)
        windows = np.lib.stride_tricks.sliding_window_view(self.padded, (h, w), axis=(1, 2))
        self.windows = windows  # (c, 3, 3, h, w), no copy
        self.columns = np.empty((c, 3, 3, h, w), dtype)
        self.flat = self.columns.reshape(c * 9, h * w)

    def _fill(self, image: np.ndarray) -> None:
        self.padded[:, 1:-1, 1:-1] = image
        np.copyto(self.columns, self.windows)

    def forward(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        n, _, height, width = self.shape
        out = np.empty((n, len(w), height * width), x.dtype)
        matrix = w.reshape(len(w), -1)
        for image, result in zip(x, out, strict=True):
            self._fill(image)
            np.matmul(matrix, self.flat, out=result)
        return out.reshape(n, len(w), height, width)

    def backward(
        self, x: np.ndarray, w: np.ndarray, ct: np.ndarray, by_x: bool = True
    ) -> tuple[np.ndarray | None, np.ndarray]:
        _, _, height, width = self.shape
        matrix, dw = w.reshape(len(w), -1), np.zeros((len(w), w[0].size), w.dtype)
        dx = np.empty_like(x) if by_x else None
        for k, image in enumerate(x):
            self._fill(image)
            flat = ct[k].reshape(len(w), -1)
            dw += flat @ self.flat.T
            if dx is not None:
                np.matmul(matrix.T, flat, out=self.flat)
                self.padded.fill(0)
                for i in range(3):
                    for j in range(3):
                        self.padded[:, i : i + height, j : j + width] += self.columns[:, i, j]
                dx[k] = self.padded[:, 1:-1, 1:-1]
                self.padded.fill(0)
        return dx, dw.reshape(w.shape)


def numpy_(x: np.ndarray, w: np.ndarray, *, gradient: bool) -> Run:
    convolution = ByHand(x.shape, x.dtype)

    def run() -> tuple[Any, ...]:
        out = convolution.forward(x, w)
        if not gradient:
            return (out,)
        # The loss is the mean of the squares.
        value = np.vdot(out, out) / out.size
        out *= 2 / out.size
        return (value, *convolution.backward(x, w, out))

    return run


def closure(gradient: bool, convolve: Any) -> Any:
    """Return the function to evaluate: the convolution, or the mean of its squares."""
    if not gradient:
        return convolve

    def loss(x: Any, w: Any) -> Any:
        out = convolve(x, w)
        return (out * out).mean()

    return loss


def tensorxp_(x: np.ndarray, w: np.ndarray, *, gradient: bool) -> Run:
    import tensorxp as xp

    conv2d = xp.nn.functional.conv2d
    function = closure(gradient, lambda x, w: conv2d(x, w, padding=1))
    return peers.torch_like(xp, function, [x, w], gradient)


def torch_(x: np.ndarray, w: np.ndarray, *, gradient: bool) -> Run:
    import torch

    conv2d = torch.nn.functional.conv2d
    function = closure(gradient, lambda x, w: conv2d(x, w, padding=1))
    return peers.torch_like(torch, function, [x, w], gradient)


def jax_(x: np.ndarray, w: np.ndarray, *, gradient: bool, jit: bool) -> Run:
    import jax

    def convolve(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME")

    return peers.jax_like(closure(gradient, convolve), [x, w], jit, gradient)


def shifted(x: Any, w: Any) -> Any:
    """Convolve by 9 products of shifted images, for HIPS autograd."""
    import autograd.numpy as anp

    n, c, height, width = x.shape
    zeros = np.zeros((n, c, 1, width), w.dtype)
    x = anp.concatenate([zeros, x, zeros], axis=2)
    zeros = np.zeros((n, c, height + 2, 1), w.dtype)
    x = anp.concatenate([zeros, x, zeros], axis=3)
    out: Any = 0.0
    for i in range(3):
        for j in range(3):
            window = x[:, :, i : i + height, j : j + width].reshape((n, c, height * width))
            out = out + anp.matmul(w[:, :, i, j], window)
    return out.reshape((n, w.shape[0], height, width))


def autograd_(x: np.ndarray, w: np.ndarray, *, gradient: bool) -> Run:
    return peers.autograd_like(closure(gradient, shifted), [x, w], gradient)


def mygrad_(x: np.ndarray, w: np.ndarray, *, gradient: bool) -> Run:
    from mygrad.nnet.layers import conv_nd

    function = closure(gradient, lambda x, w: conv_nd(x, w, stride=1, padding=1))
    return peers.mygrad_like(function, [x, w], gradient)
