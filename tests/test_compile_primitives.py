"""Primitives of one's own in compiled functions: by their formula, with their own rules."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import apply_primitive, elementwise, primitive

FACTOR = 3.0

softplus_p = elementwise(
    "gelu",  # as one of the package's own
    forward=lambda xp, x: xp.logaddexp(x, xp.zeros_like(x)),
    x=lambda xp, ct, x: FACTOR * ct / (1 + xp.exp(-x)),
)
softplus_p.formula(lambda xp, x: xp.logaddexp(x, xp.zeros_like(x)))


@primitive
def scaled_p(xp, x, w, *, k):
    return xp.sum(x * w, axis=0) * k


@scaled_p.vjp
def _(xp, ct, x, w, *, k):
    return ct * w * k * 2, ct * x * k  # twice the derivative: its own rule counts


scaled_p.formula(scaled_p.forward)


@primitive
def bare_p(xp, x):
    return xp.sin(x)


@bare_p.vjp
def _(xp, ct, x):
    return ct * xp.cos(x)


def _program(x, w):
    y = apply_primitive(softplus_p, (x * 2,))
    with xp.no_grad():
        z = apply_primitive(softplus_p, (x,))
    y = y + z
    return apply_primitive(scaled_p, (y, w), {"k": 1.5}) + xp.sum(w)


def _seen(fn):
    x, w = (xp.asarray(v, requires_grad=True) for v in ([0.5, 1.0], [2.0, 3.0]))
    out = fn(x, w)
    gx, gw = xp.autograd.grad(out, (x, w), create_graph=True)
    xp.sum(gx * gx + gw).backward()
    return [a.detach().numpy() for a in (out, gx, gw, x.grad, w.grad)]


@pytest.mark.parametrize("backend", ["auto", "replay"])
def test_formulas_are_compiled_with_the_primitive_s_own_rules(backend, monkeypatch):
    compiled = xp.compile(_program, backend=backend, fullgraph=True)
    for factor in (3.0, 5.0):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        for ours, theirs in zip(_seen(compiled), _seen(_program), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert compiled.reason is None


def test_a_formula_that_is_given_later_is_taken():
    op = elementwise("triple", forward=lambda xp, x: x * 3, x=lambda ct: ct * 3)
    compiled = xp.compile(lambda x: apply_primitive(op, (x,)) + 1)
    assert compiled(xp.ones(2)).tolist() == [4.0, 4.0]
    assert "a primitive of your own" in compiled.reason
    op.formula(lambda xp, x: x * 3)
    again = xp.compile(lambda x: apply_primitive(op, (x,)) + 1, fullgraph=True)
    assert again(xp.ones(2)).tolist() == [4.0, 4.0]
    op.formula(lambda xp, x: x * 4)
    assert again(xp.ones(2)).tolist() == [5.0, 5.0]


OUTSIDE = xp.asarray([1.0, 2.0])


@pytest.mark.parametrize("formula", [lambda xp, x: OUTSIDE, lambda xp, x: x])
def test_a_formula_of_no_new_tensor_is_not_taken(formula):
    op = elementwise("kept", forward=lambda xp, x: xp.asarray([1.0, 2.0]), x=lambda ct: ct * 7)
    op.formula(formula)
    compiled = xp.compile(lambda x: apply_primitive(op, (x,)) * 2)
    x = xp.ones(2, requires_grad=True)
    xp.sum(compiled(x)).backward()
    assert x.grad.tolist() == [14.0, 14.0] and "gives no new Tensor" in compiled.reason
    assert not OUTSIDE.requires_grad


def test_without_a_formula_calls_are_plain():
    compiled = xp.compile(lambda x: apply_primitive(bare_p, (x,)) * 2)
    assert compiled(xp.ones(2)).tolist() == (xp.sin(xp.ones(2)) * 2).tolist()
    assert "bare" in compiled.reason


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        (lambda xp: xp.ones(2), "takes \\['xp'\\]; it must take the namespace and the inputs"),
        (lambda xp, x, w, *, k, q: x, "has the parameters \\['k', 'q'\\]; its forward has"),
        (lambda xp, x, w, *, k: xp.sinn(x), "names 'sinn', which tensorxp does not have"),
        (lambda xp, x, w, *, k: nowhere(x), "names 'nowhere', which is not defined"),  # noqa: F821
        (lambda xp, x, w, *, k: np.lost(x), "names 'lost', which numpy does not have"),
        (lambda *xs, k: xs, "takes any number of arguments"),
        (np.sin, "is a ufunc; allowed is a function"),
        (3, "is a int; allowed is a function"),
    ],
)
def test_a_wrong_formula_is_an_error_that_names_it(formula, error):
    with pytest.raises(TypeError, match=f"primitive scaled: the formula ({error})"):
        scaled_p.formula(formula)
    assert scaled_p._formula is scaled_p.forward
