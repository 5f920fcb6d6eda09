"""Fourier transforms: values and derivatives of every length, norm and choice of axes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

TORCH_ARGUMENTS = {"axis": "dim", "axes": "dim"}


def call(lib: Any, name: str, x: Any, **arguments: Any) -> Any:
    if lib not in (np, xp):
        arguments = {TORCH_ARGUMENTS.get(key, key): value for key, value in arguments.items()}
    return getattr(lib.fft, name)(x, **arguments)


def row(name: str, shape: tuple[int, ...], **arguments: Any) -> Row:
    """Return the row of one transform, compared with NumPy and PyTorch."""

    def in_torch(x: Any) -> Any:
        return call(pytest.importorskip("torch"), name, x, **arguments)

    values = "_".join(str(value).replace(" ", "") for value in arguments.values())
    return Row(
        f"{name}_{shape[-1]}_{values}",
        partial(call, xp, name, **arguments),
        (normal(*shape),),
        partial(call, np, name, **arguments),
        torch=in_torch,
        complex=name not in ("rfft", "rfftn", "ihfft"),
    )


def rows() -> list[Row]:
    """Return the rows of all transforms."""
    found = []
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
        found += [row(name, (2, 4)), row(name, (2, 5))]
        found += [row(name, (3, 4), n=n, axis=0, norm="ortho") for n in (1, 2, 3, 6, 7)]
        found += [row(name, (5,), n=4, norm="forward"), row(name, (3,), n=5, norm="backward")]
    for name in ("fftn", "ifftn", "rfftn", "irfftn"):
        found += [row(name, (3, 4)), row(name, (2, 3, 5), axes=(2, 0))]
        found += [row(name, (2, 3, 4), s=(2, 5), axes=(-1, 0), norm="ortho")]
        found += [row(name, (3, 4), s=(4, 3), axes=(0, 1), norm="forward")]
    return found


ROWS = rows()


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2"])
def test_two_dimensional_transforms_take_the_last_two_axes(name: str) -> None:
    a = np.random.default_rng(0).standard_normal((2, 3, 4))
    found = getattr(xp.fft, name)(xp.asarray(a), s=(4, 5))
    np.testing.assert_allclose(found.numpy(), getattr(np.fft, name)(a, s=(4, 5), axes=(-2, -1)))


def test_s_without_axes_takes_the_last_ones() -> None:
    a = np.random.default_rng(0).standard_normal((2, 3, 4))
    found = xp.fft.fftn(xp.asarray(a), s=(2, 2))
    np.testing.assert_allclose(found.numpy(), np.fft.fftn(a, s=(2, 2), axes=(-2, -1)))


@pytest.mark.parametrize("function", [xp.fft.fft, xp.fft.ifft, xp.fft.irfft, xp.fft.hfft])
def test_integers_become_float64(function: Callable[..., Any]) -> None:
    assert function(xp.asarray([1, 2, 3])).dtype in (xp.float64, xp.complex128)


def test_errors_name_function_and_argument() -> None:
    x = xp.zeros((2, 3))
    with pytest.raises(TypeError, match="rfft: x has dtype complex128"):
        xp.fft.rfft(xp.zeros(3, dtype=xp.complex128))
    with pytest.raises(TypeError, match=r"fft: x is a builtins\.list"):
        xp.fft.fft([1.0])
    with pytest.raises(ValueError, match="fft: norm is 'backwards'"):
        xp.fft.fft(x, norm="backwards")
    with pytest.raises(ValueError, match="fft: n is 0"):
        xp.fft.fft(x, n=0)
    with pytest.raises(TypeError, match=r"fft: n is 2\.5"):
        xp.fft.fft(x, n=2.5)
    with pytest.raises(IndexError, match="fft: axis 2 is out of bounds"):
        xp.fft.fft(x, axis=2)
    with pytest.raises(ValueError, match=r"fftn: axis .* twice"):
        xp.fft.fftn(x, axes=(0, -2))
    with pytest.raises(ValueError, match="fftn: s is"):
        xp.fft.fftn(x, s=(2,), axes=(0, 1))
    with pytest.raises(ValueError, match="irfft: n is 0"):
        xp.fft.irfft(xp.zeros(1))
