"""`Module`, `Parameter` and containers: registration, state, moves, hooks, text. No PyTorch."""

import copy
import pickle

import numpy as np
import pytest

import tensorxp as xp

nn = xp.nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.scale = nn.Parameter(xp.ones(1, dtype=xp.float32))
        self.register_buffer("shift", xp.zeros(4, dtype=xp.float32), persistent=False)

    def forward(self, x):
        return self.norm(self.first(x)) * self.scale + self.shift


def test_parameter():
    data = xp.ones(3)
    p = nn.Parameter(data)
    assert isinstance(p, xp.Tensor) and p.requires_grad and p.is_leaf
    assert type(p + 1) is xp.Tensor and type(p[0]) is xp.Tensor
    assert p._data is data._data
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter(xp.ones(2).requires_grad_() * 2).is_leaf
    assert repr(p).startswith("Parameter containing:\ntensor(")
    other = copy.deepcopy(p)
    assert isinstance(other, nn.Parameter) and other._data is not p._data and other.requires_grad
    again = pickle.loads(pickle.dumps(p))
    assert isinstance(again, nn.Parameter) and again.requires_grad
    p.data = xp.zeros(3)
    assert float(xp.sum(p.detach())) == 0 and p.requires_grad
    with pytest.raises(TypeError, match="Parameter: data is a list"):
        nn.Parameter([1.0])
    assert nn.Parameter().shape == (0,)


def test_registration():
    net = Net()
    names = ["scale", "first.weight", "first.bias", "norm.weight", "norm.bias"]
    assert [n for n, _ in net.named_parameters()] == names
    assert [n for n, _ in net.named_buffers()] == [
        "shift", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
    ]  # fmt: skip
    assert "shift" not in net.state_dict()
    assert [n for n, _ in net.named_modules()] == ["", "first", "norm"]
    assert [n for n, _ in net.named_children()] == ["first", "norm"]
    assert net.get_submodule("first") is net.first
    assert net.get_parameter("first.weight") is net.first.weight
    assert net.get_buffer("norm.running_mean") is net.norm.running_mean
    net.first = nn.Identity()
    assert [n for n, _ in net.named_parameters()] == ["scale", "norm.weight", "norm.bias"]
    del net.norm
    assert not hasattr(net, "norm")
    net.scale = None
    assert net.scale is None and list(net.parameters()) == []
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'scale'"):
        net.scale = xp.ones(1)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        net.nothing  # noqa: B018
    with pytest.raises(KeyError, match="name can"):
        net.register_buffer("a.b", xp.ones(1))
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("forward", xp.ones(1))


def test_shared_parameters_are_given_once():
    a = nn.Linear(2, 2)
    model = nn.Sequential(a, a)
    assert len(list(model.parameters())) == 2
    assert len(model.state_dict()) == 4
    assert len(list(model.named_parameters(remove_duplicate=False))) == 4


def test_assignment_before_init():
    class Bad(nn.Module):
        def __init__(self):
            self.p = nn.Parameter(xp.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Bad()


def test_state_dict_round_trip_and_reports():
    a, b = Net(), Net()
    report = b.load_state_dict(a.state_dict())
    assert str(report) == "<All keys matched successfully>"
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        assert bool(xp.all(x.detach() == y.detach()))
    arrays = {k: np.asarray(v) for k, v in a.state_dict().items()}
    b.load_state_dict(arrays)
    model = nn.Linear(2, 3)
    before = np.array(model.bias.detach().numpy())
    wrong = {"weight": np.ones((2, 2)), "bias": np.ones(3), "x": np.ones(1)}
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(wrong)
    assert str(caught.value) == (
        'Error(s) in loading state_dict for Linear:\n\tUnexpected key(s) in state_dict: "x". \n\t'
        "size mismatch for weight: copying a param with shape (2, 2) from checkpoint, the shape in "
        "current model is (3, 2)."
    )
    np.testing.assert_array_equal(model.bias.detach().numpy(), before)  # nothing was changed
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        model.load_state_dict({"weight": np.ones((3, 2))})
    report = model.load_state_dict({"weight": np.ones((3, 2)), "y": np.ones(1)}, strict=False)
    assert report.missing_keys == ["bias"] and report.unexpected_keys == ["y"]
    taken = xp.ones((3, 2))
    model.load_state_dict({"weight": taken, "bias": xp.ones(3)}, assign=True)
    assert model.weight._data is taken._data and isinstance(model.weight, nn.Parameter)
    with pytest.raises(TypeError, match="dict-like"):
        model.load_state_dict([1])


def test_old_batch_norm_states_load():
    norm = nn.BatchNorm1d(3)
    state = norm.state_dict()
    del state["num_batches_tracked"]
    norm.load_state_dict(state)


def test_moves_keep_identity():
    net = Net()
    weight = net.first.weight
    assert net.double() is net
    assert net.first.weight is weight and weight.dtype == xp.float64
    assert net.norm.running_mean.dtype == xp.float64
    assert net.norm.num_batches_tracked.dtype == xp.int64
    net.to("sim:0")
    assert weight.device == "sim:0" and net.shift.device == "sim:0"
    net.to(xp.ones(1, dtype=xp.float32))
    assert weight.device == "cpu" and weight.dtype == xp.float32 and weight.requires_grad
    with pytest.raises(TypeError, match="floating-point"):
        net.to(xp.int64)
    out = net(xp.ones((2, 3), dtype=xp.float32))
    xp.sum(out).backward()
    assert weight.grad.dtype == xp.float32
    net.double()
    assert weight.grad.dtype == xp.float64


def test_modes_and_gradients():
    net = Net()
    assert net.training and not net.eval().norm.training
    assert net.train().norm.training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    xp.sum(net(xp.random.randn(4, 3, dtype=xp.float32))).backward()
    assert net.first.weight.grad is not None
    net.zero_grad(set_to_none=False)
    assert float(xp.sum(xp.abs(net.first.weight.grad))) == 0
    net.zero_grad()
    assert net.first.weight.grad is None
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "BatchNorm1d", "Net"]


