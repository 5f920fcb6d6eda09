"""What the tables leave out, against PyTorch: rare arguments, containers, hooks, states."""

import copy
import inspect
import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.nn.functional import adaptive

from .oracle import close, compare, load, torch

R = np.random.default_rng(3)
X, Y, P = R.normal(size=(5, 4)), R.normal(size=(5, 4)), R.uniform(0.1, 0.9, size=(5, 4))
LABELS = np.array([0, 3, 1, 2, 2])
Q, K = R.normal(size=(2, 6, 3, 4)), R.normal(size=(2, 2, 5, 4))
PAIR = R.normal(size=(2, 2, 5, 5))
LOGITS = R.normal(size=(6, 2, 4))
EMPTY = np.zeros((0, 4))

CALLS = [
    ("softmax", (X,), {"dim": 1, "dtype": "float64"}),
    ("log_softmax", (X,), {"dim": 0, "dtype": "float32"}),
    ("softmin", (X,), {"dim": 1, "dtype": "float32"}),
    ("adaptive_max_pool2d", (PAIR[0], 3), {}),
    ("adaptive_max_pool2d", (PAIR[0], 3), {"return_indices": True}),
    ("adaptive_max_pool1d", (PAIR[0, 0], 5), {"return_indices": True}),
    ("scaled_dot_product_attention", (Q, K, K), {"enable_gqa": True}),
    ("cross_entropy", (EMPTY, np.zeros(0, int)), {}),
    ("cross_entropy", (EMPTY, np.zeros(0, int)), {"reduction": "sum"}),
    ("cross_entropy", (EMPTY, EMPTY), {}),
    ("linear", (X, Y[0]), {}),
    ("one_hot", (LABELS,), {}),
    ("one_hot", (LABELS,), {"num_classes": 4}),
    ("one_hot", (LABELS.reshape(5, 1),), {"num_classes": 6}),
    ("one_hot", (np.zeros((0,), int),), {"num_classes": 3}),
    ("embedding_bag", (LABELS[None], Y), {"mode": "sum", "per_sample_weights": P[:, 0][None]}),
    ("layer_norm", (EMPTY, (4,)), {}),
    ("layer_norm", (EMPTY, (4,), Y[0]), {}),
    ("layer_norm", (EMPTY, (4,), Y[0], Y[1]), {}),
    ("max_pool1d", (PAIR[0], 2, 2), {"ceil_mode": True}),
    ("max_pool2d", (PAIR, 2, 3, 1), {"ceil_mode": True}),
    ("max_pool2d", (PAIR, 2, 2, 1), {"ceil_mode": True}),
    ("avg_pool1d", (PAIR[0], 2, 2), {"ceil_mode": True}),
    ("avg_pool1d", (PAIR[0], 3, 3, 1), {"ceil_mode": True}),
    ("avg_pool2d", (PAIR, 2, 2, 1), {"ceil_mode": True, "count_include_pad": False}),
    ("gaussian_nll_loss", (X, Y, P[:, 0]), {}),
    ("gaussian_nll_loss", (X, Y, 0.5), {}),
    ("gaussian_nll_loss", (X, Y, 0.0), {}),
    ("pairwise_distance", (X[0], Y[0]), {"p": 0.0, "eps": 0.0}),
    ("alpha_dropout", (X,), {"p": 1.0, "training": True}),
    ("feature_alpha_dropout", (X,), {"p": 1.0, "training": True}),
    ("ctc_loss", (LOGITS, np.array([[1, 2], [3, 0]]), (6, 6), (2, 1)), {}),
    ("ctc_loss", (LOGITS, np.array([1, 2, 3]), (6, 5), (2, 1)), {"reduction": "sum"}),
    ("ctc_loss", (LOGITS, np.array([1, 2, 3]), (6, 5), (2, 1)), {"reduction": "none"}),
    ("ctc_loss", (LOGITS, np.array([1, 1, 1, 1, 3]), (3, 6), (4, 1)), {"zero_infinity": True}),
    ("ctc_loss", (LOGITS[:, 0], np.array([1, 2]), (6,), (2,)), {}),
    ("ctc_loss", (LOGITS[:, 0], np.array([1, 2]), (6,), (2,)), {"reduction": "none"}),
    ("ctc_loss", (LOGITS[:, :, [1, 2, 3, 0]], np.array([0, 1, 2]), (6, 5), (2, 1)), {"blank": 3}),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, args, kwargs", CALLS, ids=[f"{c[0]}{i}" for i, c in enumerate(CALLS)]
)
def test_calls(name: str, args: Any, kwargs: Any) -> None:
    ours, theirs = getattr(xp.nn.functional, name), getattr(torch.nn.functional, name)

    def call(function: Any, lib: Any) -> Callable[..., Any]:
        def f(*given: Any, **options: Any) -> Any:
            if "dtype" in options:
                options["dtype"] = getattr(lib, options["dtype"])
            if name == "ctc_loss":
                given = lib.nn.functional.log_softmax(given[0], -1), *given[1:]
            return function(*given, **options)

        return f

    precision = kwargs.get("dtype", "float64")
    compare(call(ours, xp), call(theirs, torch), args, kwargs, "float64", precision=precision)


