"""Indexing: every kind of key as NumPy, alone and mixed; gradients, writes, views, errors."""

import itertools
import random

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

A = np.arange(60.0).reshape(3, 4, 5)
MASK = A % 7 == 0

#: Parts of keys: what NumPy takes, integer and boolean arrays to be given as arrays or Tensors.
PARTS = [
    0, -1, np.int64(2), slice(None), slice(None, None, -1), slice(3, 0, -2), slice(1, 2),
    slice(5, 9),
    slice(np.int64(0), np.int64(2)), None, ..., True, False, np.array(True), np.array(False),
    np.array([0, 2]), np.array([[0, 1], [2, 0]]), np.array([1, 1, -1]),
    np.array([], dtype=np.int64),
    [0, 1], [], [True, False, True], np.array([False, True, True]), MASK[:, :, 0], MASK,
    np.array([2, 0], dtype=np.uint8), (0, 2), ((0, 1), [2, 0]), (), range(2), range(0),
    (True, False, True),
]  # fmt: skip
PAIRS = list(itertools.product(PARTS, repeat=2))


def as_tensors(key, device):
    """Return the key with Tensors for its arrays."""
    if isinstance(key, tuple):
        return tuple(as_tensors(part, device) for part in key)
    return xp.asarray(key, device=device) if isinstance(key, np.ndarray) else key


def keys():
    """Yield keys of one and two parts, and some of three."""
    yield ()
    yield from PARTS
    yield from PAIRS
    for i, (a, b) in enumerate(PAIRS):
        yield a, b, PARTS[7 * i % len(PARTS)]


def same_error(key, found, expected):
    assert isinstance(found, type(expected)), (key, found, expected)


@pytest.mark.parametrize("given", ["arrays", "Tensors"])
def test_all_keys_read_as_numpy(given):
    x = xp.asarray(A)
    for key in keys():
        ours = key if given == "arrays" else as_tensors(key, "cpu")
        try:
            expected = A[key]
        except IndexError as error:
            with pytest.raises(type(error)):
                x[ours]
            continue
        found = x[ours]
        assert found.shape == np.shape(expected), key
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("given", ["arrays", "Tensors"])
def test_all_keys_write_as_numpy_with_their_gradient(given, device):
    rng = np.random.default_rng(0)
    for key in keys():
        ours = key if given == "arrays" and device == "cpu" else as_tensors(key, device)
        try:
            shape = np.shape(A[key])
        except IndexError:
            with pytest.raises(IndexError):
                xp.asarray(A, device=device)[ours] = 0.0
            continue
        expected, value, weight = A.copy(), rng.random(shape), rng.random(A.shape)
        expected[key] = value
        leaf = xp.asarray(A, device=device, copy=True).requires_grad_()
        values = xp.asarray(value, device=device, copy=True).requires_grad_()
        x = leaf * 1
        x[ours] = values
        np.testing.assert_array_equal(x.detach().cpu().numpy(), expected)
        xp.sum(x * xp.asarray(weight, device=device)).backward()
        kept = weight.copy()
        kept[key] = 0.0
        np.testing.assert_array_equal(leaf.grad.cpu().numpy(), kept)
        if not _repeats(key):
            np.testing.assert_array_equal(values.grad.cpu().numpy(), weight[key])


def _repeats(key):
    """Return whether the key names a place twice, where the last write wins."""
    count = np.zeros(A.shape)
    np.add.at(count, key, 1.0)
    return bool(np.any(count > 1))


def test_all_keys_give_the_gradient_of_a_gather(device):
    rng = np.random.default_rng(0)
    for key in keys():
        try:
            weight = rng.random(np.shape(A[key]))
        except IndexError:
            continue
        leaf = xp.asarray(A, device=device, copy=True).requires_grad_()
        xp.sum(leaf[as_tensors(key, device)] * xp.asarray(weight, device=device)).backward()
        expected = np.zeros_like(A)
        np.add.at(expected, key, weight)
        np.testing.assert_allclose(leaf.grad.cpu().numpy(), expected)


def row(name, key, shape=(3, 4, 5), torch=True):
    """Return a row for reading with `key`."""
    return Row(
        f"x[{name}]",
        lambda x: x[as_tensors(key, x.device)],
        (normal(*shape),),
        lambda x: x[key],
        torch=(lambda x: x[torch_key(key)]) if torch else None,
        complex=True,
    )


def torch_key(key):
    """Return the key with torch tensors for its arrays."""
    torch = pytest.importorskip("torch")
    if isinstance(key, tuple):
        return tuple(torch_key(part) for part in key)
    return torch.from_numpy(key) if isinstance(key, np.ndarray) else key


