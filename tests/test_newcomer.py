"""What a newcomer meets first: completion, typos, SciPy's optimisers, notebooks."""

import inspect
import pickle
import pydoc
import subprocess
import sys
import traceback
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend.names import Elsewhere
from tests.nn.cases import CASES
from tests.test_docstrings import MODULES

# completion: dir() lists what is there, all of it, and nothing else


@pytest.mark.parametrize("name", MODULES)
def test_dir_of_a_module(name: str) -> None:
    module = import_module(f"tensorxp.{name}".removesuffix("."))
    listed = dir(module)
    assert listed == sorted(set(listed)) and set(listed) >= {*module.__all__, "__doc__", "__name__"}
    for each in listed:
        getattr(module, each)
        assert each[:2] == "__" or each in module.__all__ or module is xp
    assert set(module.__all__) == {n for n in module.__all__ if hasattr(module, n)}


def test_dir_lists_what_loads_when_first_used() -> None:
    code = (
        "import sys, tensorxp as xp; listed = dir(xp); "
        "assert 'tensorxp.nn' not in sys.modules and 'tensorxp.optim' not in sys.modules; "
        "missing = set('nn optim random special utils compile save load linalg fft autograd cuda "
        "profiler optimize integrate interpolate manual_seed randn Generator memory_stats "
        "empty_cache'.split()) - set(listed); assert not missing, missing; "
        "assert 'swa_utils' in dir(xp.optim) and 'data' in dir(xp.utils); "
        "[getattr(xp, name) for name in listed]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def classes() -> dict[str, type]:
    found = {}
    for name in MODULES:
        module = import_module(f"tensorxp.{name}".removesuffix("."))
        for each in module.__all__:
            value = getattr(module, each)
            if inspect.isclass(value) and value.__module__.startswith("tensorxp"):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def test_dir_of_every_class() -> None:
    tried = classes()
    assert len(tried) > 200
    for name, cls in tried.items():
        for each in dir(cls):
            if each == "__abstractmethods__":  # as type's own
                continue
            kept = inspect.getattr_static(cls, each)
            assert hasattr(cls, each) or isinstance(kept, Elsewhere), f"{name}.{each}"


def instances() -> list[Any]:
    x = xp.asarray([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    p = xp.nn.Parameter(xp.ones(2))
    optimizers = [
        getattr(xp.optim, name)([p])
        for name in xp.optim.__all__
        if inspect.isclass(getattr(xp.optim, name)) and name != "Optimizer"
    ]
    with xp.profiler.profile() as profiled:
        y = x * 2
    return [
        x, y, x.detach(), y[0], p, xp.nn.Buffer(xp.ones(2)), xp.zeros(0), xp.asarray(True), x > 1,
        y.grad_fn, xp.float32, xp.bool, xp.device("cpu"), *optimizers, profiled,
        xp.optim.lr_scheduler.StepLR(optimizers[0], 1), xp.Generator(), xp.finfo(xp.float32),
        xp.iinfo(xp.int8), xp.__array_namespace_info__(), xp.no_grad(), xp.linalg.eigh(x.detach()),
        xp.utils.draw_graph(y), xp.compile(lambda x: x), xp.utils.data.TensorDataset(x),
        xp.utils.data.DataLoader([1.0]), x.register_hook(lambda ct: None),
    ]  # fmt: skip


def check_dir(thing: Any) -> None:
    listed = dir(thing)
    for each in listed:
        if each[0] == "_" and each[:2] != "__":
            continue
        if each == "mT" and thing.ndim < 2:  # a ValueError for NumPy's arrays, too
            continue
        try:
            getattr(thing, each)
        except Exception as error:
            pytest.fail(f"dir({type(thing).__name__}) lists {each!r}, but: {error!r}")
    static = {n for c in type(thing).__mro__ for n, v in vars(c).items() if n[0] != "_"}
    hints = {n for n in static if isinstance(inspect.getattr_static(thing, n), Elsewhere)}
    assert set(listed) >= static - hints


def test_dir_of_instances() -> None:
    for thing in instances():
        check_dir(thing)
    modules = {case.name: case for case in CASES if case.init is not None}
    assert len(modules) > 90
    for case in modules.values():
        init = case.init(xp) if callable(case.init) else case.init
        check_dir(getattr(xp.nn, case.name)(*init, **case.options))


def test_a_hint_is_no_method() -> None:
    t = xp.ones(2)
    hints = [n for n in dir(xp.Tensor) if not hasattr(xp.Tensor, n)]
    assert hints and not set(hints) & set(dir(t))
    for name in hints:
        assert not hasattr(t, name)
        with pytest.raises(AttributeError, match="here it is"):
            getattr(t, name)


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("concatt", "did you mean 'concat'?"),
        ("softmax", "here it is called nn.functional.softmax"),
        ("optmi", "did you mean 'optim'?"),
        ("optim.swa_util", "did you mean 'swa_utils'?"),
        ("utils.sumary", "did you mean 'summary'?"),
        ("xyzzy", None),
    ],
)
def test_typos_in_names(path: str, near: str | None) -> None:
    where, _, name = path.rpartition(".")
    module = getattr(xp, where) if where else xp
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    text = str(caught.value)
    assert text.startswith(f"module '{module.__name__}' has no attribute '{name}'")
    assert text.endswith(near or f"'{name}'") and not hasattr(module, name)
    shown = traceback.format_exception_only(caught.value)[-1].strip()
    assert shown == f"AttributeError: {text}"
    assert repr(pickle.loads(pickle.dumps(caught.value))) == repr(caught.value)


def test_help_and_errors_call_a_tensor_what_users_call_it() -> None:
    t = xp.ones(2)
    assert str(type(t)) == str(inspect.signature(xp.sum).parameters["x"].annotation)
    assert "x: tensorxp.Tensor," in str(inspect.signature(xp.sum))
    assert str(type(t)) == "<class 'tensorxp.Tensor'>" and "Tensor" in pydoc.render_doc(xp.Tensor)
    with pytest.raises(AttributeError, match=r"^'(tensorxp\.)?Tensor' object has no attribute"):
        t.sofmax  # noqa: B018
    assert pickle.loads(pickle.dumps(xp.Tensor)) is xp.Tensor
    for name in xp.__all__:
        if callable(getattr(xp, name)):
            pydoc.render_doc(getattr(xp, name))


def test_errors_say_what_helps() -> None:
    layer, t = xp.nn.Linear(2, 2), xp.ones((2, 2))
    calls: list[tuple[Any, type[Exception], str]] = [
        (lambda: xp.optim.SGD(layer), TypeError, r"params is a Linear; .* as its parameters\(\)"),
        (lambda: t.to("gpu"), TypeError, r"to: dtype is 'gpu'.*devices are .cpu., .cuda."),
        (lambda: format(t, ".2f"), ValueError, r"format: '.2f' is for numbers.*shape \(2, 2\)"),
        (lambda: layer.weigth, AttributeError, "'Linear' object has no attribute 'weigth'"),
    ]
    for call, kind, text in calls:
        with pytest.raises(kind, match=text) as caught:
            call()
    assert caught.value.name == "weigth" and caught.value.obj is layer  # for "Did you mean"
    assert f"{t[0, 0]:.2f} {t:>40}".startswith("1.00 ") and f"{t}" == str(t)


# NumPy in, NumPy out


def valley(x: Any) -> Any:
    return xp.cosh(x - 1).sum() + ((x[1:] - x[:-1]) ** 2).sum()


A = xp.autograd
START = np.asarray([-0.3, 1.4, 0.7])


@pytest.mark.parametrize(
    "method",
    [
        "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "dogleg", "trust-ncg",
        "trust-krylov", "trust-exact", "trust-constr",
    ],
)  # fmt: skip
def test_scipys_minimizers_take_our_derivatives(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    options: list[dict[str, Any]] = [{}]
    if method in ("Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"):
        options = [{"hess": lambda x: A.hessian(valley, x)}]
    if method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        options.append({"hessp": lambda x, p: A.hvp(valley, x, p)[1]})
    if method == "trust-constr":
        ring = optimize.NonlinearConstraint(
            lambda x: A.vjp(lambda x: x * x, x)[0],
            -np.inf,
            4.0,
            jac=lambda x: A.jacobian(lambda x: x * x, x),
            hess=lambda x, v: A.hessian(lambda x: (xp.asarray(v) * x * x).sum(), x),
        )
        options.append({"constraints": ring})
    if method == "SLSQP":
        ring = {"type": "ineq", "fun": lambda x: 4 - x @ x,
                "jac": lambda x: A.jacobian(lambda x: 4 - x @ x, x)}  # fmt: skip
        options.append({"constraints": ring})
    if method in ("L-BFGS-B", "TNC", "SLSQP", "trust-constr"):
        options.append({"bounds": [(-2, 2)] * 3})
    for extra in options:
        found = optimize.minimize(
            A.value_and_grad(valley), START.copy(), jac=True, method=method, tol=1e-8, **extra
        )
        assert type(found.x) is np.ndarray and np.ndim(found.fun) == 0
        np.testing.assert_allclose(found.x, 1, atol=1e-3)


def circle(x: Any) -> Any:
    return x * x + x[::-1] - 3


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_scipys_roots_take_our_jacobians(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")

    def both(x: Any) -> Any:
        return circle(x), A.jacobian(circle, x)

    found = optimize.root(both, np.ones(2), jac=True, method=method)
    np.testing.assert_allclose(circle(found.x), 0, atol=1e-8)
    for name in ("newton", "halley"):
        derivatives = {"fprime": lambda x: A.value_and_grad(lambda x: x**3 - 2)(x)[1]}
        if name == "halley":
            derivatives["fprime2"] = lambda x: A.hessian(lambda x: x**3 - 2, x)
        assert abs(optimize.newton(lambda x: x**3 - 2, 1.0, **derivatives) ** 3 - 2) < 1e-8


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_scipys_least_squares_take_our_jacobians(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    times = np.linspace(0, 1, 7)
    seen = 2 * np.exp(-0.5 * times)

    def residuals(x: Any) -> Any:
        return x[0] * np.exp(x[1] * times) - seen

    found = optimize.least_squares(
        lambda x: A.vjp(residuals, x)[0],
        np.ones(2),
        jac=lambda x: A.jacobian(residuals, x),
        method=method,
    )
    np.testing.assert_allclose(found.x, [2, -0.5], atol=1e-6)


def plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(plain(v) for v in value)
    return isinstance(value, np.ndarray | np.generic)


def test_derivatives_at_arrays_are_arrays() -> None:
    x, y = np.asarray([1.0, 2.0, 3.0]), np.asarray([0.5, 0.5, 2.0])
    t, s = xp.asarray(x), xp.asarray(y)

    def f(x: Any, y: Any) -> Any:
        assert isinstance(x, xp.Tensor) and isinstance(y, xp.Tensor)
        return (x * x * y).sum()

    def g(x: Any, y: Any) -> Any:
        return x * y, (x + y).sum()

    pairs = [
        (A.value_and_grad(f, (0, 1))(x, y), A.value_and_grad(f, (0, 1))(t, s)),
        (A.jacobian(g, (x, y)), A.jacobian(g, (t, s))),
        (A.jacobian(g, [x, y], strategy="forward"), A.jacobian(g, (t, s))),
        (A.hessian(f, (x, y)), A.hessian(f, (t, s))),
        (A.hvp(f, (x, y), (y, x)), A.hvp(f, (t, s), (s, t))),
        (A.jvp(g, (x, y), (y, x)), A.jvp(g, (t, s), (s, t))),
        (A.jvp(g, (x, y), (y, None)), A.jvp(g, (t, s), (s, None))),
        (A.vjp(g, x, y)[0], A.vjp(g, t, s)[0]),
        (A.vjp(g, x, y)[1]((y, 2.0)), A.vjp(g, t, s)[1]((s, xp.asarray(2.0)))),
        (A.vjp(xp.sin, x)[1](y), A.vjp(xp.sin, t)[1](s)),
        (A.hessian(lambda x: (x**3).sum(), x), A.hessian(lambda x: (x**3).sum(), t)),
        (A.jvp(xp.exp, x, y), A.jvp(xp.exp, t, s)),
    ]
    for found, expected in pairs:
        assert plain(found)
        flat, wanted = leaves(found), leaves(expected)
        for a, b in zip(flat, wanted, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_array_equal(a, b)
    value, grads = A.value_and_grad(lambda a, b: (a + b).sum(), (0, 1))(x, y)
    grads[0][...] = 7  # results are the caller's: writable, and apart
    assert grads[1].tolist() == [1, 1, 1] and value == 9.0


def leaves(value: Any) -> list[Any]:
    return [v for part in value for v in leaves(part)] if isinstance(value, tuple) else [value]


def test_derivatives_at_numbers_are_numbers() -> None:
    for x in (2.0, np.float64(2.0), np.asarray(2.0)):
        value, slope = A.value_and_grad(lambda x: x**3)(x)
        assert isinstance(value, float) and isinstance(slope, float) and (value, slope) == (8, 12)
        assert A.hessian(lambda x: x**3, x) == 12 and A.jacobian(lambda x: x**3, x) == 12
        assert A.hvp(lambda x: x**3, x, 1.0) == (8, 12) and A.jvp(xp.square, x, 1.0) == (4, 4)
    value, slope = A.value_and_grad(lambda x: x * x)(np.float32(3.0))
    assert value.dtype == slope.dtype == "f4"
    assert A.value_and_grad(lambda z: (z * z.conj()).real)(1 + 2j)[1] == 2 + 4j
    # what is not differentiated stays as it is
    data = np.asarray([1.0, 2.0])
    value, slope = A.value_and_grad(lambda x, d: (x * d).sum() + 0 * (d is data))(3.0, data)
    assert (value, slope) == (9, 3)


def test_what_is_neither_tensor_nor_numbers_is_refused() -> None:
    t = xp.ones(2)
    calls = [
        lambda: A.value_and_grad(lambda x, y: (x * y).sum(), (0, 1))(t, np.ones(2)),
        lambda: A.value_and_grad(lambda x: x.sum())([1.0, 2.0]),
        lambda: A.value_and_grad(lambda x: x.sum())(np.asarray(["a"])),
        lambda: A.value_and_grad(lambda x: x.sum())(np.ma.ones(2)),
        lambda: A.jacobian(xp.sin, "x"),
        lambda: A.hvp(lambda x: x.sum(), t, np.ones(2)),
        lambda: A.vjp(xp.add, t, 2.0),
        lambda: A.jacobian(xp.sin, ()),
    ]
    for call in calls[:-1]:
        with pytest.raises(TypeError, match="allowed are Tensors, or arrays of NumPy and numbers"):
            call()
    with pytest.raises(TypeError, match=r"jvp: primals\[0\] is a ndarray"):
        A.jvp(xp.sin, np.ones(2), t)


def test_format_wants_a_string():
    for x in (xp.asarray(1.5), xp.ones(2)):
        with pytest.raises(TypeError, match="spec is a list"):
            x.__format__([1])