def test_one_row_and_its_number() -> None:
    F, x, y = xp.nn.functional, xp.asarray(X), xp.asarray(Y)
    for target in (xp.asarray(2), xp.asarray([2])):
        assert float(F.nll_loss(x[0], target)) == -X[0, 2]
    np.testing.assert_allclose(F.linear(x, y[0], xp.asarray(0.5)).numpy(), X @ Y[0] + 0.5)
    column = P[:, :1]
    np.testing.assert_allclose(F.linear(x, y, xp.asarray(column)).numpy(), X @ Y.T + column)


@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_old_forms_of_the_reduction(size_average: Any, reduce: Any) -> None:
    if size_average is None and reduce is None:
        return
    options = {"size_average": size_average, "reduce": reduce}
    expected = torch.nn.functional.mse_loss
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = expected(torch.tensor(X), torch.tensor(Y), **options)
    with pytest.warns(DeprecationWarning, match="please use reduction instead"):
        found = xp.nn.functional.mse_loss(xp.asarray(X), xp.asarray(Y), **options)
    close(found, out, "float64", "mse_loss")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_hard_gumbel_softmax_is_one_hot_with_the_gradient_of_the_soft_one(dim: int) -> None:
    F = xp.nn.functional
    x = xp.asarray(X, requires_grad=True)
    outs, slopes = [], []
    for hard in (False, True):
        xp.random.manual_seed(0)
        out = F.gumbel_softmax(x, 0.7, hard, dim=dim)
        (slope,) = xp.autograd.grad((out * xp.asarray(Y)).sum(), [x])
        outs.append(out.detach().numpy())
        slopes.append(slope.numpy())
    right = outs[0] == outs[0].max(axis=dim, keepdims=True)
    np.testing.assert_allclose(outs[1], right, atol=1e-15)
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-12)


@pytest.mark.parametrize("kind", ["float32", "float64", "float16"])
def test_gumbel_softmax_of_the_ends_of_the_draw(kind: str, monkeypatch: Any) -> None:
    dtype = getattr(xp, kind)

    def ends(*args: Any, **kwargs: Any) -> Any:
        return xp.asarray([0.0, 1.0, 0.5], dtype=kwargs["dtype"])

    monkeypatch.setattr(xp.random, "uniform", ends)
    out = xp.nn.functional.gumbel_softmax(xp.zeros(3, dtype=dtype))
    assert out.dtype is dtype and np.isfinite(out.numpy()).all() and out.numpy().argmax() == 1
    assert abs(float(out.sum()) - 1) < 1e-2


def test_ctc_loss_of_what_cannot_be_aligned() -> None:
    F, x = xp.nn.functional, xp.special.log_softmax(xp.asarray(LOGITS), axis=-1)
    targets = xp.asarray([1, 1, 3])
    losses = F.ctc_loss(x, targets, (2, 6), (2, 1), reduction="none").numpy()
    assert losses[0] == np.inf and np.isfinite(losses[1])
    assert np.isfinite(F.ctc_loss(x, targets, (3, 6), (2, 1), reduction="none").numpy()).all()
    nothing = F.ctc_loss(x[:, :1], xp.asarray([1]), (0,), (1,), reduction="none").numpy()
    assert nothing.tolist() == [np.inf]
    assert F.ctc_loss(x[:, :1], xp.asarray([1]), (0,), (0,), reduction="none").tolist() == [0.0]


def same(program: Callable[[Any], Any]) -> Any:
    """Run a program on both libraries; what it returns, as text, must be the same."""
    ours, theirs = program(xp), program(torch)
    text = str(theirs).replace("torch.Size([", "(").replace("])", ")").replace("torch.", "")
    assert str(ours).replace("tensorxp.", "") == text
    return ours


