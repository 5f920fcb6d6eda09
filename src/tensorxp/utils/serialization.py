"""`save` and `load`: tensors in nested containers, in the safetensors format.

The tensors of a file are those of any safetensors file, named by their path ("state.0.exp_avg");
what contains them is JSON in the file's metadata. Loading builds containers, numbers, texts and
tensors, and never executes code.
"""

import base64
import json
import math
import os
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._backend.files import write_file, write_parts
from tensorxp._core.face import raw

_FORMAT = "tensorxp"
_VERSION = 1

# what safetensors calls its dtypes; bfloat16, which NumPy lacks, is widened to float32
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?", "C64": "<c8",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
_NAMES = {np.dtype(code).str.lstrip("|"): name for name, code in _DTYPES.items() if name != "BF16"}
_DICTS: dict[str, Any] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_LISTS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive, as PyTorch's torch.save writes; load it there and save its "
    "state dict by safetensors.torch.save_file",
    b"\x80": "a pickle, which is not loaded because it could run any code",
    b"\x93NUMPY": "a NumPy file; use numpy.load and tensorxp.asarray",
    b"\x89HDF": "an HDF5 file",
}


@see("load")
def save(obj: Any, path: Any) -> None:
    """Write tensors, or containers of them such as state dicts, to a safetensors file.

    Devices and `requires_grad` of leaves are kept; subclasses and sharing of memory are not. A flat
    dict of Tensors gives a file that other libraries read under the same names. The file appears
    whole or not at all, on the disk too (by fsync), and keeps the mode and owner of the one that it
    replaces; symbolic links are followed, FIFOs and character devices written into.

    >>> import io
    >>> file = io.BytesIO()
    >>> xp.save({"w": xp.asarray([1.0])}, file)

    Parameters
    ----------
    obj : any
        Tensors of any shape and dtype, NumPy arrays and scalars, numbers, strings, bytes, None,
        dtypes and devices, in dicts, lists, tuples and sets.
    path : path or binary file object

    Raises
    ------
    TypeError
        `obj` holds other things; the message names the place.
    OSError
        The file cannot be written: no room, a missing or read-only folder, a folder or a disk in
        its place. What was there stays.
    """
    writer = _Writer()
    structure = writer.encode(obj, "")
    metadata = {
        "format": _FORMAT,
        "version": str(_VERSION),
        "structure": json.dumps(structure, allow_nan=False, separators=(",", ":")),
    }
    write = write_parts if hasattr(path, "write") else write_file
    write(path, _parts(writer.arrays, metadata))


