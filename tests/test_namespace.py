"""The namespace against the standard: every name, every parameter; and values with oracles."""

import json
from contextlib import suppress
from inspect import Parameter, isdatadescriptor, isfunction, signature
from pathlib import Path

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorxp as xp

STANDARD = json.loads(
    (Path(__file__).parent / "data" / "standard_2025_12.json").read_text(encoding="utf-8")
)
FUNCTIONS = [(chapter, name) for chapter in ("main", "linalg", "fft") for name in STANDARD[chapter]]
CONSTANTS = ["e", "inf", "nan", "pi", "newaxis"]
DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip


def _check(found, wanted, *, method=False):
    """Hold a signature against the standard's; parameters of our own must have defaults."""
    parameters = list(signature(found).parameters.values())
    if method:
        parameters, wanted = parameters[1:], wanted[1:]
    ours = {p.name: p for p in parameters}
    for name, kind in wanted:
        optional = kind.endswith("=")
        kind = kind.rstrip("=").upper()
        if kind == "VAR_POSITIONAL":
            assert any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
            continue
        if kind == "POSITIONAL_ONLY":
            index = [n for n, k in wanted].index(name)
            assert parameters[index].kind is Parameter.POSITIONAL_ONLY
            p = parameters[index]
            assert p.name == name or method
        else:
            assert name in ours, f"{name} is missing"
            p = ours[name]
            assert p.kind.name in (kind, "POSITIONAL_OR_KEYWORD"), f"{name} is {p.kind.name}"
        if optional:
            assert p.default is not Parameter.empty, f"{name} has no default"
    theirs = {name for name, _ in wanted}
    for p in parameters:
        if p.kind in (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
            assert p.name in theirs or p.default is not Parameter.empty


@pytest.mark.parametrize(("chapter", "name"), FUNCTIONS)
def test_function_signature(chapter, name):
    home = xp if chapter == "main" else getattr(xp, chapter)
    _check(getattr(home, name), STANDARD[chapter][name])
    assert getattr(home, name).__doc__


@pytest.mark.parametrize("name", list(STANDARD["methods"]))
def test_method_signature(name):
    method = getattr(xp.Tensor, name)
    try:
        signature(method)
    except ValueError:  # an operator of the compiled core: C slots have no signature
        assert [kind for _, kind in STANDARD["methods"][name]] == ["positional_only"] * 2
        x = xp.ones(2, dtype=xp.bool if name in ("__and__", "__or__", "__xor__") else xp.int64)
        x = xp.ones(2) if name == "__truediv__" else x
        assert isinstance(method(x, x), xp.Tensor)
        with pytest.raises(TypeError):
            method(x, other=x)
    else:
        _check(method, STANDARD["methods"][name], method=True)


@pytest.mark.parametrize("name", list(STANDARD["properties"]))
def test_property(name):
    assert isdatadescriptor(getattr(xp.Tensor, name))


def test_constants_and_dtypes():
    assert all(hasattr(xp, name) for name in CONSTANTS)
    assert xp.newaxis is None
    assert [str(getattr(xp, name)) for name in DTYPES] == DTYPES
    assert list(xp.__array_namespace_info__().dtypes()) == DTYPES


def test_dtypes_are_distinct_hashable_and_never_none():
    dtypes = [getattr(xp, name) for name in DTYPES]
    assert len(set(dtypes)) == len(DTYPES)
    for a in dtypes:
        assert a != None  # noqa: E711
        assert a == np.dtype(str(a))
        assert hash(a) == hash(np.dtype(str(a)))
        assert np.dtype(a) == np.dtype(str(a))
        assert sum(a == b for b in dtypes) == 1


@pytest.mark.parametrize("version", [None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"])
def test_array_namespace(version):
    assert xp.ones(1).__array_namespace__(api_version=version) is xp
    with pytest.raises(ValueError, match="api_version"):
        xp.ones(1).__array_namespace__(api_version="2019.01")


def test_set_default_dtype():
    xp.set_default_dtype(xp.float32)
    try:
        assert xp.ones(2).dtype == xp.float32
        assert xp.asarray([1.0]).dtype == xp.float32
        assert xp.asarray([1j]).dtype == xp.complex64
        assert xp.asarray([1]).dtype == xp.int64
        assert xp.asarray(np.ones(2)).dtype == xp.float64
    finally:
        xp.set_default_dtype(xp.float64)
    with pytest.raises(TypeError, match="int8"):
        xp.set_default_dtype(xp.int8)


UNARY = [
    "abs", "acos", "asinh", "atan", "ceil", "cos", "cosh", "exp", "expm1", "floor", "isfinite",
    "isinf", "isnan", "log1p", "negative", "round", "sign", "signbit", "sin", "sqrt", "square",
    "tanh", "trunc",
]  # fmt: skip
BINARY = [
    "add", "atan2", "copysign", "divide", "equal", "greater", "hypot", "less_equal", "logaddexp",
    "maximum", "minimum", "multiply", "nextafter", "not_equal", "subtract",
]  # fmt: skip
REDUCTION = ["sum", "prod", "mean", "max", "min", "std", "var", "argmax", "argmin", "any", "all"]


def _arrays(dtype):
    numbers = st.floats(-50, 50, width=32)
    shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
    return shapes.flatmap(
        lambda shape: st.lists(
            numbers, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))
        ).map(lambda values: np.asarray(values, dtype=dtype).reshape(shape))
    )


def _same(ours, theirs):
    theirs = np.asarray(theirs)
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.shape == theirs.shape
    rtol = 1e-5 if ours.dtype == xp.float32 else 1e-12
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", UNARY + BINARY)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_values(name, data):
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    a = data.draw(_arrays(dtype))
    arguments = [a] if name in UNARY else [a, a[..., ::-1].copy()]
    theirs = getattr(strict, name)(*(strict.asarray(x) for x in arguments))
    _same(getattr(xp, name)(*(xp.asarray(x) for x in arguments)), np.asarray(theirs))


@pytest.mark.parametrize("name", REDUCTION)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_reduction_values(name, data):
    a = data.draw(_arrays("float64"))
    if name in ("any", "all"):
        a = a > 0
    axis = data.draw(st.sampled_from([None, *range(a.ndim)]))
    theirs = getattr(strict, name)(strict.asarray(a), axis=axis)
    _same(getattr(xp, name)(xp.asarray(a), axis=axis), np.asarray(theirs))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_indexing_is_numpys(data):
    a = np.arange(60.0).reshape(3, 4, 5)
    parts = st.one_of(
        st.integers(-3, 2),
        st.slices(3),
        st.just(None),
        st.just([0, 2, 1]),
        st.just([True, False, True]),
    )
    key = data.draw(
        st.one_of(parts, st.tuples(parts), st.just(...), st.tuples(st.just(...), parts))
    )
    if isinstance(key, tuple) and [True, False, True] in key and ... in key:
        return  # the mask would meet the axis of size 5
    try:
        theirs = a[key]
    except IndexError:
        with pytest.raises(IndexError):
            xp.asarray(a)[key]
        return
    x = xp.asarray(a.copy())
    _same(x[key], theirs)
    b = a.copy()
    b[key] = -1.0
    x[key] = -1.0
    _same(x, b)


#: Defaults that say the same in other words.
OTHER_WORDS = {("einsum", "optimize"), ("eye", "dtype")} | {
    (name, "norm") for name in ("fft2", "ifft2", "rfft2", "irfft2")
}


def test_defaults_are_those_of_the_standard_or_of_numpy():
    found = 0
    for ours, standard, numpys in (
        (xp, strict, np), (xp.linalg, strict.linalg, np.linalg), (xp.fft, strict.fft, np.fft)
    ):  # fmt: skip
        for name, function in vars(ours).items():
            if name.startswith("_") or not isfunction(function):
                continue
            known = {}
            for other in (getattr(numpys, name, None), getattr(standard, name, None)):
                if isfunction(other) or hasattr(other, "__wrapped__"):
                    with suppress(ValueError):  # of C without a signature, before NumPy 2.3
                        known |= {p.name: p.default for p in signature(other).parameters.values()}
            for parameter in signature(function).parameters.values():
                right = known.get(parameter.name, Parameter.empty)
                told = right is not Parameter.empty and not repr(right).startswith("<")
                if parameter.default is Parameter.empty or not told:
                    continue
                if (name, parameter.name) not in OTHER_WORDS:
                    assert repr(parameter.default) == repr(right), (name, parameter)
                    found += 1
    assert found > 100
