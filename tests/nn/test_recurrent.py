"""Recurrent layers, cells and packed sequences against PyTorch."""

import itertools

import numpy as np
import pytest

import tensorxp as xp

from .oracle import close, compare, compare_modules, flat, load, torch

R = np.random.default_rng(4)
GRID = [
    {"num_layers": n, "bidirectional": b, "batch_first": f, "bias": a}
    for n, b, f, a in itertools.product((1, 2), (False, True), (False, True), (True, False))
    if a or n == 1
]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("kwargs", GRID)
def test_layers(kind, kwargs):
    ours, theirs = (getattr(lib.nn, kind)(3, 5, **kwargs) for lib in (xp, torch))
    compare_modules(ours, theirs, (R.normal(size=(4, 6, 3)),), "float64")
    ours, theirs = (getattr(lib.nn, kind)(3, 5, **kwargs) for lib in (xp, torch))
    compare_modules(ours, theirs, (R.normal(size=(4, 6, 3)),), "float32")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_initial_states_and_no_batch(kind):
    ours, theirs = (getattr(lib.nn, kind)(3, 5, 2, bidirectional=True) for lib in (xp, torch))
    load(ours, theirs)
    ours.double(), theirs.double()
    h, c = R.normal(size=(4, 6, 5)), R.normal(size=(4, 6, 5))

    def call(module):
        if kind == "LSTM":
            return lambda x, h, c: module(x, (h, c))
        return lambda x, h: module(x, h)

    states = (h, c) if kind == "LSTM" else (h,)
    compare(call(ours), call(theirs), (R.normal(size=(7, 6, 3)), *states), {}, "float64")
    single = tuple(s[:, 0] for s in states)
    compare(call(ours), call(theirs), (R.normal(size=(7, 3)), *single), {}, "float64")


def test_options():
    for kwargs in ({"nonlinearity": "relu"},):
        ours, theirs = (lib.nn.RNN(3, 5, **kwargs) for lib in (xp, torch))
        compare_modules(ours, theirs, (R.normal(size=(4, 6, 3)),), "float64")
    for kwargs in ({"proj_size": 2}, {"proj_size": 2, "num_layers": 2, "bidirectional": True}):
        ours, theirs = (lib.nn.LSTM(3, 5, **kwargs) for lib in (xp, torch))
        compare_modules(ours, theirs, (R.normal(size=(4, 6, 3)),), "float64")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [[7, 5, 5, 2], [3, 7, 1, 5]])
def test_packed(kind, bidirectional, lengths):
    ours, theirs = (
        getattr(lib.nn, kind)(3, 5, 2, bidirectional=bidirectional) for lib in (xp, torch)
    )
    load(ours, theirs)
    ours.double(), theirs.double()
    is_sorted = lengths == sorted(lengths, reverse=True)

    def call(lib, module):
        rnn = lib.nn.utils.rnn

        def run(x):
            packed = rnn.pack_padded_sequence(x, lib.asarray(lengths), enforce_sorted=is_sorted)
            out, last = module(packed)
            padded, sizes = rnn.pad_packed_sequence(out, padding_value=-1.0, total_length=8)
            return padded, last, sizes

        return run

    x = R.normal(size=(7, 4, 3))
    compare(call(xp, ours), call(torch, theirs), (x,), {}, "float64")
    named = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        close(p.grad, named[name].grad, "float64", name)


def test_sequence_helpers():
    data = [R.normal(size=(n, 2)) for n in (4, 2, 3)]
    ours = [xp.asarray(x) for x in data]
    theirs = [torch.asarray(x) for x in data]
    mine, other = xp.nn.utils.rnn, torch.nn.utils.rnn
    for kwargs in ({}, {"batch_first": True, "padding_value": 2.0}, {"padding_side": "left"}):
        close(mine.pad_sequence(ours, **kwargs), other.pad_sequence(theirs, **kwargs),
              "float64", "pad_sequence")  # fmt: skip
    a = mine.pack_sequence(ours, enforce_sorted=False)
    b = other.pack_sequence(theirs, enforce_sorted=False)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())
    for x, y in zip(mine.unpack_sequence(a), data, strict=True):
        np.testing.assert_array_equal(x.numpy(), y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(kind, dtype):
    for bias in (True, False):
        ours, theirs = (getattr(lib.nn, kind)(3, 5, bias=bias) for lib in (xp, torch))
        compare_modules(ours, theirs, (R.normal(size=(4, 3)),), dtype)
        compare_modules(ours, theirs, (R.normal(size=3),), dtype) if not bias else None
    h, c = R.normal(size=(4, 5)), R.normal(size=(4, 5))
    ours, theirs = (getattr(lib.nn, kind)(3, 5) for lib in (xp, torch))
    load(ours, theirs)
    kind_of = {"float32": (xp.float32, torch.float32), "float64": (xp.float64, torch.float64)}
    ours.to(kind_of[dtype][0]), theirs.to(kind_of[dtype][1])
    if kind == "LSTMCell":
        compare(lambda x, h, c: ours(x, (h, c)), lambda x, h, c: theirs(x, (h, c)),
                (R.normal(size=(4, 3)), h, c), {}, dtype)  # fmt: skip
    else:
        compare(ours, theirs, (R.normal(size=(4, 3)), h), {}, dtype)


def test_flat_outputs_have_gradients_of_second_order():
    layer = xp.nn.LSTM(2, 3, bidirectional=True, dtype=xp.float64)
    x = xp.asarray(R.normal(size=(3, 2, 2))).requires_grad_()

    def f(x):
        return flat(layer(x))[0]

    assert xp.autograd.gradcheck(f, (x,))
    assert xp.autograd.gradgradcheck(f, (x,))


@pytest.mark.parametrize("layer", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_empty_batch(layer, bidirectional):
    made = getattr(xp.nn, layer)(3, 5, num_layers=2, bidirectional=bidirectional)
    x = xp.zeros((4, 0, 3), requires_grad=True)
    out, _ = made(x)
    assert out.shape == (4, 0, 10 if bidirectional else 5)
    out.sum().backward()
    assert x.grad.shape == x.shape
    assert all(not xp.any(p.grad != 0) for p in made.parameters() if p.grad is not None)