def _parts(arrays: dict[str, Any], metadata: dict[str, str]) -> Iterator[Any]:
    """Yield the bytes of a file: the header's length, the header, the arrays' memory.

    The format: https://huggingface.co/docs/safetensors. As its library does, arrays of the widest
    elements come first, so that all are aligned.
    """
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in names:
        array = arrays[name]
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.str.lstrip("|")],
            "shape": array.shape,
            "data_offsets": [start, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in names:
        if arrays[name].size:
            yield arrays[name].reshape(-1).view(np.uint8).data


class _Writer:
    """Turns an object into JSON and collects its arrays under their names."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}

    def encode(self, obj: Any, path: str) -> Any:
        """Return `obj` as JSON data; arrays are replaced by their names."""
        if obj is None or isinstance(obj, bool | str):
            return obj
        if isinstance(obj, xp.Tensor):
            return self._tensor(obj, path)
        if isinstance(obj, np.ndarray | np.generic):
            kind = "array" if isinstance(obj, np.ndarray) else "scalar"
            real = obj.dtype if obj.dtype.kind != "c" else obj.real.dtype
            if real.newbyteorder("<").str.lstrip("|") not in _NAMES:
                raise self._error(obj, path, f"of dtype {obj.dtype}")
            return {"kind": kind, **self._store(np.asarray(obj), path)}
        if isinstance(obj, int):
            return int(obj)
        if isinstance(obj, float):
            return (
                float(obj) if math.isfinite(obj) else {"kind": "float", "value": repr(float(obj))}
            )
        if isinstance(obj, complex):
            return {"kind": "complex", "value": [repr(obj.real), repr(obj.imag)]}
        if isinstance(obj, bytes):
            return {"kind": "bytes", "value": base64.b64encode(obj).decode("ascii")}
        if isinstance(obj, xp.DType):
            return {"kind": "dtype", "value": obj.name}
        if isinstance(obj, xp.Device):
            return {"kind": "device", "value": str(obj)}
        return self._container(obj, path)

    def _container(self, obj: Any, path: str) -> Any:
        if isinstance(obj, Mapping):
            kind = next((name for name, cls in _DICTS.items() if type(obj) is cls), "dict")
            items = []
            for key, value in obj.items():
                place = f"{path}.{key}" if path else str(key)
                items.append([self.encode(key, f"{place} (key)"), self.encode(value, place)])
            return {"kind": kind, "items": items}
        for kind, cls in _LISTS.items():
            if isinstance(obj, cls):
                places = (f"{path}.{i}" if path else str(i) for i in range(len(obj)))
                return {"kind": kind, "items": list(map(self.encode, obj, places))}
        raise self._error(obj, path, "")

    def _error(self, obj: Any, path: str, more: str) -> TypeError:
        cls = type(obj)
        return TypeError(
            f"save: {path or 'obj'} is a {cls.__module__}.{cls.__qualname__} {more}".rstrip()
            + "; allowed are Tensors, NumPy arrays, numbers, strings, bytes, None, and dicts, "
            "lists, tuples and sets of these"
        )

    def _tensor(self, x: Any, path: str) -> dict[str, Any]:
        stored = self._store(x.device.raw.to_numpy(raw(x.detach())), path)
        entry = {"kind": "tensor", **stored, "device": str(x.device)}
        if x.requires_grad and x.is_leaf:
            entry["requires_grad"] = True
        return entry

    def _store(self, array: Any, path: str) -> dict[str, Any]:
        """Keep an array under a free name. safetensors writes memory as it lies: make it C."""
        entry = {}
        array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        if array.dtype.kind == "c":
            # complex numbers as pairs: not all versions and readers of the format have them
            entry["dtype"] = array.dtype.name
            array = array.reshape((*array.shape, 1)).view(array.real.dtype)
        name = base = path or "tensor"
        count = 1
        while name in self.arrays or name == "__metadata__":
            count += 1
            name = f"{base}#{count}"
        self.arrays[name] = array
        return {"name": name, **entry}


@see("save")
def load(path: Any, map_location: Any = None) -> Any:
    """Return what `save` wrote, or the tensors of another library's safetensors file.

    No code is run.

    >>> import io
    >>> file = io.BytesIO()
    >>> xp.save(xp.asarray([1.0, 2.0]), file)
    >>> _ = file.seek(0)
    >>> xp.load(file)
    tensor([1., 2.])

    Parameters
    ----------
    path : path or binary file object
    map_location : Device, str, dict or None
        Where Tensors go: one device, or a dict of device names; None: where they were (other
        libraries' to the CPU).

    Returns
    -------
    any
        Containers of Tensors of the shapes and dtypes saved; bfloat16 becomes float32. Other
        libraries' files: a dict by name.

    Raises
    ------
    TypeError
        `path` is neither.
    ValueError
        The file is cut off, damaged, foreign, or of a newer version.
    OSError
        The file cannot be read.
    DeviceError
        A device is not there.
    ImportError
        safetensors is missing; the message names the extra that brings it.
    """
    try:
        library = import_module("safetensors")
    except ImportError:
        raise ImportError(
            "load: the package safetensors is missing; `pip install 'tensorxp[io]'` brings it"
        ) from None
    if hasattr(path, "read"):
        content, name = path.read(), repr(getattr(path, "name", path))
    else:
        name = repr(os.fspath(path))
        with open(path, "rb") as file:
            content = file.read()
    header = _header(content, name)
    try:
        tensors = library.deserialize(content)
    except Exception as error:  # SafetensorError; it checks sizes, offsets and dtypes
        raise ValueError(
            f"load: {name} is damaged, perhaps cut off, or not a safetensors file: {error}"
        ) from None
    arrays = {key: _array(key, entry, name) for key, entry in tensors}
    metadata = header.get("__metadata__") or {}
    reader = _Reader(arrays, map_location, name)
    if metadata.get("format") != _FORMAT or "structure" not in metadata:
        return {key: reader.tensor(array, "cpu") for key, array in arrays.items()}
    if int(metadata.get("version", 1)) > _VERSION:
        raise ValueError(f"load: {name} was written by a newer version of tensorxp; update it")
    try:
        return reader.decode(json.loads(metadata["structure"]))
    except (KeyError, TypeError, IndexError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(f"load: the structure in {name} is damaged: {error!r}") from None


def _header(content: bytes, name: str) -> dict[str, Any]:
    """Return the JSON header of a file; ValueError with what the file is instead."""
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature) and not _plausible(content):
            raise ValueError(f"load: {name} is not a safetensors file but {kind}")
    if not _plausible(content):
        raise ValueError(
            f"load: {name} ({len(content)} bytes) is not a safetensors file, or it is cut off"
        )
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"load: the header of {name} is damaged: {error}") from None
    if not isinstance(header, dict):
        raise ValueError(f"load: {name} is not a safetensors file")
    return header


def _plausible(content: bytes) -> bool:
    size = int.from_bytes(content[:8], "little")
    return len(content) >= 8 + size and content[8:9] == b"{"


def _array(key: str, entry: dict[str, Any], name: str) -> Any:
    """Return a tensor of the file as a NumPy array of its own."""
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(
            f"load: {key!r} in {name} has dtype {entry['dtype']}, which tensorxp does not have"
        )
    array = np.frombuffer(bytearray(entry["data"]), dtype=dtype).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (array.astype("<u4") << 16).view("<f4")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


class _Reader:
    """Builds the object that JSON data describe."""

    def __init__(self, arrays: dict[str, Any], map_location: Any, name: str) -> None:
        self._arrays = arrays
        self._map = map_location
        self._name = name

    def tensor(self, array: Any, saved: str) -> Any:
        """Return an array as a Tensor on the device it belongs to."""
        return xp.asarray(array, device=self.device(saved))

    def device(self, saved: str) -> Any:
        """Return the device that stands for one of the file."""
        place: Any = saved
        if isinstance(self._map, Mapping):
            place = self._map.get(saved, saved)
        elif self._map is not None:
            place = self._map
        try:
            return xp.device(place)
        except xp.DeviceError as error:
            if self._map is not None:
                raise
            raise xp.DeviceError(
                f"load: {self._name} holds tensors of {place}: {error}; to have them elsewhere, "
                "use load(path, map_location='cpu')"
            ) from None

    def decode(self, data: Any) -> Any:
        """Return the object that `data` stand for."""
        if not isinstance(data, dict):
            if isinstance(data, list):
                raise TypeError("a bare list")
            return data
        kind = data["kind"]
        if kind in _DICTS:
            return _DICTS[kind]({self.decode(k): self.decode(v) for k, v in data["items"]})
        if kind in _LISTS:
            return _LISTS[kind](self.decode(item) for item in data["items"])
        if kind in ("tensor", "array", "scalar"):
            array = self._arrays[data["name"]]
            if "dtype" in data:
                array = array.view(data["dtype"]).reshape(array.shape[:-1])
            if kind == "array":
                return array
            if kind == "scalar":
                return array[()]
            found = self.tensor(array, data["device"])
            return found.requires_grad_(True) if data.get("requires_grad") else found
        value = data["value"]
        if kind == "float":
            return float(value)
        if kind == "complex":
            return complex(float(value[0]), float(value[1]))
        if kind == "bytes":
            return base64.b64decode(value)
        if kind == "device":
            return self.device(value)
        if kind == "dtype":
            return _DTYPE_NAMES[value]
        raise KeyError(kind)


_DTYPE_NAMES = {
    name: getattr(xp, name)
    for name in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128",
    )
}  # fmt: skip
