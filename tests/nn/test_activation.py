"""Activations against PyTorch: values, gradients, modules and their repr."""

import numpy as np
import pytest

import tensorxp as xp

from .oracle import compare, compare_modules, torch

X = np.random.default_rng(0).normal(size=(3, 4, 6)) * 2
KINKS = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 30.0, -30.0, 100.0, -100.0]).reshape(
    4, 3
)

FUNCTIONS = [
    ("relu", {}),
    ("relu6", {}),
    ("hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.2}),
    ("rrelu", {}),
    ("elu", {}),
    ("elu", {"alpha": 0.7}),
    ("selu", {}),
    ("celu", {"alpha": 0.5}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("mish", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("logsigmoid", {}),
    ("softplus", {}),
    ("softplus", {"beta": 2.0, "threshold": 5.0}),
    ("softsign", {}),
    ("tanhshrink", {}),
    ("hardshrink", {}),
    ("softshrink", {}),
    ("hardsigmoid", {}),
    ("hardswish", {}),
    ("threshold", {"threshold": 0.1, "value": 20.0}),
    ("softmax", {"dim": 1}),
    ("softmin", {"dim": -1}),
    ("log_softmax", {"dim": 0}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "kwargs"), FUNCTIONS)
def test_function(name, kwargs, dtype):
    ours, theirs = getattr(xp.nn.functional, name), getattr(torch.nn.functional, name)
    # PyTorch's hardsigmoid has a gradient of 1/6 in float32 only
    # PyTorch's hardsigmoid has its constant 1/6 in single precision
    precision = "float32" if name == "hardsigmoid" else dtype
    compare(ours, theirs, (X,), kwargs, dtype, precision=precision)
    compare(ours, theirs, (KINKS,), kwargs, dtype, precision=precision)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_glu_and_prelu(dtype):
    F, T = xp.nn.functional, torch.nn.functional
    compare(F.glu, T.glu, (X,), {"dim": 1}, dtype)
    compare(F.prelu, T.prelu, (X, np.array([0.3])), {}, dtype)
    compare(F.prelu, T.prelu, (X, np.array([0.3, 0.1, -0.2, 0.5])), {}, dtype)


MODULES = [
    ("ReLU", {}), ("ReLU", {"inplace": True}), ("ReLU6", {}), ("LeakyReLU", {}), ("ELU", {}),
    ("CELU", {}), ("SELU", {}), ("GELU", {}), ("GELU", {"approximate": "tanh"}), ("SiLU", {}),
    ("Mish", {}), ("Sigmoid", {}), ("LogSigmoid", {}), ("Tanh", {}), ("Tanhshrink", {}),
    ("Softplus", {}), ("Softsign", {}), ("Softshrink", {}), ("Hardshrink", {}),
    ("Hardsigmoid", {}), ("Hardswish", {}), ("Hardtanh", {}),
    ("Threshold", {"threshold": 0.1, "value": 1.0}), ("GLU", {}), ("Softmax", {"dim": 1}),
    ("Softmin", {"dim": 1}), ("LogSoftmax", {"dim": 1}), ("Softmax2d", {}), ("PReLU", {}),
    ("PReLU", {"num_parameters": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs"), MODULES)
def test_module(name, kwargs):
    x = X * 1.0
    compare_modules(getattr(xp.nn, name)(**kwargs), getattr(torch.nn, name)(**kwargs), (x,),
                    "float32") if not kwargs.get("inplace") else None  # fmt: skip
    assert repr(getattr(xp.nn, name)(**kwargs)) == repr(getattr(torch.nn, name)(**kwargs))


INPLACE = [
    ("relu", {}), ("relu6", {}), ("hardtanh", {}), ("leaky_relu", {}), ("elu", {}), ("selu", {}),
    ("celu", {}), ("silu", {}), ("mish", {}), ("hardsigmoid", {}), ("hardswish", {}),
    ("threshold", {"threshold": 0.1, "value": 2.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs"), INPLACE)
def test_inplace(name, kwargs):
    def call(lib):
        def run(x):
            y = x * 2
            out = getattr(lib.nn.functional, name)(y, inplace=True, **kwargs)
            assert out is y
            return y

        return run

    compare(call(xp), call(torch), (X,), {}, "float32")
    leaf = xp.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(xp.nn.functional, name)(leaf, inplace=True, **kwargs)
    plain = xp.asarray(X)
    assert getattr(xp.nn.functional, name)(plain, inplace=True, **kwargs) is plain
    if hasattr(torch.nn.functional, f"{name}_"):
        y = xp.asarray(X)
        assert getattr(xp.nn.functional, f"{name}_")(y, **kwargs) is y
        np.testing.assert_array_equal(y.numpy(), plain.numpy())


@pytest.mark.parametrize("shape", [(), (0,), (3,)])
def test_gelu_by_tanh_refuses_complex_numbers(shape):
    with pytest.raises(TypeError, match="not defined for complex"):
        xp.nn.functional.gelu(xp.ones(shape, dtype="complex128"), approximate="tanh")
