"""The C++ of CUDA kernels, compiled for the host: what it says, on NumPy arrays.

Elementwise kernels become a loop. Whole modules run as they are: block by block, with each thread
on a stack of its own, so that `__syncthreads` hands over to the next thread.
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from typing import Any

import numpy as np

keep = True  # whether what is compiled stays there for the next run
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
    library = ctypes.CDLL(path + ".so")
    if not keep:
        os.remove(path + ".so")
    return library


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


_MODULE = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(n)
#define __align__(n) __attribute__((aligned(n)))
struct Dim { unsigned x, y, z; };
static Dim threadIdx, blockIdx, blockDim, gridDim;
static float from_half(unsigned short h) {
    int e = h >> 10 & 31, m = h & 1023;
    float x = e == 31 ? (m ? NAN : INFINITY) : e ? ldexpf(m + 1024, e - 25) : ldexpf(m, -24);
    return h >> 15 ? -x : x; }
static unsigned short to_half(float x) {
    unsigned short s = signbit(x) ? 0x8000 : 0;
    float a = fabsf(x);
    if (a != a) return s | 0x7e00;
    if (a >= 65520.0f) return s | 0x7c00;
    if (a < 6.103515625e-05f) return s | (unsigned short)nearbyintf(ldexpf(a, 24));
    int e; float f = frexpf(a, &e); int m = (int)nearbyintf(ldexpf(f, 11));
    if (m == 2048) { m = 1024; e++; }
    return s | (unsigned short)(((e + 14) << 10) + (m - 1024)); }
enum { MOST = 1024, STACK = 65536 };
static ucontext_t home, threads[MOST];
static char stacks[MOST][STACK];
static int now, state[MOST]; /* 0 running, 1 at a barrier, 2 done */
static void (*body)(void **);
static void **given;
static void start() { body(given); state[now] = 2; swapcontext(threads + now, &home); }
static void __syncthreads() { state[now] = 1; swapcontext(threads + now, &home); }
static int launch(void (*fn)(void **), const int *grid, int block, int backwards, void **args) {
    gridDim = {(unsigned)grid[0], (unsigned)grid[1], 1}; blockDim = {(unsigned)block, 1, 1};
    body = fn; given = args;
    if (block > MOST) return 2;
    for (unsigned y = 0; y < gridDim.y; y++) for (unsigned x = 0; x < gridDim.x; x++) {
        blockIdx = {x, y, 0};
        for (int t = 0; t < block; t++) {
            getcontext(threads + t);
            threads[t].uc_stack.ss_sp = stacks[t]; threads[t].uc_stack.ss_size = STACK;
            makecontext(threads + t, start, 0);
            state[t] = 0;
        }
        for (int waiting = block; waiting;) {
            waiting = 0;
            for (int i = 0; i < block; i++) {
                now = backwards ? block - 1 - i : i;
                if (state[now] == 2) return 1; /* it has left while others wait */
                threadIdx = {(unsigned)now, 0, 0};
                swapcontext(&home, threads + now);
                waiting += state[now] == 1;
            }
            if (waiting && waiting != block) return 1;
        }
    }
    return 0; }
"""


class Module:
    """As `cupy.RawModule`, for kernels whose arguments are arrays."""

    def __init__(self, code: str, options: tuple[str, ...] = (), backwards: bool = False) -> None:
        found = re.findall(
            r'extern "C" __global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\((.*)\) {', code
        )
        calls = []
        for name, params in found:
            types = [p.replace("__restrict__", "").rpartition(" ")[0] for p in params.split(", ")]
            args = ", ".join(f"({t})a[{i}]" for i, t in enumerate(types))
            calls.append(
                f"static void call_{name}(void **a) {{ {name}({args}); }}\n"
                f'extern "C" int run_{name}(const int *grid, int block, int order, void **args) '
                f"{{ return launch(call_{name}, grid, block, order, args); }}"
            )
        self._library = _library("\n".join([_MODULE, code, *calls]))
        self.backwards = backwards

    def get_function(self, name: str) -> Any:
        """Return a function of a grid, a block and the arrays."""
        run = getattr(self._library, f"run_{name}")

        def kernel(grid: Any, block: Any, arrays: Any) -> None:
            grid = (*grid, 1)[:2]
            assert all(a.flags.c_contiguous for a in arrays)
            sizes = (ctypes.c_int * 2)(*grid)
            pointers = (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
            failed = run(sizes, int(block[0]), int(self.backwards), pointers)
            assert not failed, f"{name}: not all threads of a block come to a barrier"

        return kernel
