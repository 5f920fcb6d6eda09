"""Try what other libraries share with tensorxp, and write the matrix `docs/zero_copy.md`.

Run `python docs/make_zero_copy_matrix.py` (`--check` compares instead of writing). A cell is
what a trial on this machine showed: memory is shared if a write on one side is read on the
other, or, where one side cannot write, if both look at the same address.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp import cuda

TARGET = Path(__file__).parent / "zero_copy.md"


@dataclass
class Library:
    """How to make, take and look at the arrays of one library."""

    name: str
    package: str
    #: an array of three zeros of its own on a device ("cpu" or "cuda")
    make: Callable[[str], Any]
    #: its array from a Tensor, by its own function
    take: Callable[[Any], Any]
    #: the address of its memory
    address: Callable[[Any], int]
    #: write a value at the first place; None where its arrays cannot be written
    write: Callable[[Any, float], Any] | None
    cuda: bool = False
    note: str = ""


def _set(x: Any, value: float) -> None:
    x[0] = value


def _numpy_address(x: Any) -> int:
    return int(np.asarray(x).ctypes.data)


def libraries() -> list[Library]:
    """Return the rows; functions import their library when they are called."""

    def lib(name: str) -> Any:
        return import_module(name)

    return [
        Library(
            "NumPy", "numpy", lambda device: np.zeros(3), np.from_dlpack,
            _numpy_address, _set, note="`.numpy()` and `np.asarray` share as well",
        ),
        Library(
            "CuPy", "cupy", lambda device: lib("cupy").zeros(3),
            lambda t: lib("cupy").from_dlpack(t), lambda a: int(a.data.ptr), _set, cuda=True,
            note="arrays live on CUDA devices only",
        ),
        Library(
            "PyTorch", "torch", lambda device: lib("torch").zeros(3, device=device),
            lambda t: lib("torch").from_dlpack(t), lambda a: int(a.data_ptr()), _set, cuda=True,
        ),
        Library(
            "JAX", "jax", lambda device: lib("jax.numpy").zeros(3, dtype="float32"),
            lambda t: lib("jax.numpy").from_dlpack(t),
            lambda a: int(a.unsafe_buffer_pointer()), None, cuda=True,
            note="its arrays are immutable; it shares memory aligned to 64 bytes, copies other",
        ),
        Library(
            "pandas", "pandas", lambda device: lib("pandas").Series(np.zeros(3)),
            lambda t: lib("pandas").Series(t, copy=False), _numpy_address, None,
            note="columns of one NumPy dtype; read-only in tensorxp (copy on write)",
        ),
        Library(
            "pyarrow", "pyarrow", lambda device: lib("pyarrow").array(np.zeros(3)),
            lambda t: lib("pyarrow").array(np.asarray(t)),
            lambda a: int(a.buffers()[1].address), None,
            note="immutable; numbers without nulls",
        ),
    ]  # fmt: skip


def _tensor(device: str) -> Any:
    """Return three float32 zeros, on the CPU in memory aligned to 64 bytes."""
    if device == "cuda":
        return xp.zeros(3, dtype="float32", device="cuda")
    memory = np.zeros(128, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    return xp.from_numpy(memory[start : start + 12].view(np.float32))


def _raw_address(t: Any) -> int:
    data = t._data
    return int(data.data.ptr if t.is_cuda else data.ctypes.data)


def _shared(row: Library, t: Any, other: Any) -> str:
    """Return how it is known that `t` and `other` are the same memory, or "copy"."""
    if row.address(other) != _raw_address(t):
        return "copy"
    if row.write is None:
        return "shared, by address"
    row.write(other, 5.0)
    return "shared, by writing" if float(t[0]) == 5.0 else "copy"


def _trial(action: Callable[[], str]) -> str:
    try:
        return action()
    except (BufferError, TypeError, ValueError, RuntimeError) as error:
        return f"refused ({type(error).__name__})"


def cells(row: Library, device: str) -> tuple[str, str, str]:
    """Return what import, export and export of a gradient do on a device."""

    def taken_in() -> str:
        source = row.make(device)
        return _shared(row, xp.asarray(source), source)

    def given_out() -> str:
        t = _tensor(device)
        return _shared(row, t, row.take(t))

    def gradient() -> str:
        row.take(_tensor(device).requires_grad_())
        return "NOT refused"

    found = _trial(gradient)
    return _trial(taken_in), _trial(given_out), "yes" if found.startswith("refused") else found


def lines() -> list[str]:
    """Return the lines of the page."""
    where = cuda.get_device_name() if cuda.is_available() else "no CUDA device"
    out = [
        "# Zero copy with other libraries",
        "",
        "Made by `python docs/make_zero_copy_matrix.py`, which tries each cell. *Import* is",
        "`tensorxp.asarray(array)`, *export* the library's own function on a Tensor. Memory is",
        "shared if a write on one side is read on the other (*by writing*), or, where a side",
        "cannot write, if both look at one address (*by address*). A tensor that requires grad",
        "must be refused: export `t.detach()`.",
        "",
        f"This run: CPU and {where}.",
        "",
        "| library | device | import | export | gradient refused | remark |",
        "|---|---|---|---|---|---|",
    ]
    for row in libraries():
        if find_spec(row.package) is None:
            missing = f"not run: {row.package} is not installed"
            out.append(f"| {row.name} | – | {missing} | {missing} | – | {row.note} |")
            continue
        name = f"{row.name} {version(row.package)}" if row.package != "cupy" else row.name
        places = [] if row.name == "CuPy" else ["cpu"]
        places += ["cuda"] if row.cuda else []
        for device in places:
            label = device.upper()
            if device == "cuda" and not _has_cuda(row):
                cell = "not run: no CUDA device"
                out.append(f"| {name} | {label} | {cell} | {cell} | – | {row.note} |")
                continue
            out.append(f"| {name} | {label} | {' | '.join(cells(row, device))} | {row.note} |")
    return [*out, ""]


def _has_cuda(row: Library) -> bool:
    if not cuda.is_available():
        return False
    if row.package == "torch":
        return bool(import_module("torch").cuda.is_available())
    if row.package == "jax":
        return any(d.platform == "gpu" for d in import_module("jax").devices())
    return True


def main() -> int:
    """Write the page, or compare it with the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the file differs")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = "\n".join(lines())
    if "NOT refused" in text:
        print(text)
        print("a gradient was exported without a refusal", file=sys.stderr)
        return 1
    if options.check:
        return 0 if TARGET.exists() and TARGET.read_text() == text else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