def linears(lib: Any, *sizes: int) -> list[Any]:
    return [lib.nn.Linear(n, n) for n in sizes]


def sizes(modules: Any) -> list[int]:
    return [m.in_features for m in modules]


def state(module: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, tuple(value.shape)) for key, value in module.state_dict().items()]


def test_sequential_is_a_list() -> None:
    def program(lib: Any) -> Any:
        s = lib.nn.Sequential(*linears(lib, 1, 2, 3))
        s[1] = lib.nn.Linear(4, 4)
        s[-1] = lib.nn.Linear(5, 5)
        found = [sizes(s), sizes(s[1:]), s[-1].in_features]
        s.append(lib.nn.Linear(6, 6)).extend(linears(lib, 7, 8)).insert(1, lib.nn.Linear(9, 9))
        found += [sizes(s), state(s)]
        popped = s.pop(-2)
        del s[0], s[1:3]
        return [*found, popped.in_features, sizes(s), state(s), len(s), sizes(s + s)]

    same(program)
    named = xp.nn.Sequential({"a": xp.nn.Linear(1, 1), "b": xp.nn.Linear(2, 2)})
    named[1] = xp.nn.Linear(3, 3)
    assert list(named._modules) == ["a", "b"] and sizes(named) == [1, 3]


def test_module_list_is_a_list() -> None:
    def program(lib: Any) -> Any:
        s = lib.nn.ModuleList(linears(lib, 1, 2, 3))
        s[1] = lib.nn.Linear(4, 4)
        s[-1] = lib.nn.Linear(5, 5)
        s.insert(1, lib.nn.Linear(6, 6))
        s += linears(lib, 7)
        found = [sizes(s), state(s), sizes(s[::2]), sizes(s + linears(lib, 8))]
        popped = s.pop(1)
        del s[0]
        return [*found, popped.in_features, sizes(s), state(s), len(s)]

    same(program)


def test_dicts_and_lists_of_parameters() -> None:
    def program(lib: Any) -> Any:
        d = lib.nn.ModuleDict(dict(zip("abc", linears(lib, 1, 2, 3), strict=True)))
        found = ["b" in d, "x" in d, d.pop("b").in_features, list(d), len(d)]
        d.clear()
        p = lib.nn.ParameterDict({"a": lib.ones(2), "b": lib.nn.Parameter(lib.ones(3))})
        found += [
            len(d),
            "a" in p,
            "x" in p,
            p.get("x") is None,
            p.get("x", 4),
            tuple(p.get("b").shape),
        ]
        found += [tuple(p.pop("a").shape), list(p), state(p), "a" in p, len(list(p.parameters()))]
        del p["b"]
        found += [len(p), state(p)]
        q = lib.nn.ParameterList([lib.ones(2), lib.ones((3, 1))])
        q.append(lib.ones(4))
        q[0] = lib.nn.Parameter(lib.ones(5))
        return [*found, len(q), tuple(q[-1].shape), [tuple(x.shape) for x in q[1:]], state(q)]

    same(program)
    shown = repr(xp.nn.ParameterList([xp.ones(2, dtype=xp.float32), 3]))
    assert "(0): Parameter containing: [float32 of size 2]" in shown.replace("tensorxp.", "")
    assert "(1): Object of type: int" in shown
    held = xp.nn.ParameterDict({"a": xp.ones((2, 3), dtype=xp.float32)})
    with pytest.raises(KeyError):
        held["b"]
    assert "(a): Parameter containing: [float32 of size 2x3]" in repr(held).replace("tensorxp.", "")


def test_forward_hooks() -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []

        class Halving(lib.nn.Module):  # type: ignore[misc, name-defined]
            def forward(self, x: Any, fail: bool = False) -> Any:
                if fail:
                    raise ValueError("asked to")
                return x / 2

        m = Halving()
        m.register_forward_pre_hook(lambda m, args: args[0] * 3)
        m.register_forward_pre_hook(lambda m, args: calls.append("late"))
        m.register_forward_pre_hook(lambda m, args: calls.append("first"), prepend=True)
        m.register_forward_hook(lambda m, args, out: out + 1)
        m.register_forward_hook(lambda m, args, out: calls.append(("sees", float(out))))
        m.register_forward_hook(lambda m, args, out: calls.append("before"), prepend=True)
        m.register_forward_hook(
            lambda m, args, out: calls.append(("always", out is None)), always_call=True
        )
        m.register_forward_hook(lambda m, args, kwargs, out: calls.append(kwargs), with_kwargs=True)
        calls.append(float(m(lib.asarray(4.0), fail=False)))
        with pytest.raises(ValueError, match="asked to"):
            m(lib.asarray(4.0), fail=True)
        return calls

    same(program)


