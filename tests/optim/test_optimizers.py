"""Optimizers: the trajectories of PyTorch, groups, state dicts, in-place updates and errors."""

import copy
import pickle

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import optim
from tensorxp.optim import _pieces

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

ADAM = [
    {},
    {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"maximize": True, "weight_decay": 0.1, "amsgrad": True},
]
FAMILY = [{}, {"lr": 0.02, "betas": (0.8, 0.95)}, {"weight_decay": 0.1}, {"maximize": True}]
GRID = [
    *[("Adam", o) for o in ADAM],
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    *[("AdamW", o) for o in ADAM],
    *[("NAdam", o) for o in FAMILY],
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.01}),
    *[("RAdam", o) for o in FAMILY],
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    *[("Adamax", o) for o in FAMILY],
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"maximize": True, "eps": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "weight_decay": 0.1, "eps": 1e-4}),
    ("Adadelta", {"maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.8, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "eps": 1e-3}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "maximize": True}),
    ("LBFGS", {}),
    ("LBFGS", {"lr": 0.5, "max_iter": 4, "history_size": 3}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 3}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "history_size": 2, "max_eval": 8}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(GRID)]


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def start(dtype="float64"):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(3, 4)), rng.normal(size=(5,)), rng.normal(size=())]
    if np.dtype(dtype).kind == "c":
        values = [v + 1j * rng.normal(size=v.shape) for v in values]
    data = [rng.normal(size=np.shape(v)) for v in values]
    return [np.asarray(v, dtype) for v in values], [np.asarray(d, dtype) for d in data]


def leaves(library, dtype="float64"):
    values, data = start(dtype)
    if library is torch:
        return [torch.tensor(v, requires_grad=True) for v in values], [
            torch.tensor(d) for d in data
        ]
    return [xp.asarray(v, copy=True, requires_grad=True) for v in values], [
        xp.asarray(d) for d in data
    ]


def loss_of(params, data, step):
    # a smooth loss whose gradient changes in size and direction from step to step
    total = 0.0
    for p, d in zip(params, data, strict=True):
        r = p - d
        total = total + (abs(r) ** 2).sum() * (1 + 0.3 * (step % 3)) + (abs(r) ** 4).sum() * 0.1
        total = total + (p * p.conj()).real.sum() * 0.5 * (-1) ** step
    return total


def trajectory(library, name, options, steps=20, dtype="float64", optimizer=None, groups=None):
    params, data = leaves(library, dtype)
    module = torch.optim if library is torch else optim
    if optimizer is None:
        given = params if groups is None else groups(params)
        optimizer = getattr(module, name)(given, **options)
    found = []
    for step in range(steps):

        def closure(step=step):
            optimizer.zero_grad()
            loss = loss_of(params, data, 0 if name == "LBFGS" else step)
            loss.backward()
            return loss

        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        found.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return np.array(found), optimizer, params


@needs_torch
@pytest.mark.parametrize(("name", "options"), GRID, ids=IDS)
def test_trajectories_are_those_of_pytorch(name, options, double):
    ours, _, _ = trajectory(xp, name, options)
    theirs, _, _ = trajectory(torch, name, options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)
    begin = np.concatenate([v.ravel() for v in start()[0]])
    assert not np.allclose(begin, ours[-1])


