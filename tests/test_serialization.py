"""`save` and `load`: every dtype and layout, containers, other libraries' files, damaged files."""

import io
import json
import os
import struct
from collections import Counter, OrderedDict

import numpy as np
import pytest

import tensorxp as xp

safetensors_numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is missing")

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip
SHAPES = [(), (0,), (3,), (2, 0, 3), (2, 3, 4)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def example(shape, dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape) * 100
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.normal(size=shape)
    elif np.dtype(dtype).kind == "u":
        values = abs(values)
    return np.asarray(values).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_shape(dtype, shape, path):
    values = example(shape, dtype)
    xp.save({"x": xp.asarray(values)}, path)
    found = xp.load(path)["x"]
    assert isinstance(found, xp.Tensor) and found.dtype == values.dtype
    assert found.shape == shape and np.array_equal(found.numpy(), values)
    found += found  # memory of its own, and writable


LAYOUTS = {
    "transposed": lambda a: a.T,
    "fortran": np.asfortranarray,
    "strided": lambda a: a[::2, 1::2],
    "reversed": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], (5, a.shape[1])),
    "column": lambda a: a[:, 1],
    "element": lambda a: a[1, 2],
}


@pytest.mark.parametrize("dtype", ["float32", "complex128", "bool"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(layout, dtype, path):
    values = LAYOUTS[layout](example((4, 6), dtype))
    xp.save(xp.asarray(values), path)
    assert np.array_equal(xp.load(path).numpy(), values)
    x = xp.asarray(example((4, 6), dtype))
    xp.save([x.T, x[::-1], x[:, ::3]], path)
    for found, view in zip(xp.load(path), (x.T, x[::-1], x[:, ::3]), strict=True):
        assert np.array_equal(found.numpy(), view.numpy())


def same(a, b):
    if isinstance(a, xp.Tensor):
        assert isinstance(b, xp.Tensor) and a.dtype == b.dtype
        return np.array_equal(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float | complex):
        return repr(a) == repr(b)
    return a == b


CONTAINERS = [
    None,
    True,
    -(2**80),
    1.5,
    float("nan"),
    float("-inf"),
    -0.0,
    complex(1, float("inf")),
    "text \u20ac",
    b"\x00\xff",
    (1, [2, {"a": (), 3: None, (1, 2): {4}}]),
    OrderedDict(b=1, a=2),
    Counter([1, 1, 2]),
    frozenset({1}),
    np.arange(3, dtype=np.int16),
    np.float32(1.5),
    {"kind": "tensor", "name": "x"},
    {1: "int", "1": "text", None: "x"},
]


@pytest.mark.parametrize("obj", CONTAINERS, ids=range(len(CONTAINERS)))
def test_containers(obj, path):
    xp.save(obj, path)
    assert same(xp.load(path), obj)


def test_tensors_in_containers(path):
    x, y = xp.arange(3), xp.ones((2, 2), dtype=xp.complex64)
    obj = {
        "a": [x, (y, x)],
        "a.0": y,
        "__metadata__": x,
        "": x,
        "dtype": xp.float32,
        0: xp.asarray(2),
    }
    xp.save(obj, path)
    assert same(xp.load(path), obj)
    device = xp.default_device()
    xp.save([device, xp.asarray(1.0, requires_grad=True)], path)
    found = xp.load(path)
    assert found[0] is device and found[1].requires_grad and found[1].is_leaf
    y = found[1] * 2
    xp.save(y, path)
    assert not xp.load(path).requires_grad and float(xp.load(path)) == 2


def test_the_state_of_training_goes_on(path):
    nn = xp.nn

    def make():
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        optimizer = xp.optim.Adam(model.parameters(), lr=0.1)
        scheduler = xp.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=20)
        return model, optimizer, scheduler

    def steps(model, optimizer, scheduler, n):
        x = xp.ones((5, 3), dtype=xp.float32) * xp.reshape(xp.arange(5, dtype=xp.float32), (5, 1))
        for _ in range(n):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()
            scheduler.step()
        return model[0].weight.detach().numpy().copy()

    first = make()
    steps(*first, 3)
    xp.save([part.state_dict() for part in first], path)
    expected = steps(*first, 3)
    second = make()
    for part, state in zip(second, xp.load(path), strict=True):
        part.load_state_dict(state)
    assert np.array_equal(steps(*second, 3), expected)
    state = xp.random.get_rng_state()
    xp.save(state, path)
    drawn = xp.random.rand(3)
    xp.random.set_rng_state(xp.load(path))
    assert same(xp.random.rand(3), drawn)


def test_other_libraries_read_and_write_the_same_files(path):
    state = {"layer.weight": xp.ones((2, 3), dtype=xp.float32).T, "layer.bias": xp.asarray(2)}
    xp.save(state, path)
    theirs = safetensors_numpy.load_file(path)
    assert set(theirs) == set(state)
    assert all(np.array_equal(theirs[k], state[k].numpy()) for k in state)
    given = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])}
    safetensors_numpy.save_file(given, path, metadata={"format": "pt"})
    found = xp.load(path)
    assert type(found) is dict and all(np.array_equal(found[k].numpy(), given[k]) for k in given)