def test_backward_hooks_let_forward_mode_pass() -> None:
    m = xp.nn.Linear(4, 3, dtype=xp.float64)
    m.register_full_backward_hook(lambda m, grad_input, grad_output: None)
    x, t = xp.asarray(X), xp.asarray(Y)
    out, slope = xp.autograd.functional.jvp(m, x, t)
    np.testing.assert_allclose(slope.detach().numpy(), Y @ m.weight.detach().numpy().T, rtol=1e-12)
    close(m(x), out, "float64", "out")


def test_extra_state_and_states_of_other_shapes() -> None:
    class Counting(xp.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = 3
            self.register_buffer("scale", xp.asarray(2.0))

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    m, other = Counting(), Counting()
    m.count = 7
    assert not any(map(list, other.load_state_dict(m.state_dict())))
    assert other.count == 7
    old = m.state_dict() | {"scale": xp.asarray([5.0])}  # a number with one axis, as it was once
    other.load_state_dict(old)
    assert other.scale.shape == () and float(other.scale) == 5.0
    with pytest.raises(RuntimeError, match="size mismatch for scale"):
        other.load_state_dict(m.state_dict() | {"scale": xp.asarray([5.0, 6.0])})


def test_buffers_and_attributes() -> None:
    m = xp.nn.Module()
    m.kept, m.passing = xp.nn.Buffer(xp.ones(2)), xp.nn.Buffer(xp.ones(3), persistent=False)
    assert list(m.state_dict()) == ["kept"] and [n for n, _ in m.named_buffers()] == [
        "kept",
        "passing",
    ]
    empty = xp.nn.Buffer()
    assert empty.shape == (0,) and empty.dtype is xp.float32 and empty.persistent
    m.plain = 3
    del m.plain, m.passing
    assert not hasattr(m, "plain") and not hasattr(m, "passing")
    m.passing = xp.nn.Buffer(xp.ones(3))  # what was said of the one before is forgotten
    assert list(m.state_dict()) == ["kept", "passing"]
    m.kept = xp.nn.Parameter(xp.ones(4))
    assert [n for n, _ in m.named_parameters()] == ["kept"] and len(list(m.buffers())) == 1
    m.kept = None
    assert m.kept is None and "kept" in m._parameters
    for wrong in ("parameter 'kept'", "buffer 'passing'"):
        with pytest.raises(TypeError, match=f"cannot assign 'str' as {wrong}"):
            setattr(m, wrong.split("'")[1], "text")


def test_layers_of_rare_arguments() -> None:
    def program(lib: Any) -> Any:
        nn = lib.nn
        table = lib.ones((3, 2))
        fixed, free = (nn.Embedding.from_pretrained(table, freeze=f) for f in (True, False))
        found = [fixed.weight.requires_grad, free.weight.requires_grad, tuple(free.weight.shape)]
        for wrong in (lambda: nn.Embedding.from_pretrained(lib.ones(3)),
                      lambda: nn.Embedding(4, 2, _weight=table)):  # fmt: skip
            with pytest.raises(AssertionError):
                wrong()
        found += [
            state(nn.Bilinear(2, 3, 4, bias=False)),
            state(nn.RMSNorm(3, elementwise_affine=False)),
        ]
        found += [nn.RReLU(0.1, 0.3), nn.RReLU(0.1, 0.3, inplace=True)]
        lstm = nn.LSTM(2, 3, num_layers=2, bidirectional=True, proj_size=1)
        found += [[[tuple(w.shape) for w in row] for row in lstm.all_weights]]
        rnn = nn.RNN(2, 3, bias=False)
        found += [[[tuple(w.shape) for w in row] for row in rnn.all_weights]]
        mask = nn.Transformer.generate_square_subsequent_mask(3)
        found += [mask.tolist(), mask.dtype]
        found += [nn.Transformer.generate_square_subsequent_mask(2, dtype=lib.float64).dtype]
        for name in ("linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu"):
            found.append(float(nn.init.calculate_gain(name)))
        found += [nn.init.calculate_gain("leaky_relu"), nn.init.calculate_gain("leaky_relu", 0.3)]
        return [*found, float(nn.utils.get_total_norm([]))]

    same(program)


def test_drawing_where_little_can_be_drawn_warns() -> None:
    init = xp.nn.init
    for call in (init.kaiming_normal_, init.kaiming_uniform_):
        with pytest.warns(UserWarning, match="zero-element tensors"):
            assert call(xp.zeros((0, 2))).shape == (0, 2)
    for mean in (-4.5, 4.5):
        with pytest.warns(UserWarning, match="mean is more than 2 std"):
            x = init.trunc_normal_(xp.zeros(20), mean=mean, std=1.0, a=-2.0, b=2.0)
        assert (abs(x.numpy()) <= 2).all()
    for mean in (-4.0, 0.0, 4.0):
        init.trunc_normal_(xp.zeros(2), mean=mean, std=1.0, a=-2.0, b=2.0)


def test_reparametrized_weights() -> None:
    def program(lib: Any) -> Any:
        m = lib.nn.Linear(4, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lib.nn.utils.weight_norm(m)
            with pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks"):
                lib.nn.utils.weight_norm(m)
            lib.nn.utils.weight_norm(m, "bias", dim=None)
            found = state(m)
            lib.nn.utils.remove_weight_norm(m, "bias")
        return [found, state(m)]

    same(program)


@pytest.mark.parametrize("dim", [0, 1])
def test_spectral_norm_along_an_axis(dim: int) -> None:
    m = xp.nn.utils.spectral_norm(
        xp.nn.Linear(4, 3, dtype=xp.float64), n_power_iterations=60, dim=dim
    )
    x = xp.asarray(X)
    with xp.no_grad():
        m(x)
    weight = m.weight_orig.detach().numpy()
    right = weight / np.linalg.norm(weight, 2)
    np.testing.assert_allclose(
        m(x).detach().numpy(), X @ right.T + m.bias.detach().numpy(), rtol=1e-6
    )
    assert m.weight_u.shape == ((3,), (4,))[dim] and m.weight_v.shape == ((4,), (3,))[dim]


STATIC = [
    {"static_k": True, "static_v": True},
    {"add_zero_attn": True},
    {"add_zero_attn": True, "mask": True, "padding": True},
    {"padding": True},
    {"single": True, "padding": True},
]


@pytest.mark.parametrize("given", STATIC, ids=str)
def test_multi_head_attention_forward(given: dict[str, bool]) -> None:
    embed, heads, length, batch, keys = 4, 2, 3, 2, 5
    rows = R.normal(size=(length, batch, embed)), R.normal(size=(keys, batch, embed))
    if given.get("single"):
        rows = rows[0][:, 0], rows[1][:, 0]
    arrays = [
        *rows,
        R.normal(size=(12, 4)),
        R.normal(size=12),
        R.normal(size=(4, 4)),
        R.normal(size=4),
    ]
    static = R.normal(size=(batch * heads, keys, embed // heads))
    pad = np.zeros((keys,) if given.get("single") else (batch, keys))
    pad[..., -1] = -np.inf
    mask = R.normal(size=(length, keys))

    def call(lib: Any) -> Callable[..., Any]:
        def f(query: Any, key: Any, *weights: Any) -> Any:
            w, b, out, bias = weights
            options = {
                "static_k": lib.asarray(static) if given.get("static_k") else None,
                "static_v": lib.asarray(static * 2) if given.get("static_v") else None,
                "key_padding_mask": lib.asarray(pad) if given.get("padding") else None,
                "attn_mask": lib.asarray(mask) if given.get("mask") else None,
            }
            return lib.nn.functional.multi_head_attention_forward(
                query, key, key, embed, heads, w, b, None, None,
                given.get("add_zero_attn", False), 0.0, out, bias, **options,
            )  # fmt: skip

        return f

    compare(call(xp), call(torch), arrays, {}, "float64")


def test_copies_and_transfers_of_modules() -> None:
    ours, theirs = xp.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    load(ours, theirs)
    twin = copy.deepcopy(ours).double()
    kinds = [str(v.dtype) for v in twin.state_dict().values()]
    expected = [str(v.dtype) for v in copy.deepcopy(theirs).double().state_dict().values()]
    assert [f"torch.{k.removeprefix('tensorxp.')}" for k in kinds] == expected


def test_modules_in_the_place_of_modules() -> None:
    m = xp.nn.Module()
    m.child = xp.nn.Linear(2, 2)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'child'"):
        m.child = 3
    m.child = None
    assert m.child is None and list(m.parameters()) == [] and list(m.children()) == []
    m.child = xp.nn.Linear(3, 3)
    assert len(list(m.parameters())) == 2


def test_max_unpool_to_a_size() -> None:
    def call(lib: Any) -> Callable[..., Any]:
        def f(x: Any) -> Any:
            F = lib.nn.functional
            out, places = F.max_pool2d(x, 2, return_indices=True)
            return (
                F.max_unpool2d(out, places, 2, output_size=(5, 5)),
                F.max_unpool2d(out, places, 2, output_size=(2, 2, 5, 5)),
            )

        return f

    compare(call(xp), call(torch), (PAIR,), {}, "float64")


def test_moves_to_cuda_name_the_device() -> None:
    m = xp.nn.Linear(1, 1)
    if any(device.type == "cuda" for device in xp.devices()):
        pytest.skip("there is a CUDA device")
    for device, name in ((None, "'cuda'"), (1, "'cuda:1'"), ("cuda:2", "'cuda:2'")):
        with pytest.raises(xp.DeviceError, match=name):
            m.cuda(device)


def test_norms_of_numbers() -> None:
    F = xp.nn.functional
    for p, right in ((0, 1.0), (1, -1.0), (2, -1.0), (3.0, -1.0)):
        x = xp.asarray(-2.0, requires_grad=True)
        assert float(F.normalize(x, p=p, dim=0)) == (right if p else -2.0)
    assert float(F.pairwise_distance(xp.asarray([3.0]), xp.asarray([1.0]), p=0)) == 1.0
    with pytest.raises(IndexError):
        F.normalize(xp.asarray(2.0), dim=1)
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        with pytest.warns(UserWarning, match=r"target size \(\(1, 3\)\) that .* \(\(2, 3\)\)"):
            getattr(F, name)(xp.zeros((2, 3)), xp.zeros((1, 3)))


def defaults(function: Any) -> dict[str, Any]:
    """Return the parameters that may be left out, with what they are then."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # one of PyTorch's own in C++
        return {}
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


@pytest.mark.parametrize("place", ["nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn"])
def test_defaults_are_those_of_pytorch(place: str) -> None:
    ours, theirs = attrgetter(place)(xp), attrgetter(place)(torch)
    found, wrong, seen = 0, [], set()
    for name in dir(ours):
        a, b = getattr(ours, name), getattr(theirs, name, None)
        if name.startswith("_") or not callable(a) or b is None:
            continue
        if isinstance(a, type) and issubclass(a, xp.Tensor):
            continue
        pairs = [("", a, b)]
        if isinstance(a, type):
            pairs = [
                (f".{method}", getattr(a, method), getattr(b, method))
                for method in dir(a)
                if (method == "__init__" or not method.startswith("_"))
                and inspect.isfunction(getattr(a, method, None))
                and inspect.isfunction(getattr(b, method, None))
            ]
        for method, f, g in pairs:
            if (f, g) in seen:
                continue
            seen.add((f, g))
            right = defaults(g)
            for parameter, value in defaults(f).items():
                found += 1
                other = right.get(parameter, value)
                if repr(getattr(other, "__name__", other)) != repr(value):
                    wrong.append((name + method, parameter, value, other))
    assert found > 5 and not wrong


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_defaults_of_recurrent_layers(name: str) -> None:
    words = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")

    def program(lib: Any) -> Any:
        layer = getattr(lib.nn, name)(2, 3)
        return [state(layer), [(word, getattr(layer, word)) for word in words]]

    same(program)


def test_spectral_norm_chooses_the_axis_of_the_outputs() -> None:
    def program(lib: Any) -> Any:
        layers = [lib.nn.Linear(4, 3), lib.nn.Conv1d(2, 5, 3), lib.nn.ConvTranspose2d(2, 5, 3)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [sorted(state(lib.nn.utils.spectral_norm(layer))) for layer in layers]

    same(program)


def test_adaptive_pools_refuse_sizes_beyond_32_bits() -> None:
    assert adaptive._adaptive_sizes("f", (4, 3), (2**31 - 1, None), 0) == (2**31 - 1, 3)
    for size in (2**31, 2**40):
        with pytest.raises(RuntimeError, match="allowed are sizes below 2"):
            adaptive._adaptive_sizes("f", (4,), size, 0)