@needs_torch
@pytest.mark.parametrize(("name", "options"), GRID, ids=IDS)
def test_trajectories_in_single_precision(name, options):
    if name == "LBFGS":
        pytest.skip("a line search amplifies rounding")
    ours, _, _ = trajectory(xp, name, options, dtype="float32")
    theirs, _, _ = trajectory(torch, name, options, dtype="float32")
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@needs_torch
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9, "lr": 0.01}),
        ("Adam", {"amsgrad": True}),
        ("NAdam", {}),
        ("RAdam", {}),
        ("Adamax", {}),
        ("Adagrad", {"initial_accumulator_value": 0.1}),
        ("Adadelta", {}),
        ("RMSprop", {"centered": True, "momentum": 0.2}),
        ("LBFGS", {"max_iter": 3}),
    ],
)
def test_complex_parameters(name, options, double):
    ours, _, _ = trajectory(xp, name, options, steps=8, dtype="complex128")
    theirs, _, _ = trajectory(torch, name, options, steps=8, dtype="complex128")
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@needs_torch
@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam", "Adagrad", "RMSprop", "LBFGS"])
def test_state_dicts_go_both_ways(name, double):
    options = {"SGD": {"momentum": 0.9}, "LBFGS": {"max_iter": 3}}.get(name, {})
    options = {"lr": 0.02, **options}
    whole, _, _ = trajectory(torch, name, options, steps=8)

    def half(library):
        _, optimizer, params = trajectory(library, name, options, steps=4)
        return optimizer.state_dict(), [p.detach().numpy().copy() for p in params]

    for source, target in ((torch, xp), (xp, torch), (xp, xp)):
        state, values = half(source)
        params, data = leaves(target)
        with xp.no_grad(), torch.no_grad():
            for p, v in zip(params, values, strict=True):
                p.copy_(torch.tensor(v) if target is torch else xp.asarray(v))
        module = torch.optim if target is torch else optim
        optimizer = getattr(module, name)(params, lr=7.0)
        if (source, target) == (xp, torch):
            state = to_torch(state)
        optimizer.load_state_dict(state)
        assert optimizer.param_groups[0]["lr"] == 0.02
        for step in range(4, 8):

            def closure(step=step, optimizer=optimizer, params=params, data=data):
                optimizer.zero_grad()
                loss = loss_of(params, data, 0 if name == "LBFGS" else step)
                loss.backward()
                return loss

            if name == "LBFGS":
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
        got = np.concatenate([p.detach().numpy().ravel() for p in params])
        np.testing.assert_allclose(got, whole[-1], rtol=1e-10, atol=1e-10)


def to_torch(value):
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_torch(v) for v in value]
    return torch.tensor(value.numpy()) if isinstance(value, xp.Tensor) else value


@needs_torch
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad",
                                  "Adadelta", "RMSprop", "LBFGS"])  # fmt: skip
def test_defaults_and_layout_are_those_of_pytorch(name, double):
    options = {"momentum": 0.9} if name == "SGD" else {}
    _, ours, _ = trajectory(xp, name, options, steps=1)
    _, theirs, _ = trajectory(torch, name, options, steps=1)
    a, b = ours.state_dict(), theirs.state_dict()
    groups = [{k: v for k, v in g.items() if k != "params"} for g in b["param_groups"]]
    assert [{k: v for k, v in g.items() if k != "params"} for g in a["param_groups"]] == groups
    assert a["param_groups"][0]["params"] == b["param_groups"][0]["params"]
    assert a["state"].keys() == b["state"].keys()
    for i, state in b["state"].items():
        assert set(a["state"][i]) == set(state) - ({"al"} - set(a["state"][i]))
        for key, value in state.items():
            if isinstance(value, torch.Tensor) and hasattr(a["state"][i][key], "shape"):
                assert a["state"][i][key].shape == tuple(value.shape)
                assert str(a["state"][i][key].dtype) == str(value.dtype).removeprefix("torch.")


@needs_torch
def test_groups_have_options_of_their_own(double):
    def groups(params):
        return [
            {"params": params[:1], "lr": 0.1, "weight_decay": 0.2},
            {"params": params[1:], "betas": (0.5, 0.6)},
        ]

    ours, optimizer, _ = trajectory(xp, "Adam", {"lr": 0.01}, groups=groups)
    theirs, _, _ = trajectory(torch, "Adam", {"lr": 0.01}, groups=groups)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)
    assert [g["params"] for g in optimizer.state_dict()["param_groups"]] == [[0], [1, 2]]


def test_updates_are_in_place_and_seen_by_backward(device):
    p = xp.asarray([1.0, 2.0], device=device, requires_grad=True)
    memory = p._data
    optimizer = optim.SGD([p], lr=0.5)
    y = (p * p).sum()
    p.grad = xp.asarray([1.0, 1.0], device=device)
    optimizer.step()
    assert p._data is memory and p.cpu().tolist() == [0.5, 1.5]
    with pytest.raises(RuntimeError, match="multiply"):
        y.backward()