ROWS = [
    row("int", 1),
    row("slices", (slice(None, 2), 1, slice(None, None, 2))),
    row("negative step", (slice(None, None, -1), slice(3, 0, -2)), torch=False),
    row("None and Ellipsis", (None, ..., 2, None)),
    row("empty slice", slice(2, 2)),
    row("0-d", (), shape=()),
    row("ints", (1, -1, 0)),
    row("int of 1-d", 2, shape=(3,)),
    row("0-d None", None, shape=()),
    row("integers", np.array([0, 2, 0])),
    row("integers of two axes", (np.array([[0], [2]]), np.array([1, 3, 1]))),
    row("integers apart", (np.array([0, 2]), slice(None), np.array([1, 1]))),
    row("integers and slices", (slice(1, None), np.array([1, -1]), slice(None, None, 3))),
    row("no integers", np.array([], dtype=np.int64)),
    row("mask", MASK),
    row("mask of one axis", (slice(None), np.array([True, False, False, True]))),
    row("mask of two axes", MASK[:, :, 1]),
    row("mask and integer", (MASK[:, :, 1], 2)),
    row("0-d mask", np.array(True)),
    row("0-d mask of 0-d", np.array(False), shape=()),
    Row(
        "x[key] = value",
        lambda x, v: _written(x * 1, (slice(None), as_tensors(np.array([0, 2]), x.device)), v),
        (normal(2, 4), normal(2, 1)),
        lambda x, v: np.concatenate([v, x[:, 1:2], v, x[:, 3:]], axis=1),
        complex=True,
    ),
    Row(
        "x[mask] = value",
        lambda x, v: _written(x * 1, as_tensors(MASK[:, :, 0], x.device), v),
        (normal(3, 4), normal()),
        lambda x, v: np.where(MASK[:, :, 0], v, x),
        complex=True,
    ),
    Row(
        "x[key] += value",
        lambda x, v: _added(x * 1, (slice(None, 1), ...), v),
        (normal(3, 2), normal(2)),
        lambda x, v: np.concatenate([x[:1] + v, x[1:]]),
        complex=True,
    ),
    *(
        Row(
            f"index_add {name}",
            lambda x, v, k=key: xp.index_add(x, as_tensors(k, x.device), v),
            (normal(4, 3), normal(*shape)),
            lambda x, v, k=key: np_index_add(x, k, v),
            complex=True,
        )
        for name, key, shape in [
            ("repeated", np.array([0, 2, 0]), (3, 3)),
            ("slice", slice(None, None, 2), (2, 3)),
            ("pairs", (np.array([0, 0, 1]), np.array([1, 1, 2])), (3,)),
            ("axis 1", (slice(None), np.array([1, 1])), (4, 2)),
            ("mask", np.array([True, False, True, False]), (2, 3)),
            ("none", np.array([], dtype=np.int64), (0, 3)),
        ]
    ),
]


def _written(x, key, value):
    x[key] = value
    return x


def _added(x, key, value):
    x[key] += value
    return x


def np_index_add(x, key, values):
    out = np.array(x)
    np.add.at(out, key, values)
    return out


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("key", [0, (0, 0, 0, ...), slice(None, None, -2), (..., 1), None, (), ...])
def test_basic_keys_give_views(key):
    x = xp.asarray(A, copy=True)
    view = x[key]
    assert view is not x
    view[...] = -1.0
    expected = A.copy()
    expected[key] = -1.0
    np.testing.assert_array_equal(x.numpy(), expected)


@pytest.mark.parametrize("key", [[0, 1], MASK, np.array(True), (slice(None), [0])])
def test_arrays_and_masks_give_copies(key):
    x = xp.asarray(A, copy=True)
    x[key][...] = -1.0
    np.testing.assert_array_equal(x.numpy(), A)


def test_tensors_as_indices_and_slice_bounds(device):
    x = xp.asarray(A, device=device)
    one = xp.asarray(1, device=device)
    for key, same in [
        (one, 1), ((0, one), (0, 1)), (slice(one), slice(1)), (slice(0, one + 1, one), slice(0, 2)),
        ((..., slice(None, None, -one)), (..., slice(None, None, -1))),
        ([one, 2], [1, 2]), (xp.asarray(1, dtype=xp.uint8), 1),
    ]:  # fmt: skip
        np.testing.assert_array_equal(x[key].cpu().numpy(), A[same])


def test_an_index_on_another_device():
    x = xp.asarray(A)
    assert x[xp.asarray(1, device="sim:0")].shape == (4, 5)
    with pytest.raises(IndexError, match=r"on cpu but an index is on sim:0.*to\(device\)"):
        x[xp.asarray([1], device="sim:0")]


