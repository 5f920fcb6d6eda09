"""Datasets, samplers and collating, beside what PyTorch's give."""

from collections import namedtuple

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.utils import data
from tests.utils import loading

try:
    import torch.utils.data as theirs
except ImportError:
    theirs = None

needs_torch = pytest.mark.skipif(theirs is None, reason="PyTorch, the oracle, is not installed")


def test_tensor_dataset():
    x, y = xp.zeros((4, 2)), xp.arange(4)
    found = data.TensorDataset(x, y)
    assert len(found) == 4
    assert found[2][0].shape == (2,) and int(found[-1][1]) == 3
    with pytest.raises(ValueError, match="size mismatch"):
        data.TensorDataset(x, y[1:])
    with pytest.raises(ValueError, match="at least one"):
        data.TensorDataset()


def test_datasets_combine():
    a, b = loading.Squares(3), loading.Squares(2)
    both = a + b
    assert isinstance(both, data.ConcatDataset) and len(both) == 5
    assert [both[i]["square"] for i in (0, 2, 3, 4, -1)] == [0, 4, 0, 1, 1]
    for index in (5, -6):
        with pytest.raises(IndexError):
            both[index]
    stacked = data.StackDataset(a, loading.Squares(3))
    assert [s["square"] for s in stacked[2]] == [4, 4] and len(stacked) == 3
    assert data.StackDataset(left=a, right=a)[1]["right"]["square"] == 1
    for args, kwargs in (((a, b), {}), ((), {}), ((a,), {"x": a})):
        with pytest.raises(ValueError, match="StackDataset"):
            data.StackDataset(*args, **kwargs)
    chain = loading.Stream(2, False) + loading.Stream(3, False)
    assert isinstance(chain, data.ChainDataset) and list(chain) == [0, 1, 0, 1, 2]
    with pytest.raises(TypeError, match="IterableDataset"):
        list(data.ChainDataset([a]))
    with pytest.raises(TypeError, match="ChainDataset"):
        data.ConcatDataset([loading.Stream(1)])
    with pytest.raises(ValueError, match="empty"):
        data.ConcatDataset([])
    with pytest.raises(NotImplementedError):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError):
        iter(data.IterableDataset())


def test_subsets_and_random_split():
    part = data.Subset(loading.Squares(10), [7, 3])
    assert len(part) == 2 and part[1]["square"] == 9
    assert [s["square"] for s in part.__getitems__([1, 0])] == [9, 49]
    generator = xp.random.Generator("cpu").manual_seed(0)
    parts = data.random_split(range(10), [3, 7], generator)
    assert [len(p) for p in parts] == [3, 7]
    assert sorted([*parts[0], *parts[1]]) == list(range(10))
    again = data.random_split(range(10), [3, 7], generator.manual_seed(0))
    assert list(again[0]) == list(parts[0])
    assert [len(p) for p in data.random_split(range(10), [0.33, 0.33, 0.34])] == [4, 3, 3]
    with pytest.raises(ValueError, match="sum of input lengths"):
        data.random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="between 0 and 1"):
        data.random_split(range(10), [-0.5, 1.5])
    with pytest.raises(ValueError, match=r"random_split: lengths \[-1, 4\] must not be negative"):
        data.random_split([1, 2, 3], [-1, 4])
    with pytest.warns(UserWarning, match="empty"):
        data.random_split(range(2), [0.9, 0.05, 0.05])


def test_samplers():
    generator = xp.random.Generator("cpu").manual_seed(0)
    assert list(data.SequentialSampler(range(3))) == [0, 1, 2]
    random = data.RandomSampler(range(20), generator=generator)
    first, second = list(random), list(random)
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    assert len(random) == 20
    more = list(data.RandomSampler(range(4), num_samples=10, generator=generator))
    assert len(more) == 10 and sorted(more[:4]) == [0, 1, 2, 3]
    drawn = list(data.RandomSampler(range(4), replacement=True, num_samples=2000))
    assert len(drawn) == 2000 and set(drawn) == {0, 1, 2, 3}
    assert list(data.RandomSampler([])) == []
    subset = data.SubsetRandomSampler([3, 5, 9], generator)
    assert sorted(subset) == [3, 5, 9] and len(subset) == 3
    weighted = data.WeightedRandomSampler([0.0, 1.0, 3.0], 4000, generator=generator)
    counts = np.bincount(list(weighted), minlength=3) / len(weighted)
    assert counts[0] == 0 and abs(counts[2] - 0.75) < 0.05
    assert sorted(data.WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)) == [0, 1, 2]
    batches = data.BatchSampler(range(5), 2, False)
    assert list(batches) == [[0, 1], [2, 3], [4]] and len(batches) == 3
    assert len(data.BatchSampler(range(5), 2, True)) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: data.RandomSampler([1], num_samples=-1),
        lambda: data.BatchSampler([1], 0, False),
        lambda: data.BatchSampler([1], 1, None),
        lambda: data.WeightedRandomSampler([1.0], 0),
        lambda: data.WeightedRandomSampler([1.0], 1, 3),
        lambda: data.WeightedRandomSampler([[1.0]], 1),
    ],
)
def test_sampler_errors(call):
    with pytest.raises(ValueError, match="must be"):
        call()


Point = namedtuple("Point", "x y")

SAMPLES = [
    [1, 2],
    [1.5, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [np.float32(1), np.float32(2)],
    [np.ones(2, np.int16), np.zeros(2, np.int16)],
    [(1, 2.0), (3, 4.0)],
    [[1, [2.0, "x"]], [3, [4.0, "y"]]],
    [{"a": 1, "b": {"c": np.ones(1)}}, {"a": 2, "b": {"c": np.ones(1)}}],
    [Point(1, 2.0), Point(3, 4.0)],
]


def shown(value):
    """Return a batch, of either library, as plain data with dtypes."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [shown(item) for item in value]
    if hasattr(value, "dtype"):
        return str(value.dtype).removeprefix("torch."), value.tolist()
    return value


@needs_torch
@pytest.mark.parametrize("samples", SAMPLES, ids=range(len(SAMPLES)))
def test_collating_and_converting_as_pytorch(samples):
    assert shown(data.default_collate(samples)) == shown(theirs.default_collate(samples))
    assert shown(data.default_convert(samples)) == shown(theirs.default_convert(samples))


def test_collating_tensors():
    x = xp.ones(2, dtype=xp.float32, requires_grad=True)
    found = data.default_collate([x, x])
    found.sum().backward()
    assert found.shape == (2, 2) and x.grad.tolist() == [2, 2]
    assert data.default_collate([1j, 2j]).dtype == xp.complex128
    with pytest.raises(RuntimeError, match="different shapes"):
        data.default_collate([x, x[:1]])
    with pytest.raises(RuntimeError, match="different lengths"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(ValueError, match="default_collate: the batch is empty"):
        data.default_collate([])
    for value in (object(), np.array(["a"])):
        with pytest.raises(TypeError, match="default_collate"):
            data.default_collate([value])
