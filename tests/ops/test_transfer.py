"""Moves between devices: values, the way back of gradients, errors."""

import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

ROWS = [
    Row(
        f"to_device {place}",
        lambda x, d=place: xp.to_device(xp.to_device(x, d) * 2, x.device),
        (normal(2, 3),),
        lambda x: x * 2,
        complex=True,
    )
    for place in ("cpu", "sim:0", "sim:1")
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_a_tensor_that_is_there_already_is_itself(device):
    x = xp.ones(2, device=device)
    assert xp.to_device(x, device) is x and x.to(device) is x and x.to_device(x.device) is x


def test_a_move_copies():
    x = xp.ones(2)
    y = x.to("sim:0")
    y[0] = 5.0
    assert x.tolist() == [1.0, 1.0] and y.cpu().tolist() == [5.0, 1.0]


def test_the_gradient_returns_to_the_device_of_its_input():
    x = xp.ones(3, requires_grad=True)
    y = x.to("sim:0")
    y.retain_grad()
    z = (y * y).to("sim:1") * 3
    xp.sum(z).backward()
    assert str(y.grad.device) == "sim:0" and str(x.grad.device) == "cpu"
    assert x.grad.tolist() == [6.0] * 3


def test_what_to_takes():
    x = xp.ones(2)
    assert x.to(xp.float32, "sim:0").dtype == xp.float32
    assert str(x.to("sim:1").device) == "sim:1"
    like = x.to(xp.ones(1, dtype=xp.int8, device="sim:0"))
    assert like.dtype == xp.int8 and str(like.device) == "sim:0"
    assert x.to() is x and x.to(copy=True) is not x
    assert x.to(dtype="int8", device="sim:0").cpu().dtype == xp.int8


def test_errors():
    x = xp.ones(2)
    with pytest.raises(TypeError, match=r"to_device: x is a builtins.list"):
        xp.to_device([1.0], "cpu")
    with pytest.raises(ValueError, match='to_device: device is \'gpu\'; allowed are "cpu", "cuda"'):
        xp.to_device(x, "gpu")
    with pytest.raises(xp.DeviceError, match="'sim:9' does not exist; 2 simulated"):
        x.to("sim:9")
    with pytest.raises(ValueError, match="to_device: stream is 1, but neither device is a CUDA"):
        x.to_device("cpu", stream=1)
    with pytest.raises(TypeError, match=r"to: .*'flaot32'.*did you mean 'float32'"):
        x.to("flaot32")