@pytest.mark.parametrize("recorded", [False, True])
def test_elements_are_tensors_of_their_own(device, recorded):
    """As NumPy's scalars: swapping two and shuffling loses none, and Ellipsis gives a view."""
    x = xp.asarray([1.0, 2.0, 3.0], device=device, requires_grad=recorded) * 1
    old = x[0]
    assert isinstance(old, xp.Tensor) and old.shape == () and old.device == x.device
    x[0] = 9.0
    assert float(old) == 1.0
    x[0], x[2] = x[2], x[0]
    assert x.tolist() == [3.0, 2.0, 9.0]
    random.Random(0).shuffle(x)
    assert sorted(x.tolist()) == [2.0, 3.0, 9.0]
    x[0] = x[1] = x[2] = 1.0
    x[0] += 1
    x[-1] *= 4
    x[1, ...] -= 3
    assert x.tolist() == [2.0, -2.0, 4.0]
    zero_d = x[2, ...]
    value = zero_d[()]
    zero_d[...] = 5.0
    assert float(value) == 4.0 and float(x[2]) == 5.0
    matrix = xp.zeros((2, 2), device=device)
    matrix[0][1] = 1.0  # a row is a view
    assert matrix.tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_elements_keep_their_gradient_after_writes(device):
    leaf = xp.asarray([1.0, 2.0, 3.0], device=device, requires_grad=True)
    x = leaf * 1
    x[0], x[2] = x[2] * 10, x[0] * 100
    x[1] += x[0]
    xp.sum(x).backward()
    assert leaf.grad.tolist() == [100.0, 1.0, 20.0]
    with pytest.raises(RuntimeError, match="leaf"):
        leaf[0] += 1
    assert leaf.tolist() == [1.0, 2.0, 3.0]


def test_sequences_as_keys():
    x = xp.asarray(A, copy=True)
    x[(0, 1), (1, 2)] = 1.0
    assert float(xp.sum(x[0, 1])) == 5.0 and float(xp.sum(x[1, 2])) == 5.0
    for key in ("ab", b"a", [[0], [1, 2]], {0, 1}, {"a": 1}, (0.5, 1), (v for v in (0, 1))):
        with pytest.raises(IndexError, match="__getitem__"):
            x[key]


def test_series_as_keys():
    pandas = pytest.importorskip("pandas")
    x = xp.asarray(A, copy=True)
    mask = pandas.Series([True, False, True])
    np.testing.assert_array_equal(x[mask].numpy(), A[[0, 2]])
    np.testing.assert_array_equal(x[:, pandas.Index([1, 0])].numpy(), A[:, [1, 0]])
    x[mask] = 0.0
    assert x.tolist() == (A * np.array([0, 1, 0])[:, None, None]).tolist()


def test_elements_are_tensors(device):
    x = xp.asarray([1.0, 2.0], device=device)
    assert [float(item) for item in x] == [1.0, 2.0] and len(x) == 2
    with pytest.raises(TypeError, match="0-d"):
        iter(x[0])
    with pytest.raises(TypeError, match="0-d"):
        len(x[0])


def test_values_are_cast_and_broadcast():
    x = xp.zeros((2, 3), dtype=xp.int32)
    x[0] = 1.9
    x[1] = [4, 5, 6]
    x[:, 0] = xp.asarray(True)
    assert x.dtype == xp.int32 and x.tolist() == [[1, 1, 1], [1, 5, 6]]
    y = xp.zeros(2, dtype=xp.float32)
    y[...] = np.float64(0.5)
    y[1] = xp.asarray(2, dtype=xp.int64)
    assert y.dtype == xp.float32 and y.tolist() == [0.5, 2.0]
    z = xp.zeros(2, dtype=xp.complex128)
    z[0] = 1 + 2j
    z[1] = xp.asarray(3.0)
    assert z.tolist() == [1 + 2j, 3]


def test_the_gradient_of_a_cast_value():
    value = xp.asarray([1.0, 2.0], dtype=xp.float32).requires_grad_()
    x = xp.zeros(3, dtype=xp.complex128)
    x[:2] = value
    xp.real(xp.sum(x * (2 + 1j))).backward()
    assert value.grad.dtype == xp.float32 and value.grad.tolist() == [2.0, 2.0]


def test_overlapping_writes():
    x = xp.arange(5.0)
    x[1:] = x[:-1]
    assert x.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    leaf = xp.arange(3.0).requires_grad_()
    y = leaf * 1
    y[1:] = y[:-1]
    y[1:] *= y[:-1]
    xp.sum(y).backward()
    assert leaf.grad.tolist() == [1 + 2 * 0 + 1, 0 + 0.0, 0.0]


