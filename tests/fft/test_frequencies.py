"""Sample frequencies and shifts."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

ROWS = [
    Row(
        f"{name}_{axes}",
        partial(getattr(xp.fft, name), axes=axes),
        (normal(4, 5),),
        partial(getattr(np.fft, name), axes=axes),
        complex=True,
    )
    for name in ("fftshift", "ifftshift")
    for axes in (None, 1, (0, 1))
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies_are_numpys(name: str, n: int, device: str) -> None:
    found = getattr(xp.fft, name)(n, d=0.25, device=device)
    assert found.dtype == xp.float64
    assert str(found.device) == device
    np.testing.assert_array_equal(found.cpu().numpy(), getattr(np.fft, name)(n, d=0.25))
    assert getattr(xp.fft, name)(n, dtype=xp.float32).dtype == xp.float32


def test_frequency_errors() -> None:
    with pytest.raises(TypeError, match="fftfreq: dtype is int64"):
        xp.fft.fftfreq(4, dtype=xp.int64)
    with pytest.raises(TypeError, match=r"rfftfreq: n is 4\.0"):
        xp.fft.rfftfreq(4.0)
    with pytest.raises(ValueError, match="fftfreq: n is 0"):
        xp.fft.fftfreq(0)