@pytest.mark.parametrize("order", ["C", "F", "strided", "mixed"])
@pytest.mark.parametrize("shape", [(7, 300), (300, 7), (2100,), (1, 2100)])
def test_large_parameters_are_updated_piece_by_piece(order, shape, monkeypatch):
    monkeypatch.setattr(_pieces, "LIMIT", 64)
    monkeypatch.setattr("tensorxp.optim.optimizer.LIMIT", 64)
    monkeypatch.setattr("tensorxp._backend.loops._NUMBERS", {})  # which need no pieces
    rng = np.random.default_rng(1)
    values, grad = rng.normal(size=shape), rng.normal(size=shape)

    def laid(a, order):
        if order == "F":
            return np.asfortranarray(a.copy())
        if order == "strided":
            return np.repeat(a, 2, axis=0)[::2]
        return a.copy()

    p = xp.asarray(laid(values, order))
    p.requires_grad_(True)
    p.grad = xp.asarray(laid(grad, "F" if order == "mixed" else order))
    optimizer = optim.Adam([p], lr=0.1)
    for _ in range(3):
        optimizer.step()
    q = xp.asarray(values.ravel(), requires_grad=True, copy=True)
    q.grad = xp.asarray(grad.ravel())
    reference = optim.Adam([q], lr=0.1)
    for _ in range(3):
        reference.step()
    np.testing.assert_allclose(p.detach().numpy().ravel(), q.detach().numpy(), rtol=1e-14)
    if order in ("C", "F"):
        held = [b.size for buffers in optimizer._scratch._held.values() for b in buffers]
        assert max(held) <= 64


def test_temporaries_do_not_grow_with_the_model():
    p = xp.zeros(1 << 18, requires_grad=True)
    p.grad = xp.ones(1 << 18)
    optimizer = optim.Adam([p])
    optimizer.step()
    held = sum(b.size for buffers in optimizer._scratch._held.values() for b in buffers)
    assert held <= 2 * _pieces.LIMIT