def test_pytorch_reads_and_writes_the_same_files(path):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    theirs = pytest.importorskip("safetensors.torch")
    given = {
        "half": torch.tensor([1.5, -2.25], dtype=torch.bfloat16),
        "complex": torch.tensor([1 + 2j]),
        "scalar": torch.tensor(3),
    }
    theirs.save_file(given, path)
    found = xp.load(path)
    assert found["half"].dtype == xp.float32 and found["half"].tolist() == [1.5, -2.25]
    assert found["complex"].dtype == xp.complex64 and found["complex"].tolist() == [1 + 2j]
    assert found["scalar"].shape == ()
    xp.save({"w": xp.asarray([1.0, 2.0]), "b": xp.asarray(True)}, path)
    assert theirs.load_file(path)["w"].tolist() == [1.0, 2.0]


def test_devices(path):
    x = xp.arange(3, device="sim:1")
    xp.save({"x": x}, path)
    assert xp.load(path)["x"].device == "sim:1"
    assert xp.load(path, map_location="cpu")["x"].device == "cpu"
    assert xp.load(path, map_location=xp.device("sim:0"))["x"].device == "sim:0"
    assert xp.load(path, map_location={"sim:1": "sim:0"})["x"].device == "sim:0"
    assert xp.load(path, {"cpu": "sim:0"})["x"].device == "sim:1"
    content = path.read_bytes().replace(b"sim:1", b"sim:7")
    path.write_bytes(content)
    with pytest.raises(xp.DeviceError, match="map_location"):
        xp.load(path)
    assert xp.load(path, "cpu")["x"].tolist() == [0, 1, 2]


def test_file_objects():
    file = io.BytesIO()
    xp.save([xp.arange(3)], file)
    file.seek(0)
    assert xp.load(file)[0].tolist() == [0, 1, 2]


def test_what_cannot_be_saved_is_named(path):
    for obj, place in (({"a": [1, object()]}, "a.1"), (len, "obj"), ({"f": np.array(["x"])}, "f")):
        with pytest.raises(TypeError, match=f"save: {place} is a"):
            xp.save(obj, path)
    assert list(path.parent.iterdir()) == []


def test_writing_is_all_or_nothing(path, monkeypatch):
    xp.save([1], path)
    before = path.read_bytes()

    def failing(*_):
        raise OSError("disk full")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            with pytest.raises(OSError, match="disk full"):
                xp.save([xp.arange(1000)], path)
        assert path.read_bytes() == before
        assert [p.name for p in path.parent.iterdir()] == [path.name]
    xp.save([2], path)
    assert xp.load(path) == [2]
    link = path.with_name("link")
    link.symlink_to(path)
    xp.save([3], link)
    assert link.is_symlink() and xp.load(path) == [3]


def test_cut_off_files(path):
    xp.save({"x": xp.arange(100), "y": xp.ones(7)}, path)
    content = path.read_bytes()
    for size in [0, 1, 7, 8, 9, 20, len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"load: .*file\.safetensors"):
            xp.load(path)


def with_header(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def structured(structure, **more):
    text = structure if isinstance(structure, str) else json.dumps(structure)
    return with_header({"__metadata__": {"format": "tensorxp", "structure": text, **more}})


FOREIGN = [
    (b"PK\x03\x04" + b"x" * 100, "zip archive.*torch"),
    (b"\x80\x04" + b"x" * 100, "pickle"),
    (b"\x93NUMPY" + b"x" * 100, "NumPy"),
    (b"hello world, this is text" * 4, "not a safetensors file"),
    (b"\x00" * 100, "not a safetensors file"),
    (with_header(b"{broken}"), "damaged"),
    (with_header(b"[1]       "), "not a safetensors file"),
    (
        with_header({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}),
        "damaged|cut off",
    ),
    (
        with_header({"x": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"\0"),
        "F8_E4M3",
    ),
    (structured("{"), "structure"),
    (structured({"kind": "tensor", "name": "x"}), "structure"),
    (structured({"kind": "unknown", "value": 1}), "structure"),
    (structured({"no": "kind"}), "structure"),
    (structured([1, 2]), "structure"),
    (structured("[" * 100_000 + "]" * 100_000), "structure"),
    (structured(None, version="2"), "newer version"),
]


@pytest.mark.parametrize(("content", "match"), FOREIGN, ids=range(len(FOREIGN)))
def test_foreign_and_damaged_files(content, match, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        xp.load(path)


def test_missing_files_and_packages(path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        xp.load(path)

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("tensorxp.utils.serialization.import_module", missing)
    with pytest.raises(ImportError, match=r"tensorxp\[io\]"):
        xp.load(path)
