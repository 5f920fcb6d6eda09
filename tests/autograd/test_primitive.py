"""Primitives of one's own: every kind of the grammar, and what it refuses at import."""

import sys
from importlib import import_module, reload

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import (
    apply_primitive,
    elementwise,
    gradcheck,
    gradgradcheck,
    linear,
    multilinear,
    nondifferentiable,
    primitive,
)


def leaf(*values):
    return xp.asarray(values, requires_grad=True)


softplus_p = elementwise(
    "softplus", forward=lambda xp, x: xp.log1p(xp.exp(x)), x=lambda xp, ct, x: ct / (1 + xp.exp(-x))
)
scaled_p = elementwise(
    "scaled", inputs=("a", "b"), forward=lambda xp, a, b: a * b * b,
    a=lambda ct, b: ct * b * b, b=lambda ct, a, b: ct * 2 * a * b,
)  # fmt: skip
total_p = linear(
    "total", forward=lambda xp, x, *, weight: weight * xp.sum(x),
    x=lambda xp, ct, x_shape, *, weight: weight * xp.broadcast_to(ct, x_shape),
)  # fmt: skip
outer_p = multilinear(
    "outer_product", forward=lambda xp, u, v: u[:, None] * v, u=lambda ct, v: ct @ v,
    v=lambda ct, u: u @ ct,
)  # fmt: skip
halves_p = linear(
    "halves", forward=lambda xp, x: (x[:2] * 1, x[2:] * 1), x=lambda xp, ct: xp.concat([*ct])
)
half_p = nondifferentiable("half", forward=lambda xp, x: xp.floor(x / 2))


@primitive
def divmod_p(xp, x, *, by):
    return xp.floor(x / by) * by, xp.sin(x) * by


@divmod_p.vjp
def _(xp, ct, x, out, *, by):
    return ct[1] * xp.cos(x) * by + 0 * out[0]


@divmod_p.jvp
def _(xp, t, x, out, *, by):
    return xp.zeros_like(x), t * xp.cos(x) * by


@primitive
def join_p(xp, *xs, scale):
    return xp.concat(xs) * scale


@join_p.vjp
def _(xp, ct, xs_shape, needs, *, scale):
    ends = np.cumsum([shape[0] for shape in xs_shape])
    parts = zip(ends, xs_shape, needs, strict=True)
    return tuple(ct[int(e) - s[0] : int(e)] * scale if need else None for e, s, need in parts)


@join_p.jvp
def _(xp, t, xs, *, scale):
    full = [xp.zeros_like(x) if d is None else d for d, x in zip(t, xs, strict=True)]
    return xp.concat(full) * scale


CASES = [
    (lambda x: apply_primitive(softplus_p, (x,)), [leaf(0.3, -0.5)]),
    (lambda a, b: apply_primitive(scaled_p, (a, b)), [leaf(0.3, -0.5), leaf(2.0)]),
    (lambda x: apply_primitive(total_p, (x,), {"weight": 3.0}), [leaf(0.3, -0.5)]),
    (lambda u, v: apply_primitive(outer_p, (u, v)), [leaf(0.3, -0.5), leaf(2.0, 1.0, 3.0)]),
    (lambda x: apply_primitive(divmod_p, (x,), {"by": 2.0})[1], [leaf(0.3, 1.5)]),
    (lambda x, y: apply_primitive(join_p, (x, y), {"scale": 2.0}), [leaf(0.3), leaf(1.0, 2.0)]),
    (lambda x: apply_primitive(halves_p, (x,))[1], [leaf(0.3, -0.5, 1.0)]),
]


@pytest.mark.parametrize("fn, inputs", CASES)
def test_every_kind_differentiates_in_both_modes(fn, inputs):
    assert gradcheck(fn, inputs, check_forward_ad=True)
    assert gradgradcheck(fn, inputs)
    total = lambda *xs: xp.sum(fn(*xs) ** 2)  # noqa: E731
    plain = tuple(x.detach() for x in inputs)
    vs = tuple(xp.ones_like(x) for x in plain)
    products = xp.autograd.hvp(total, plain, vs)[1]
    grads = xp.autograd.grad(total(*inputs), inputs, create_graph=True)
    twice = xp.autograd.grad([xp.sum(g) for g in grads], inputs, materialize_grads=True)
    for found, expected in zip(products, twice, strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10)


def test_results_without_derivative():
    y = apply_primitive(half_p, (leaf(3.0),))
    assert not y.requires_grad and y.numpy().tolist() == [1.0]


