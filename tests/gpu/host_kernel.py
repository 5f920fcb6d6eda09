"""The C++ of an elementwise CUDA kernel, compiled for the host: what it says, on NumPy arrays."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from typing import Any

import numpy as np

COMPILER = shutil.which(os.environ.get("CXX", "g++"))
TYPES = {
    "bool": "bool", "int32": "int", "int64": "long long", "float32": "float", "float64": "double",
    "complex64": "complex<float>", "complex128": "complex<double>",
}  # fmt: skip
_HEAD = """
#include <cmath>
#include <complex>
using namespace std;
#define __device__
"""


def params(text: str) -> list[tuple[str, str]]:
    """Return the (type, name) pairs of a kernel's parameter list."""
    pairs = [tuple(part.split()) for part in text.split(",") if part.strip()]
    return [(kind, name) for kind, name in pairs]  # type: ignore[misc]


@cache
def _library(source: str) -> Any:
    """Return the compiled source, from a folder of this user's where it was compiled before."""
    if COMPILER is None:
        raise RuntimeError("no C++ compiler (g++, or what CXX names)")
    folder = os.path.join(tempfile.gettempdir(), f"tensorxp-kernels-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, hashlib.sha256(source.encode()).hexdigest()[:24])
    if not os.path.exists(path + ".so"):
        mine = f"{path}.{os.getpid()}"
        with open(mine + ".cpp", "w") as file:
            file.write(source)
        command = [COMPILER, "-std=c++17", "-O0", "-ffp-contract=off", "-fPIC", "-shared"]
        subprocess.run([*command, mine + ".cpp", "-o", mine + ".so"], check=True)
        os.replace(mine + ".so", path + ".so")
        os.remove(mine + ".cpp")
    return ctypes.CDLL(path + ".so")


class ElementwiseKernel:
    """As `cupy.ElementwiseKernel`, for the forms of parameters that we use."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str = "kernel",
        preamble: str = "", **kwargs: Any,
    ) -> None:  # fmt: skip
        self.ins, self.outs = params(in_params), params(out_params)
        self.code, self.name, self.preamble = operation, name, preamble

    def source(self, kinds: dict[str, str]) -> str:
        """Return the C++ of a loop for the types that `kinds` gives to the letters."""
        types = [f"typedef {TYPES[kind]} {letter};" for letter, kind in kinds.items()]
        types += [f"typedef {TYPES[t]} {t};" for t in TYPES if t != "bool" and any(
            t == kind for kind, _ in self.ins + self.outs)]  # fmt: skip
        given = [f"const {kind}* _{name}" for kind, name in self.ins]
        given += [f"{kind}* _{name}" for kind, name in self.outs]
        loads = [f"const {kind} {name} = _{name}[i_];" for kind, name in self.ins]
        loads += [f"{kind}& {name} = _{name}[i_];" for kind, name in self.outs]
        return "\n".join([
            _HEAD, *types, self.preamble,
            f'extern "C" void run(long n_, {", ".join(given)}) {{',
            "for (long i_ = 0; i_ < n_; i_++) {", *loads, self.code, ";}}",
        ])  # fmt: skip

    def __call__(self, *args: Any) -> Any:
        kinds: dict[str, str] = {}
        for (kind, _), arg in zip(self.ins + self.outs, args, strict=False):
            if kind not in TYPES and isinstance(arg, np.ndarray):
                if kinds.setdefault(kind, arg.dtype.name) != arg.dtype.name:
                    raise TypeError(f"{self.name}: type is mismatched: {kind} in {args}")
        count = len(self.ins)
        typed = [np.asarray(a, dtype=kinds.get(kind, kind)) for (kind, _), a in zip(
            self.ins, args[:count], strict=True)]  # fmt: skip
        outs = list(args[count:])
        shape = np.broadcast_shapes(*[a.shape for a in [*typed, *outs]])
        arrays = [np.ascontiguousarray(np.broadcast_to(a, shape)) for a in typed]
        results = [
            np.ascontiguousarray(outs[i]).copy() if i < len(outs)
            else np.empty(shape, dtype=kinds.get(kind, kind))
            for i, (kind, _) in enumerate(self.outs)
        ]  # fmt: skip
        run = _library(self.source(kinds)).run
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays + results]
        run(ctypes.c_long(int(np.prod(shape))), *pointers)
        for given, result in zip(outs, results, strict=False):
            given[...] = result
        back = [outs[i] if i < len(outs) else r.reshape(shape) for i, r in enumerate(results)]
        return back[0] if len(back) == 1 else tuple(back)