def test_zero_grad_hooks_closure_and_repr():
    p = xp.asarray([1.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    calls = []
    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("after"))

    def closure():
        assert xp.is_grad_enabled()
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with xp.no_grad():
        assert float(optimizer.step(closure)) == 1.0
    assert calls == ["before", "after"]
    first.remove()
    first.remove()
    assert optimizer.step() is None and calls == ["before", "after", "after"]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None
    before = p.tolist()
    optimizer.step()
    assert p.tolist() == before
    assert "Parameter Group 0" in repr(optimizer) and "lr: 0.1" in repr(optimizer)


def test_named_parameters_and_added_groups():
    a, b, c = (xp.zeros(2, requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([("a", a), ("b", b)])
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["a", "b"]
    optimizer.add_param_group({"params": [("c", c)], "lr": 0.5})
    assert optimizer.param_groups[1]["lr"] == 0.5
    with pytest.raises(ValueError, match="names"):
        optimizer.add_param_group({"params": [xp.zeros(1, requires_grad=True)]})
    with pytest.raises(ValueError, match="more than one"):
        optimizer.add_param_group({"params": [("a", a)]})


def test_a_tensor_as_learning_rate():
    p = xp.asarray([1.0], requires_grad=True)
    lr = xp.asarray(0.25)
    optimizer = optim.SGD([p], lr=lr)
    p.grad = xp.asarray([1.0])
    optimizer.step()
    assert p.tolist() == [0.75]
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    scheduler.step()
    assert float(lr) == 0.125 and optimizer.param_groups[0]["lr"] is lr


def test_optimizers_can_be_copied_and_pickled():
    p = xp.asarray([1.0], requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = xp.asarray([1.0])
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        q = other.param_groups[0]["params"][0]
        q.grad = xp.asarray([1.0])
        other.step()
        assert float(other.state[q]["step"]) == 2 and q.tolist() != p.tolist()
    assert float(optimizer.state[p]["step"]) == 1


def test_loading_copies_and_changes_nothing_on_failure():
    p = xp.asarray([1.0], dtype=xp.float32, requires_grad=True)
    optimizer = optim.Adam([p], lr=0.5)
    p.grad = xp.asarray([1.0], dtype=xp.float32)
    optimizer.step()
    state = optimizer.state_dict()
    other = optim.Adam([p])
    other.load_state_dict(state)
    assert other.state[p]["exp_avg"].dtype == xp.float32
    optimizer.step()
    assert float(other.state[p]["step"]) == 1
    with pytest.raises(ValueError, match="parameter groups"):
        optim.Adam(
            [{"params": [p]}, {"params": [xp.zeros(1, requires_grad=True)]}]
        ).load_state_dict(state)
    two = optim.Adam([p, xp.zeros(1, requires_grad=True)])
    with pytest.raises(ValueError, match="1 parameters"):
        two.load_state_dict(state)
    assert two.param_groups[0]["lr"] == 1e-3


ERRORS = [
    (lambda p: optim.SGD([]), ValueError, "empty parameter list"),
    (lambda p: optim.SGD(p), TypeError, "iterable"),
    (lambda p: optim.SGD([1.0]), TypeError, "only optimize Tensors"),
    (lambda p: optim.SGD([p * 2]), ValueError, "non-leaf"),
    (lambda p: optim.SGD([{"params": {p}}]), TypeError, "set"),
    (lambda p: optim.SGD([p], lr=-1), ValueError, "Invalid learning rate"),
    (lambda p: optim.SGD([p], nesterov=True), ValueError, "Nesterov"),
    (lambda p: optim.Adam([p], betas=(1.0, 0.9)), ValueError, "index 0"),
    (lambda p: optim.Adam([p], eps=-1), ValueError, "epsilon"),
    (lambda p: optim.Adam([p], differentiable=True), NotImplementedError, "differentiable"),
    (lambda p: optim.Adadelta([p], rho=2), ValueError, "rho"),
    (lambda p: optim.LBFGS([p], line_search_fn="x"), RuntimeError, "strong_wolfe"),
    (lambda p: optim.LBFGS([p]).step(), TypeError, "closure"),
    (
        lambda p: optim.LBFGS([{"params": [p]}, {"params": [xp.zeros(1)]}]),
        ValueError,
        "per-parameter",
    ),
]


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call(xp.asarray([1.0], requires_grad=True))


def test_lbfgs_finds_the_minimum_of_rosenbrock():
    p = xp.asarray([-1.2, 1.0], requires_grad=True)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe", max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [1, 1], atol=1e-4)


NUMBERS = {
    "SGD": "lr momentum dampening weight_decay", "Adam": "lr eps weight_decay",
    "AdamW": "lr eps weight_decay", "NAdam": "lr eps weight_decay momentum_decay",
    "RAdam": "lr eps weight_decay", "Adamax": "lr eps weight_decay",
    "Adagrad": "lr lr_decay weight_decay eps", "Adadelta": "lr rho eps weight_decay",
    "RMSprop": "lr alpha eps weight_decay momentum", "LBFGS": "lr",
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_hyperparameters_may_be_tensors(name):
    """They are read at each step, so that they may be changed in place."""

    def trained(word, value):
        w = xp.nn.Parameter(xp.asarray([1.0, -2.0]))
        made = getattr(xp.optim, name)([w], **{word: value})

        def loss():
            made.zero_grad()
            out = xp.sum(w * w)
            out.backward()
            return out

        for _ in range(3):
            loss()
            made.step(loss)
            made.param_groups[0][word] *= 0.5
        return w.tolist()

    for word in NUMBERS[name].split():
        assert trained(word, xp.tensor(0.25)) == trained(word, 0.25), word
        for wrong in (xp.tensor([0.1, 0.2]), xp.tensor(1j), "0.1", None, [0.1]):
            with pytest.raises(TypeError, match=rf"{name}: {word} .*allowed is a real number"):
                trained(word, wrong)