def test_only_what_rules_name_is_saved():
    w = xp.asarray([2.0])
    x = leaf(1.0)
    y = apply_primitive(scaled_p, (x, w))
    assert len(y.grad_fn.saved) == 3  # of b alone, three items: only `a` needs a gradient
    assert not apply_primitive(total_p, (x,), {"weight": 1.0}).grad_fn.op.view
    assert y.grad_fn.name == "scaled"


def test_a_rule_may_ask_for_one_of_several_outputs():
    @primitive
    def exp_and_sum_p(xp, x):
        y = xp.exp(x)
        return xp.sum(y, axis=-1), y, y * 2

    @exp_and_sum_p.vjp
    def _(xp, ct, out1):
        return (xp.expand_dims(ct[0], axis=-1) + ct[1] + 2 * ct[2]) * out1

    @exp_and_sum_p.jvp
    def _(xp, t, out1):
        return xp.sum(t * out1, axis=-1), t * out1, 2 * t * out1

    def outs(x):
        return apply_primitive(exp_and_sum_p, (x,))

    x = xp.asarray([[0.5, -0.2], [0.1, 0.3]], requires_grad=True)
    assert gradcheck(outs, (x,), check_forward_ad=True) and gradgradcheck(outs, (x,))
    rows = xp.autograd.jacobian(lambda x: outs(x)[0], x)
    np.testing.assert_allclose(rows[0, 0].detach().numpy(), np.exp([0.5, -0.2]))
    total, y, twice = outs(x)
    total += 1  # nobody saved these two
    twice *= 3
    (xp.sum(total) + xp.sum(y)).backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(x.detach().numpy()))
    total, y, twice = outs(x)
    y += 1
    with pytest.raises(RuntimeError, match="the saved output of 'exp_and_sum'"):
        xp.sum(total).backward()


def test_a_rule_that_is_declared_anew_counts():
    op = primitive(lambda xp, x: x * 1)
    for rule, expected in ((lambda ct: ct * 2, [2.0]), (lambda ct: ct * 3, [3.0])):
        op.vjp(rule)
        x = leaf(1.0)
        xp.sum(apply_primitive(op, (x,))).backward()
        assert x.grad.tolist() == expected


def test_a_rule_may_do_without_an_output_that_was_written_to():
    seen = []

    @primitive
    def doubled_exp_p(xp, x):
        return xp.exp(x) * 2

    @doubled_exp_p.vjp
    def _(xp, ct, x, kept_out):
        seen.append(kept_out is None)
        return ct * (xp.exp(x) * 2 if kept_out is None else kept_out)

    x = leaf(0.5, -0.2)
    expected = 2 * np.exp([0.5, -0.2])
    xp.sum(apply_primitive(doubled_exp_p, (x,))).backward()
    np.testing.assert_allclose(x.grad.numpy(), expected)
    x.grad = None
    y = apply_primitive(doubled_exp_p, (x,))
    y += 1
    xp.sum(y).backward()
    np.testing.assert_allclose(x.grad.numpy(), expected)
    assert seen == [False, True]


def test_unknown_names_fail_at_import():
    with pytest.raises(TypeError, match=r"primitive wrong: a rule asks for 'y'.*allowed are ct, t"):
        elementwise("wrong", x=lambda ct, y: ct * y)
    with pytest.raises(TypeError, match="primitive wrong: a rule asks for 'x2_shapes'"):
        elementwise("wrong", x1=lambda ct, x2_shapes: ct)
    with pytest.raises(TypeError, match=r"primitive wrong: a rule is given for 'y'.*\('x',\)"):
        elementwise("wrong", y=lambda ct: ct)
    with pytest.raises(TypeError, match=r"asks for the parameter 'axes'.*axis"):

        @primitive
        def wrong_p(xp, x, *, axis):
            return x

        @wrong_p.vjp
        def _(xp, ct, *, axes):
            return ct

    with pytest.raises(TypeError, match="primitive wrong: a rule asks for the parameter 'width'"):
        linear("wrong", forward=lambda xp, x, *, weight: x, x=lambda ct, *, width: ct)


