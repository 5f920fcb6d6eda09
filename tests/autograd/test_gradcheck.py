"""`gradcheck` and `gradgradcheck` find wrong derivatives and pass right ones."""

import pytest

import tensorxp as xp
from tensorxp.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def leaf(*values, dtype=xp.float64):
    return xp.asarray(values, dtype=dtype, requires_grad=True)


class WrongGradient(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, ct):
        return ct * 2.1 * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx, t):
        return 2.1 * t


class WrongSecond(WrongGradient):
    @staticmethod
    def backward(ctx, ct):
        return ct * 2 * ctx.saved_tensors[0].detach()


def test_right_derivatives_pass(device):
    x = xp.asarray([[0.3, 0.5], [1.0, 2.0]], device=device, requires_grad=True)
    z = xp.asarray([0.3 + 1j, 2 - 1j], device=device, requires_grad=True)
    plain = xp.asarray([1.0, 2.0], device=device)
    for fn, inputs in (
        (xp.exp, x),
        (lambda x, y: (x @ y, xp.sum(x, axis=0)), (x, plain)),
        (lambda z: xp.abs(z) * z, z),
        (lambda x, z: x[0] * xp.conj(z) ** 2, (x, z)),
        (lambda x: xp.ones(2, device=device) + xp.sum(x) * 0, x),
    ):
        assert gradcheck(fn, inputs, check_forward_ad=True)
        assert gradgradcheck(fn, inputs)


def test_wrong_derivatives_are_named():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradcheckError, match=r"gradient of output 0 at \(0,\).*input 0 at \(0,\)"):
        gradcheck(WrongGradient.apply, x)
    assert not gradcheck(WrongGradient.apply, x, raise_exception=False)
    assert gradcheck(WrongSecond.apply, x)
    with pytest.raises(GradcheckError, match="forward mode"):
        gradcheck(WrongSecond.apply, x, check_forward_ad=True)
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongSecond.apply, x)
    assert not gradgradcheck(WrongSecond.apply, x, raise_exception=False)


def test_a_missing_gradient_is_found():
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x.detach() * 2 + x * 0, leaf(1.0))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x.detach() * 2, leaf(1.0))


def test_bad_input():
    with pytest.raises(ValueError, match="requires_grad=True"):
        gradcheck(xp.exp, xp.asarray([1.0]))
    with pytest.raises(ValueError, match=r"float32.*float64"):
        gradcheck(xp.exp, leaf(1.0, dtype=xp.float32))


def test_given_cotangents():
    x = leaf(1.0, 2.0)
    assert gradgradcheck(lambda x: x**3, x, grad_outputs=xp.asarray([1.0, -2.0]))
    assert gradgradcheck(lambda x: (x**3, x), x, grad_outputs=[xp.ones(2), xp.ones(2)])
