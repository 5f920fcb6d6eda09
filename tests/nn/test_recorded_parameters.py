"""Parameters that are cast, moved, frozen or replaced between forward and backward."""

import pytest

import tensorxp as xp
from tensorxp import nn


def recorded():
    """Return a layer in float64, the loss of one call, and the gradient that it must give."""
    m = nn.Linear(2, 2).double()
    x = xp.asarray([[1.0, 2.0], [3.0, -1.0]])
    (m(x) ** 2).sum().backward()
    expected = m.weight.grad
    m.zero_grad()
    return m, (m(x) ** 2).sum(), expected


@pytest.mark.parametrize(
    "change, dtype",
    [
        (lambda m: m.float(), xp.float32),
        (lambda m: m.float().double(), xp.float64),
        (lambda m: m.half(), xp.float16),
        (lambda m: m.to(dtype="complex128"), xp.complex128),
        (lambda m: m.requires_grad_(False).float().requires_grad_(), xp.float32),
        (lambda m: m.requires_grad_(False).requires_grad_(), xp.float64),
        (lambda m: setattr(m.weight, "data", xp.zeros((2, 2))), xp.float64),
        (lambda m: setattr(m.weight, "data", xp.zeros((2, 2), dtype=xp.float32)), xp.float32),
        (lambda m: m.load_state_dict(nn.Linear(2, 2).double().state_dict(), assign=True),
         xp.float64),
    ],
)  # fmt: skip
def test_the_gradient_arrives_in_the_new_dtype(change, dtype):
    m, loss, expected = recorded()
    change(m)
    loss.backward(retain_graph=True)
    assert m.weight.grad.dtype == dtype == m.weight.dtype
    tolerance = 1e-2 if dtype == xp.float16 else 1e-6
    assert xp.all(xp.abs(m.weight.grad - expected) <= tolerance * xp.abs(expected))
    assert m.bias.grad is not None
    (g,) = xp.autograd.grad(loss, m.weight)
    assert xp.all(g == m.weight.grad)


def test_the_gradient_that_is_there_is_cast_and_added_to():
    m, loss, expected = recorded()
    loss.backward(retain_graph=True)
    m.float()
    assert m.weight.grad.dtype == xp.float32
    loss.backward()
    assert xp.all(xp.abs(m.weight.grad - 2 * expected) <= 1e-5 * xp.abs(expected))


def test_second_derivatives_pass_a_parameter_that_was_cast():
    m, loss, _ = recorded()
    m.float()
    (g,) = xp.autograd.grad(loss, m.weight, create_graph=True)
    (g**2).sum().backward()
    assert m.weight.grad.dtype == xp.float32 and xp.any(m.weight.grad != 0)


@pytest.mark.parametrize("frozen", [False, True])
def test_another_shape_or_device_is_an_error_in_backward(frozen, device):
    m, loss, _ = recorded()
    m.requires_grad_(not frozen)
    m.weight.data = xp.zeros((3, 2))
    m.requires_grad_()
    with pytest.raises(RuntimeError, match=r"had shape \(2, 2\) on cpu .* has shape \(3, 2\)"):
        loss.backward()
    m.weight.sum().backward()  # the new one works
    assert m.weight.grad.shape == (3, 2)
    if device != "cpu":
        m, loss, _ = recorded()
        m.to(device)
        with pytest.raises(RuntimeError, match=f"has shape .* on {device}"):
            loss.backward()


def test_what_requires_no_gradient_now_gets_none_and_keeps_what_it_had():
    m, loss, expected = recorded()
    loss.backward(retain_graph=True)
    seen = []
    m.weight.register_hook(lambda g: seen.append(g))
    m.weight.requires_grad_(False)
    loss.backward(retain_graph=True)
    assert xp.all(m.weight.grad == expected) and len(seen) == 1
    with pytest.raises(RuntimeError, match="does not require grad"):
        xp.autograd.grad(loss, m.weight)
    m.weight.requires_grad_()
    loss.backward()
    assert xp.all(m.weight.grad == 2 * expected) and len(seen) == 2


def test_a_leaf_that_is_detached_keeps_its_gradient():
    x = xp.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    x.detach_()
    assert not x.requires_grad and x.is_leaf
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_integers_do_not_replace_what_requires_grad():
    m, loss, _ = recorded()
    with pytest.raises(
        RuntimeError, match=r"data: .* dtype int64 was given, but the leaf requires"
    ):
        m.weight.data = xp.zeros((2, 2), dtype=xp.int64)
    loss.backward()
    assert m.weight.grad is not None
