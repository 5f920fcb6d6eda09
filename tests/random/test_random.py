"""Random numbers: streams and their states, moments, shapes, dtypes, gradients and errors."""

import copy
import pickle
import threading

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import random as rnd

N = 40_000


@pytest.fixture(autouse=True)
def seeded():
    with rnd.fork_rng():
        rnd.manual_seed(1234)
        yield


def numbers(x):
    return np.asarray(x.cpu().detach())


DRAWS = {
    "rand": lambda **k: rnd.rand(5, **k),
    "randn": lambda **k: rnd.randn(5, **k),
    "randint": lambda **k: rnd.randint(0, 1000, (5,), **k),
    "uniform": lambda **k: rnd.uniform(-1, 3, (5,), **k),
    "normal": lambda **k: rnd.normal(1, 2, (5,), **k),
    "exponential": lambda **k: rnd.exponential(2.0, (5,), **k),
    "gamma": lambda **k: rnd.gamma(2.0, 1.5, (5,), **k),
    "beta": lambda **k: rnd.beta(2.0, 1.5, (5,), **k),
    "poisson": lambda **k: rnd.poisson(50.0, (5,), **k),
    "bernoulli": lambda **k: rnd.bernoulli(0.5, (40,), **k),
    "permutation": lambda **k: rnd.permutation(30, **k),
    "choice": lambda **k: rnd.choice(1000, (5,), **k),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_gives_the_same_numbers_on_each_device(name, device):
    draw = DRAWS[name]
    rnd.manual_seed(7)
    first, second = draw(device=device), draw(device=device)
    assert first.device == device
    rnd.manual_seed(7)
    assert np.array_equal(numbers(draw(device=device)), numbers(first))
    state = rnd.get_rng_state(device)
    assert np.array_equal(numbers(draw(device=device)), numbers(second))
    rnd.set_rng_state(state, device)
    assert np.array_equal(numbers(draw(device=device)), numbers(second))
    assert not np.array_equal(numbers(first), numbers(second))
    generator = rnd.Generator(device).manual_seed(7)
    assert np.array_equal(numbers(draw(generator=generator)), numbers(first))


def test_each_device_has_its_own_stream():
    rnd.manual_seed(3)
    expected = numbers(rnd.rand(4))
    rnd.manual_seed(3)
    rnd.rand(100, device="sim:0")
    assert np.array_equal(numbers(rnd.rand(4)), expected)


def test_fork_gives_the_states_back():
    before = numbers(rnd.get_rng_state())
    with pytest.raises(KeyError), rnd.fork_rng():
        rnd.manual_seed(0)
        rnd.rand(10)
        raise KeyError
    assert np.array_equal(numbers(rnd.get_rng_state()), before)
    with rnd.fork_rng(enabled=False):
        rnd.rand(1)
    assert not np.array_equal(numbers(rnd.get_rng_state()), before)


def test_generator_seeds_states_and_copies(device):
    g = rnd.Generator(device)
    assert g.initial_seed() == 67280421310721 and g.device == device
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    assert g.seed() == g.initial_seed() != g.seed()
    rnd.rand(3, generator=g)
    for other in (g.clone_state(), pickle.loads(pickle.dumps(g)), copy.deepcopy(g)):
        state = g.get_state()
        assert state.dtype == xp.uint8 and state.device == "cpu"
        ours, theirs = rnd.randn(3, generator=g), rnd.randn(3, generator=other)
        assert np.array_equal(numbers(ours), numbers(theirs))
        assert other.initial_seed() == g.initial_seed()
        g.set_state(state)
    with pytest.raises(ValueError, match="no state"):
        g.set_state(xp.zeros(5, dtype=xp.uint8))
    with pytest.raises(TypeError, match="uint8"):
        g.set_state(xp.zeros(46))


MOMENTS = [
    ("rand", lambda: rnd.rand(N), 0.5, 1 / 12),
    ("randn", lambda: rnd.randn(N), 0, 1),
    ("uniform", lambda: rnd.uniform(-1, 3, (N,)), 1, 16 / 12),
    ("normal", lambda: rnd.normal(3, 2, (N,)), 3, 4),
    ("exponential", lambda: rnd.exponential(2.0, (N,)), 2, 4),
    ("gamma", lambda: rnd.gamma(3.0, 2.0, (N,)), 6, 12),
    ("beta", lambda: rnd.beta(2.0, 3.0, (N,)), 0.4, 0.04),
    ("poisson", lambda: rnd.poisson(4.0, (N,)), 4, 4),
    ("bernoulli", lambda: rnd.bernoulli(0.3, (N,)), 0.3, 0.21),
    ("randint", lambda: rnd.randint(0, 10, (N,)), 4.5, 8.25),
    ("choice", lambda: rnd.choice(10, (N,)), 4.5, 8.25),
]


@pytest.mark.parametrize(("name", "draw", "mean", "var"), MOMENTS, ids=[m[0] for m in MOMENTS])
def test_moments(name, draw, mean, var):
    x = numbers(draw()).astype(float)
    assert abs(x.mean() - mean) < 6 * np.sqrt(var / N)
    assert abs(x.var() - var) < 0.05 * var


def test_complex_normal_numbers_have_variance_one():
    z = numbers(rnd.randn(N, dtype=xp.complex64))
    assert z.dtype == np.complex64
    assert abs(z.real.var() - 0.5) < 0.02 and abs(z.imag.var() - 0.5) < 0.02
    assert numbers(rnd.normal(0, 2, (3,), dtype=xp.complex128)).dtype == np.complex128


def test_shapes_and_dtypes(device):
    assert rnd.rand(2, 3, device=device).shape == rnd.rand((2, 3)).shape == (2, 3)
    assert rnd.rand().shape == rnd.uniform().shape == rnd.normal().shape == ()
    assert rnd.randn(0, 2).shape == (0, 2)
    assert rnd.randint(5, (2,)).shape == rnd.randint(0, 5, (2,)).shape == (2,)
    assert rnd.rand(2).dtype == xp.float64 and rnd.randint(3).dtype == xp.int64
    assert rnd.randint(0, 200, (2,), dtype=xp.uint8).dtype == xp.uint8
    assert rnd.randint(0, 2, (2,), dtype=xp.bool).dtype == xp.bool
    assert rnd.randint(0, 2, (2,), dtype=xp.float32).dtype == xp.float32
    like = xp.ones((2, 2), dtype=xp.float32, device=device)
    for out in (rnd.rand_like(like), rnd.randn_like(like), rnd.randint_like(like, 5)):
        assert (out.shape, out.dtype, out.device) == (like.shape, like.dtype, like.device)
    for dtype in (xp.float16, xp.float32, xp.float64):
        x = rnd.uniform(1, 2, (3000,), dtype=dtype, device=device)
        assert x.dtype == dtype and bool(xp.all(x >= 1)) and bool(xp.all(x < 2))
        assert bool(xp.all(rnd.rand(3000, dtype=dtype) < 1))
    xp.set_default_dtype(xp.float32)
    try:
        assert rnd.rand(2).dtype == rnd.normal().dtype == rnd.bernoulli(0.5).dtype == xp.float32
    finally:
        xp.set_default_dtype(xp.float64)


def test_parameters_broadcast_and_keep_their_dtype(device):
    mean = xp.asarray([0.0, 100.0], dtype=xp.float32, device=device)
    for out in (rnd.normal(mean, 1.0), rnd.uniform(mean, 200.0), rnd.exponential(mean)):
        assert (out.shape, out.dtype, out.device) == ((2,), xp.float32, mean.device)
    out = rnd.normal(mean, xp.ones((3, 1), dtype=xp.float32, device=device))
    assert out.shape == (3, 2) and bool(xp.all(out[:, 1] > 50))
    assert rnd.gamma(mean + 1, shape=(5, 2)).shape == (5, 2)
    assert numbers(rnd.bernoulli(mean / 100)).tolist() == [0, 1]
    assert rnd.poisson(mean).dtype == xp.float32
    with pytest.raises(ValueError, match="broadcast"):
        rnd.normal(mean, 1.0, (3,))


def test_gradients_reach_the_parameters():
    def leaf(*values):
        return xp.asarray(values, requires_grad=True)

    mean, std = leaf(1.0, 2.0), leaf(0.5, 3.0)
    y = rnd.normal(mean, std, (4, 2))
    y.sum().backward()
    assert numbers(mean.grad).tolist() == [4, 4]
    z = (numbers(y) - numbers(mean)) / numbers(std)
    assert np.allclose(numbers(std.grad), z.sum(0))
    low, high = leaf(0.0, 1.0), leaf(2.0, 5.0)
    y = rnd.uniform(low, high)
    y.sum().backward()
    u = (numbers(y) - numbers(low)) / (numbers(high) - numbers(low))
    assert np.allclose(numbers(high.grad), u) and np.allclose(numbers(low.grad), 1 - u)
    for draw in (rnd.exponential, lambda s: rnd.gamma(2.0, s)):
        scale = leaf(1.0, 2.0)
        y = draw(scale)
        y.sum().backward()
        assert np.allclose(numbers(scale.grad), numbers(y) / numbers(scale))
    for draw in (rnd.gamma, lambda a: rnd.beta(a, 1.0)):
        with pytest.raises(NotImplementedError, match="detach"):
            draw(leaf(1.0))
    assert not rnd.bernoulli(leaf(0.5)).requires_grad
    assert rnd.randn(3, requires_grad=True).is_leaf
    assert rnd.normal(0, 1, (3,), requires_grad=True).requires_grad


def test_permutations(device):
    x = xp.reshape(xp.arange(12, device=device), (4, 3))
    y = numbers(rnd.permutation(x))
    assert sorted(y.tolist()) == numbers(x).tolist()
    y = numbers(rnd.permutation(x, axis=-1))
    assert sorted(y[0].tolist()) == [0, 1, 2]
    assert sorted(numbers(rnd.randperm(9, device=device)).tolist()) == list(range(9))
    assert rnd.randperm(3, dtype=xp.int32).dtype == xp.int32
    z = xp.arange(50, device=device)
    rnd.shuffle(z)
    assert sorted(numbers(z)) == list(range(50)) != numbers(z).tolist()
    orders = {tuple(numbers(rnd.randperm(3)).tolist()) for _ in range(200)}
    assert len(orders) == 6


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial(replacement, device):
    weights = xp.asarray([1.0, 0.0, 3.0, 6.0], device=device)
    one = numbers(rnd.multinomial(xp.broadcast_to(weights, (4000, 4)), 1, replacement))
    counts = np.bincount(one[:, 0], minlength=4) / 4000
    assert np.allclose(counts, [0.1, 0, 0.3, 0.6], atol=0.04) and counts[1] == 0
    many = numbers(rnd.multinomial(weights, 3, replacement))
    assert many.shape == (3,) and many.dtype == np.int64
    if not replacement:
        assert sorted(many) == [0, 2, 3]
        with pytest.raises(ValueError, match="without replacement"):
            rnd.multinomial(weights, 4)


def test_choice(device):
    x = xp.asarray([10.0, 20.0, 30.0], device=device, requires_grad=True)
    y = rnd.choice(x, (2, 2))
    assert y.shape == (2, 2) and set(numbers(y).ravel()) <= {10, 20, 30}
    y.sum().backward()
    assert float(xp.sum(x.grad)) == 4
    assert sorted(numbers(rnd.choice(x, 3, replace=False))) == [10, 20, 30]
    p = xp.asarray([0.0, 1.0, 0.0], device=device)
    assert set(numbers(rnd.choice(x, 20, p=p))) == {20}
    assert rnd.choice(5).shape == ()
    with pytest.raises(ValueError, match="without replacement"):
        rnd.choice(3, 4, replace=False)


ERRORS = [
    (lambda: rnd.rand(-1), ValueError, "negative"),
    (lambda: rnd.rand("a"), TypeError, "shape"),
    (lambda: rnd.rand(2, dtype=xp.int32), TypeError, "real floating-point"),
    (lambda: rnd.randint(3, 3), ValueError, "below"),
    (lambda: rnd.randint(0, 300, dtype=xp.uint8), ValueError, "does not fit"),
    (lambda: rnd.randint(3, requires_grad=True), RuntimeError, "requires_grad"),
    (lambda: rnd.uniform(2, 1), ValueError, "above"),
    (lambda: rnd.uniform(xp.asarray(2.0), 1), ValueError, "above"),
    (lambda: rnd.uniform("a", 1), TypeError, "low"),
    (lambda: rnd.normal(0, -1), ValueError, "non-negative"),
    (lambda: rnd.normal(0, xp.asarray(-1.0)), ValueError, "non-negative"),
    (lambda: rnd.bernoulli(1.5), ValueError, "in \\[0, 1\\]"),
    (lambda: rnd.gamma(0.0), ValueError, "positive"),
    (lambda: rnd.poisson(-1), ValueError, "non-negative"),
    (lambda: rnd.multinomial(xp.asarray([0.0, 0.0]), 1), ValueError, "all zero"),
    (lambda: rnd.multinomial(xp.asarray([-1.0, 2.0]), 1), ValueError, "non-negative"),
    (lambda: rnd.randperm(-1), ValueError, "negative"),
    (lambda: rnd.randperm(2.5), TypeError, "int"),
    (lambda: rnd.choice(0, 1), ValueError, "empty"),
    (lambda: rnd.rand(2, generator=3), TypeError, "generator"),
    (lambda: rnd.rand(2, device="sim:0", generator=rnd.Generator("cpu")), ValueError, "is on cpu"),
    (
        lambda: rnd.normal(xp.ones(2), xp.ones(2, device="sim:0")),
        xp.DeviceError,
        "different devices",
    ),
]


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_threads_share_a_generator():
    generator = rnd.Generator().manual_seed(5)
    expected = numbers(rnd.rand(800, generator=generator))
    generator.manual_seed(5)
    found = []

    def work():
        for _ in range(10):
            found.extend(numbers(rnd.rand(10, generator=generator)).tolist())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(expected.tolist())


def test_the_names_of_pytorch_are_in_the_namespace():
    for name in ("Generator", "manual_seed", "rand", "randn", "randint", "randperm", "bernoulli"):
        assert getattr(xp, name) is getattr(rnd, name)