def test_a_list_of_tensors_is_a_value():
    a = xp.asarray(2.0).requires_grad_()
    x = xp.zeros(3)
    x[1:] = [a, 5.0]
    xp.sum(x * x).backward()
    assert x.tolist() == [0.0, 2.0, 5.0] and float(a.grad) == 4.0


ERRORS = [
    (lambda x: x[3], r"__getitem__: index 3 is out of bounds.*shape \(3, 4, 5\)"),
    (lambda x: x[0, 0, 0, 0], r"__getitem__: too many indices.*shape \(3, 4, 5\)"),
    (lambda x: x[..., ...], "__getitem__: an index can only have a single ellipsis"),
    (lambda x: x[1.0], "__getitem__: the key holds 1.0 of type float; allowed are ints"),
    (lambda x: x["a"], "__getitem__: the key holds 'a' of type str"),
    (lambda x: x[xp.asarray(1.0)], "__getitem__: .*Tensor of dtype float64; allowed are integers"),
    (lambda x: x[np.array([0.5])], "__getitem__: the key holds .*ndarray"),
    (lambda x: x[[0.5]], "__getitem__: the key holds"),
    (lambda x: x[: xp.asarray(1.0)], "__getitem__: a slice bound is"),
    (lambda x: x["a":], "__getitem__: a slice bound is 'a'; allowed are ints"),
    (lambda x: x[xp.asarray([3])], r"getitem.*: index 3 is out of bounds.*shape \(3, 4, 5\)"),
    (lambda x: x[xp.asarray([True])], r"getitem.*: boolean index did not match.*shape \(3, 4, 5\)"),
    (lambda x: x[xp.asarray([0, 1]), xp.asarray([0, 1, 2])], "getitem.*: shape mismatch"),
    (lambda x: x.__setitem__(3, 0), r"__setitem__: index 3 is out of bounds.*shape \(3, 4, 5\)"),
    (lambda x: x.__setitem__("a", 0), "__setitem__: the key holds 'a'"),
    (lambda x: x.__setitem__(xp.asarray([3]), 0), "__setitem__: index 3 is out of bounds"),
    (lambda x: xp.index_add(x, 5, xp.ones((4, 5))), "index_add: index 5 is out of bounds"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[e[1][:40] for e in ERRORS])
def test_key_errors(call, message):
    x = xp.asarray(A, copy=True)
    with pytest.raises(IndexError, match=message):
        call(x)
    np.testing.assert_array_equal(x.numpy(), A)


def test_value_errors_change_nothing(device):
    x = xp.asarray(A, device=device, copy=True)
    with pytest.raises(ValueError, match=r"__setitem__: .*\(2,\).*\(4, 5\)"):
        x[0] = xp.ones(2, device=device)
    with pytest.raises(TypeError, match=r"__setitem__: value has dtype complex128.*float64"):
        x[0] = 1j
    with pytest.raises(TypeError, match=r"__setitem__: value has dtype .*U1"):
        x[0] = "a"
    with pytest.raises(xp.DeviceError, match=r"__setitem__: .*cpu.*sim:1|sim:1.*cpu|__setitem__"):
        x[0] = xp.ones((4, 5), device="sim:1")
    with pytest.raises(ValueError, match="index_add"):
        xp.index_add(x, 0, xp.ones(3, device=device))
    with pytest.raises(TypeError, match=r"index_add: x is a builtins.list"):
        xp.index_add([1.0], 0, x)
    np.testing.assert_array_equal(x.cpu().numpy(), A)


def test_a_key_that_changes_later_changes_no_gradient():
    for key, later in [
        (xp.asarray([0, 1]), xp.asarray([2, 2])),
        (xp.asarray([True, True, False]), xp.asarray([False, False, True])),
    ]:
        read, written = key.copy(), key.copy()
        x = xp.asarray([1.0, 2.0, 3.0], requires_grad=True)
        z = xp.zeros(3)
        z[written] = x[read] * 2
        read[...] = later
        written[...] = later
        xp.sum(z * xp.asarray([1.0, 10.0, 100.0])).backward()
        assert x.grad.tolist() == [2.0, 20.0, 0.0]


def test_an_index_of_embedding_that_changes_later_changes_no_gradient():
    table = xp.ones((3, 1), requires_grad=True)
    index = xp.asarray([0, 1])
    rows = xp.nn.functional.embedding(index, table)
    index[...] = 2
    xp.sum(rows).backward()
    assert table.grad.tolist() == [[1.0], [1.0], [0.0]]