def test_a_missing_forward_mode_rule_is_named():
    @primitive
    def lonely_p(xp, x):
        return x * 2

    lonely_p.vjp(lambda ct: ct * 2)
    x = leaf(1.0)
    assert gradcheck(lambda x: apply_primitive(lonely_p, (x,)), x)
    with pytest.raises(NotImplementedError, match="primitive 'lonely' has no forward-mode rule"):
        xp.autograd.jvp(lambda x: apply_primitive(lonely_p, (x,)), x, xp.ones(1))


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="softplus: x is a"):
        apply_primitive(softplus_p, ([1.0],))
    with pytest.raises(TypeError, match="pickled"):
        import pickle

        pickle.dumps(softplus_p)


DECLARATIONS = {
    "keyword of elementwise": (
        lambda: elementwise("cube", x=lambda ct: ct, scalar=True),
        r"primitive cube: .*'scalar', a bool and no function; .*did you mean 'scalars'\?",
    ),
    "input of elementwise": (
        lambda: elementwise("cube", x=lambda ct: ct, y=lambda ct: ct),
        r"primitive cube: a rule is given for 'y'.* its inputs are \('x',\)",
    ),
    "keyword of linear": (
        lambda: linear("double", froward=lambda xp, x: 2 * x, forward=abs_of, x=lambda ct: 2 * ct),
        r"primitive double: .*'froward' is an unknown keyword, did you mean 'forward'\?",
    ),
    "keyword of multilinear": (
        lambda: multilinear("dot", x1=lambda ct: ct, view=True),
        r"primitive dot: a rule is given for 'view', a bool and no function",
    ),
    "what there is not": (
        lambda: elementwise("cube", x=lambda ct, y: ct),
        r"primitive cube: a rule asks for 'y'; allowed are ct, .*the inputs \('x',\)",
    ),
    "a parameter that there is not": (
        lambda: primitive(abs_of).vjp(lambda ct, *, axis: ct),
        r"primitive abs_of: a rule asks for the parameter 'axis'; its forward has \(\)",
    ),
    "a reserved word": (
        lambda: primitive(lambda xp, out: out),
        r"an input is called 'out', which means something else in rules",
    ),
    "no function": (
        lambda: primitive(abs_of).vjp(3.0),
        "primitive abs_of: a rule is a float; allowed are functions",
    ),
}


def abs_of(xp, x):
    return xp.abs(x)


@pytest.mark.parametrize("name", DECLARATIONS)
def test_a_wrong_declaration_says_what_is_wrong(name):
    declare, words = DECLARATIONS[name]
    with pytest.raises(TypeError, match=words):
        declare()


def test_two_primitives_of_one_name_in_a_module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    text = "from tensorxp.autograd import elementwise\n"
    line = (
        "cube{}_p = elementwise('cube{}', forward=lambda xp, x: x**3, x=lambda ct, x: 3 * ct * x)\n"
    )
    (tmp_path / "twice_declared.py").write_text(text + line.format(1, "") + line.format(2, ""))
    (tmp_path / "once_declared.py").write_text(text + line.format(1, 1) + line.format(2, 2))
    with pytest.raises(ValueError, match=r"primitive cube: twice_declared declares two .* line 3"):
        import_module("twice_declared")
    module = import_module("once_declared")
    reload(module)  # as in a notebook
    made = [elementwise("cube", x=lambda ct: ct) for _ in range(2)]  # in a function
    assert [op.name for op in made] == ["cube", "cube"]


def test_a_module_may_be_imported_again_while_its_primitives_are_held(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    text = (
        "from tensorxp.autograd import linear, primitive\n"
        "double_p = linear('double', forward=lambda xp, x: 2 * x, x=lambda ct: 2 * ct)\n"
        "one_p, two_p = primitive(lambda xp, x: x), primitive(lambda xp, x: 2 * x)\n"
    )
    (tmp_path / "held_primitives.py").write_text(text + "import a_missing_module\n")
    with pytest.raises(ImportError, match="a_missing_module") as failed:
        import_module("held_primitives")
    monkeypatch.setitem(sys.modules, "a_missing_module", sys)
    first = import_module("held_primitives")
    monkeypatch.delitem(sys.modules, "held_primitives")
    assert import_module("held_primitives").double_p is not first.double_p
    monkeypatch.delitem(sys.modules, "held_primitives")
    del failed


def test_a_forward_may_bind_a_value_by_a_default():
    def scaled(k):
        return linear("scaled", forward=lambda xp, x, k=k: k * x, x=lambda ct: k * ct)

    for k in (2.0, 3.0):
        x = leaf(1.0)
        y = apply_primitive(scaled(k), (x,))
        xp.sum(y).backward()
        assert y.tolist() == x.grad.tolist() == [k]
