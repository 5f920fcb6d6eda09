"""The test kit passes right primitives and fails wrong ones, each by the check meant for it."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import elementwise, linear, primitive, testing
from tensorxp.autograd.testing import Row, check, checks, nonzero, normal


def cube(rule=lambda ct, x: ct * 3 * (x * x).conjugate(), forward=lambda xp, x: x**3):
    return elementwise("cube", forward=forward, x=rule)


def square(vjp=None, jvp=None):
    @primitive
    def square_p(xp, x):
        return x * x

    square_p.vjp(vjp or (lambda ct, x: 2 * ct * x))
    square_p.jvp(jvp or (lambda t, x: 2 * t * x))
    return square_p


def scaled():
    @primitive
    def scaled_p(xp, x, *, factor):
        return x * factor

    scaled_p.vjp(lambda ct, *, factor: ct * factor)
    scaled_p.jvp(lambda t, *, factor: t * factor)
    return scaled_p


RIGHT = [
    lambda: check(cube(), normal(3, 2), reference=lambda x: x**3, complex=True),
    lambda: check(square(), normal(4), reference=np.square),
    lambda: check(scaled(), np.ones((2, 3)), params={"factor": 3.0}),
    lambda: check(xp.multiply, normal(3, 1), normal(2), reference=np.multiply, complex=True),
    lambda: check(xp.sort, testing.spaced(5), reference=np.sort),
    lambda: check(xp.linalg.qr, normal(3, 3), rtol=1e-9, reference=np.linalg.qr),
    lambda: check(xp.sign, nonzero(3), reference=np.sign),
    lambda: check(xp.take, normal(4), testing.integers(0, 4, 3), reference=np.take),
]


@pytest.mark.parametrize("run", RIGHT)
def test_right_functions_pass(run):
    run()


def overwriting(xp, x):
    x *= 1.5
    return x.copy()


def into_cotangent(ct, x):
    if isinstance(ct, np.ndarray):
        ct *= 3 * x * x
        return ct
    return ct * 3 * x * x


class Hidden:
    """Keeps what the rule needs where no write to it is noticed."""

    def forward(self, xp, x):
        self.x = x
        return x**3

    def rule(self, xp, ct):
        return ct * 3 * xp.asarray(self.x) ** 2


def hidden():
    kept = Hidden()
    return elementwise("cube", forward=kept.forward, x=kept.rule)


def once():
    """Return a primitive whose rule gives something else the second time."""
    calls = []
    return cube(lambda ct, x: (calls.append(1), ct * 3 * x * x * (1 + len(calls) % 2))[1])


WRONG = {
    "wrong vjp": (lambda: cube(lambda ct, x: ct * 2 * x * x), "check_gradients"),
    "wrong jvp": (lambda: square(jvp=lambda t, x: t * x), "check_forward"),
    "wrong value": (lambda: cube(forward=lambda xp, x: x**3 + 1e-6), "check_value"),
    "wrong shape": (lambda: cube(forward=lambda xp, x: (x**3)[None]), "check_value"),
    "wrong dtype": (
        lambda: cube(forward=lambda xp, x: (x**3).astype(xp.float64)), "check_float32",
    ),
    "wrong dtype of all": (
        lambda: cube(forward=lambda xp, x: (x**3).astype(xp.float32)), "check_value",
    ),
    "no conjugate": (lambda: cube(lambda ct, x: ct * 3 * x * x), "check_gradients"),
    "writes to its input": (lambda: cube(forward=overwriting), "check_"),
    "writes to the cotangent": (lambda: cube(into_cotangent), "check_untouched"),
    "saved value overwritten": (hidden, "check_writes"),
    "gives its input": (
        lambda: square(vjp=lambda ct, x: ct), "check_gradients",
    ),
    "second order lost": (
        lambda: cube(lambda ct, x: ct * 3 * _constant(x) ** 2), "check_second",
    ),
    "another gradient each time": (once, "check_"),
    "order of memory": (
        lambda: cube(forward=lambda xp, x: (x.ravel(order="K") ** 3).reshape(x.shape)),
        "check_layouts",
    ),
    "rows mixed up": (lambda: _mixed(), "check_batched"),
    "raises": (lambda: cube(lambda ct, x: ct.no_such_name), "AttributeError"),
}  # fmt: skip


def _constant(x):
    return x.detach() if isinstance(x, xp.Tensor) else x


def _mixed():
    """Return the sum of all, whose rule takes a leading axis of the cotangent for one of `x`."""
    return linear(
        "mixed", forward=lambda xp, x: xp.sum(x, axis=1), batched=True,
        x=lambda xp, ct, x_shape: xp.broadcast_to(ct[..., None], ct.shape + x_shape[1:])
        * (1 if ct.ndim == 1 else 2),
    )  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_primitives_fail(name):
    make, expected = WRONG[name]
    references = {"gives its input": np.square, "wrong jvp": np.square,
                  "rows mixed up": lambda x: x.sum(axis=1)}  # fmt: skip
    reference = references.get(name, lambda x: x**3)
    with pytest.raises(AssertionError) as caught:
        check(make(), nonzero(3, 2), reference=reference, complex=name == "no conjugate")
    told = str(caught.value) + " ".join(getattr(caught.value, "__notes__", ()))
    assert expected in told


@pytest.mark.parametrize(
    "arguments, options, words",
    [
        ((3.0, normal(2)), {}, "function is a float"),
        ((xp.sin, normal(2)), {"params": {"axis": 0}}, "function is no Primitive"),
        ((xp.sin, normal(2)), {"gradient": True}, "'gradient' is given; allowed are name, fn"),
    ],
)
def test_bad_input(arguments, options, words):
    with pytest.raises(TypeError, match=words):
        check(*arguments, **options)


def test_rows_say_which_checks_hold():
    row = Row("multiply", xp.multiply, (normal(2), normal(2)), np.multiply, complex=True)
    assert len(list(checks(row))) == 10
    fewer = Row("sign", xp.sign, (normal(2),), gradients=False, float32=False)
    assert [each.__name__ for each in checks(fewer)] == [
        "check_value", "check_untouched", "check_layouts",
    ]  # fmt: skip