def test_forward_hooks():
    layer = nn.Linear(2, 2)
    x = xp.ones((1, 2), dtype=xp.float32)
    log = []
    pre = layer.register_forward_pre_hook(lambda m, args: log.append("pre"))
    post = layer.register_forward_hook(lambda m, args, out: out * 2)
    doubled = layer(x)
    post.remove()
    assert bool(xp.all(doubled == layer(x) * 2))
    pre.remove()
    layer(x)
    assert log == ["pre", "pre"]
    with layer.register_forward_pre_hook(lambda m, args, kw: (args, {}), with_kwargs=True):
        layer(x)
    layer.register_forward_hook(lambda m, a, k, o: log.append(k), with_kwargs=True)
    layer(input=x)
    assert list(log[-1]) == ["input"]


def test_backward_hooks():
    layer = nn.Linear(2, 3)
    x = xp.ones((1, 2), dtype=xp.float32, requires_grad=True)
    seen = []
    layer.register_full_backward_pre_hook(lambda m, out: (out[0] * 10,))
    handle = layer.register_full_backward_hook(
        lambda m, gin, gout: seen.append((gin[0].shape, float(gout[0][0, 0])))
    )
    xp.sum(layer(x)).backward()
    assert seen == [((1, 2), 10.0)]
    np.testing.assert_allclose(layer.bias.grad.numpy(), 10.0)
    handle.remove()
    handle = layer.register_full_backward_hook(lambda m, gin, gout: (gin[0] * 0,))
    x.grad = None
    xp.sum(layer(x)).backward()
    assert float(xp.sum(xp.abs(x.grad))) == 0
    handle.remove()
    seen.clear()
    layer.register_full_backward_hook(lambda m, gin, gout: seen.append(gin))
    xp.sum(layer(xp.ones((1, 2), dtype=xp.float32))).backward()
    assert seen == [(None,)]


def test_containers():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(model) == 3 and isinstance(model[1], nn.ReLU) and isinstance(model[-1], nn.Linear)
    assert len(model[:2]) == 2
    model.append(nn.Tanh()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in model] == ["Identity", "Linear", "ReLU", "Linear", "Tanh"]
    del model[0]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    named = nn.Sequential({"a": nn.Linear(2, 2), "b": nn.ReLU()})
    assert list(named.state_dict()) == ["a.weight", "a.bias"]
    items = nn.ModuleList([nn.ReLU(), nn.ReLU()])
    items += [nn.Tanh()]
    assert repr(items) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    table = nn.ModuleDict({"x": nn.ReLU()})
    table["y"] = nn.Tanh()
    assert list(table) == ["x", "y"] and "x" in table and len(table) == 2
    assert isinstance(table.pop("x"), nn.ReLU)
    params = nn.ParameterList([xp.ones(2), nn.Parameter(xp.ones(3))])
    assert len(list(params.parameters())) == 2 and isinstance(params[0], nn.Parameter)
    by_name = nn.ParameterDict({"a": xp.ones(2)})
    by_name["b"] = nn.Parameter(xp.ones(1))
    assert list(by_name.state_dict()) == ["a", "b"] and list(by_name.keys()) == ["a", "b"]
    with pytest.raises(IndexError):
        items[5]


def test_copies_are_independent():
    net = Net()
    other = copy.deepcopy(net)
    with xp.no_grad():
        other.first.weight.zero_()
    assert float(xp.sum(xp.abs(net.first.weight.detach()))) > 0
    assert isinstance(other.first.weight, nn.Parameter)
    again = pickle.loads(pickle.dumps(nn.Linear(2, 2)))
    assert isinstance(again.weight, nn.Parameter) and again.weight.requires_grad


def test_text():
    assert repr(nn.Sequential(nn.Linear(1, 2), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=1, out_features=2, bias=True)\n  (1): ReLU()\n)"
    )
    assert repr(nn.Identity()) == "Identity()"
    assert "9" in str(nn.Linear(2, 3).summary())


def test_names_are_all_there():
    for name in nn.__all__:
        assert hasattr(nn, name)
    for name in nn.functional.__all__:
        assert callable(getattr(nn.functional, name))
