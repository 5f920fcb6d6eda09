"""Every method gives what its function gives, and what NumPy's method of that name gives.

For random legal arguments, positional and by name, of every dtype; in value, dtype and shape.
"""

import inspect

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend.names import Elsewhere
from tests.sweeps.arguments import (
    COUNT,
    as_tensors,
    assert_same,
    cases,
    cast,
    clipped,
    diagonals,
    dotted,
    none,
    one_axis,
    other,
    outcome,
    permuted,
    reduced,
    repeated,
    rounded,
    shaped,
    sorted_,
    squeezed,
    swapped,
    taken,
    viewed,
)  # fmt: skip

#: Methods that NumPy's arrays have, too.
AS_NUMPY = {
    "all": reduced("where"), "any": reduced("where"), "argmax": one_axis("keepdims"),
    "argmin": one_axis("keepdims"), "argsort": sorted_, "astype": cast, "clip": clipped,
    "conj": none, "conjugate": none, "copy": none, "cumprod": one_axis("dtype"),
    "cumsum": one_axis("dtype"), "diagonal": diagonals, "dot": dotted, "flatten": none,
    "max": reduced("initial"), "mean": reduced("dtype"), "min": reduced("initial"),
    "nonzero": none, "prod": reduced("dtype", "initial", "where"), "ravel": none,
    "repeat": repeated, "reshape": shaped, "round": rounded, "squeeze": squeezed,
    "std": reduced("ddof"), "sum": reduced("dtype", "initial", "where"), "swapaxes": swapped,
    "take": taken, "tolist": none, "trace": diagonals, "transpose": permuted,
    "var": reduced("ddof"), "view": viewed,
}  # fmt: skip

#: Methods with a function of their name, or of another name, that are one call of it.
AS_FUNCTIONS = {
    **{name: (name, none) for name in (
        "abs", "ceil", "cos", "cosh", "exp", "expm1", "floor", "isfinite", "isinf", "isnan", "log",
        "log10", "log1p", "log2", "reciprocal", "sign", "sin", "sinh", "sqrt", "square", "tan",
        "tanh", "trunc",
    )},
    **{name: (name, other) for name in ("add", "maximum", "minimum", "pow")},
    "matmul": ("matmul", dotted), "mm": ("matmul", dotted),
    "sub": ("subtract", other), "mul": ("multiply", other), "div": ("divide", other),
    "eq": ("equal", other), "ne": ("not_equal", other), "lt": ("less", other),
    "le": ("less_equal", other), "gt": ("greater", other), "ge": ("greater_equal", other),
    "neg": ("negative", none), "clone": ("copy", none), "clamp": ("clip", clipped),
    **{name: (name, AS_NUMPY[name]) for name in (
        "all", "any", "argmax", "argmin", "astype", "clip", "copy", "cumprod", "cumsum",
        "flatten", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round",
        "std", "sum", "swapaxes", "take", "var", "dot",
    )},
}  # fmt: skip

#: Methods that are neither: state and autograd, PyTorch's own (tested in test_torch_methods).
APART = {
    "add_", "amax", "amin", "backward", "bmm", "chunk", "clamp_", "contiguous", "copy_", "cpu",
    "cuda", "detach", "detach_", "dim", "div_", "element_size", "expand", "expand_as", "fill_",
    "float", "double", "half", "int", "long", "bool", "gather", "index_select", "is_complex",
    "is_contiguous", "is_floating_point", "item", "log_softmax", "logsumexp", "masked_fill",
    "masked_fill_", "masked_select", "mul_", "mv", "new_ones", "new_zeros", "norm", "numel",
    "numpy", "permute", "pow_", "register_hook", "register_post_accumulate_grad_hook", "relu",
    "requires_grad_", "reshape_as", "retain_grad", "sigmoid", "softmax", "split", "sub_", "t", "to",
    "to_device", "tobytes", "type_as", "unbind", "unsqueeze", "view_as", "zero_",
}  # fmt: skip


def test_every_method_is_compared():
    members = dict(inspect.getmembers_static(xp.Tensor))
    others = (property, Elsewhere, type(xp.Tensor._data))
    methods = {n for n, m in members.items() if n[0] != "_" and not isinstance(m, others)}
    assert methods == set(AS_NUMPY) | set(AS_FUNCTIONS) | APART


@pytest.mark.filterwarnings("ignore:::numpy", "ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(AS_NUMPY))
def test_as_numpys_method(name):
    for a, args, kwargs in cases(name, AS_NUMPY[name]):
        extra = {"kind": "stable"} if name == "argsort" else {}
        expected = outcome(lambda: getattr(a, name)(*args, **kwargs, **extra))  # noqa: B023
        t = xp.asarray(a, copy=True)
        ours = [as_tensors(v) for v in args], {k: as_tensors(v) for k, v in kwargs.items()}
        found = outcome(lambda: getattr(t, name)(*ours[0], **ours[1]))  # noqa: B023
        assert_same(found, expected, name, (name, a, args, kwargs))
        np.testing.assert_array_equal(t.numpy(), a)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(AS_FUNCTIONS))
def test_as_the_function(name):
    function, sampler = AS_FUNCTIONS[name]
    known = inspect.signature(getattr(xp, function)).parameters
    compared = 0
    for a, args, kwargs in cases(name, sampler):
        if kwargs.keys() - known.keys():  # NumPy's words
            continue
        t = xp.asarray(a)
        if name in AS_NUMPY and args and "axis" in known and len(args) == 1 and name != "take":
            args, kwargs = (), {"axis": args[0], **kwargs}
        if name in ("take", "repeat") and len(args) == 2:
            args, kwargs = args[:1], {"axis": args[1]}
        ours = [as_tensors(v) for v in args]
        expected = outcome(lambda: getattr(xp, function)(t, *ours, **kwargs))  # noqa: B023
        found = outcome(lambda: getattr(t, name)(*ours, **kwargs))  # noqa: B023
        assert_same(found, expected, name, (name, a, args, kwargs))
        compared += not isinstance(expected, Exception)
    assert compared > 20 * COUNT // 2
