"""Every CUDA source of ours: compiled by NVRTC for a real architecture, and run on the host.

NVRTC needs CuPy but no device. On the host the same C++ is compiled by g++, so that its
formulas are compared with NumPy's and with the optimisers' on the CPU.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import cuda_kernels, cuda_updates
from tensorxp._backend.raw import numpy_namespace
from tests.gpu import host_kernel

on_host = pytest.mark.skipif(host_kernel.COMPILER is None, reason="there is no C++ compiler")
C_TYPES = {"float16": "float16", "float32": "float", "float64": "double",
           "complex64": "complex<float>", "complex128": "complex<double>"}  # fmt: skip


def sources() -> Iterator[Any]:
    """Yield (name, type of T, inputs, outputs, C++) of each kernel and type it is run with."""
    for name, (kind, inputs, code) in cuda_kernels.KERNELS.items():
        for t in ("float32", "float64") if kind == "f" else ("complex64", "complex128"):
            yield pytest.param(t, inputs, "T out", code, id=f"{name}-{t}")
    for name in cuda_updates.UPDATES:
        for t, compute in (("float16", "float"), ("float32", "float"), ("float64", "double")):
            yield pytest.param(t, *cuda_updates.source(name, compute), id=f"{name}-{t}")


@pytest.mark.parametrize("t, inputs, outputs, code", list(sources()))
def test_nvrtc_compiles_it(t: str, inputs: str, outputs: str, code: str) -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    nvrtc = pytest.importorskip("cupy_backends.cuda.libs.nvrtc", reason="CuPy has no NVRTC")
    types = {"T": C_TYPES[t], "float64": "double", "bool": "bool"}
    ins, outs = host_kernel.params(inputs), host_kernel.params(outputs)
    given = [f"const {types[kind]}* _{name}" for kind, name in ins]
    given += [f"{types[kind]}* _{name}" for kind, name in outs]
    loads = [f"const {types[kind]} {name} = _{name}[i];" for kind, name in ins]
    loads += [f"{types[kind]} &{name} = _{name}[i];" for kind, name in outs]
    source = "\n".join([
        "#include <cupy/complex.cuh>", "#include <cupy/carray.cuh>", "#include <cupy/float16.cuh>",
        f'typedef {C_TYPES[t]} T;\nextern "C" __global__ void k({", ".join(given)}) {{',
        "int i = blockIdx.x * blockDim.x + threadIdx.x;", *loads, code, ";}",
    ])  # fmt: skip
    include = Path(cupy.__file__).parent / "_core" / "include"
    options = ["--std=c++17", f"-I{include}", "-arch=compute_90", "-DCUPY_JIT_MODE"]
    options += [f"-I{folder}" for folder in sorted(include.glob("cupy/_cccl/*"))]
    options += [f"-I{folder}" for folder in toolkit()]
    try:
        program = nvrtc.createProgram(source, "k.cu", [], [])
    except (OSError, RuntimeError) as error:
        pytest.skip(f"NVRTC cannot be loaded: {error}")
    try:
        nvrtc.compileProgram(program, options)
    except Exception as error:
        raise AssertionError(f"{error}\n{nvrtc.getProgramLog(program)}\n{source}") from None
    assert ".entry k" in str(nvrtc.getPTX(program))


def toolkit() -> list[Path]:
    """Return the folders with the headers of the CUDA toolkit, of pip's package or installed."""
    places = [Path(folder) for folder in ("/usr/local/cuda/include", "/opt/cuda/include")]
    return [folder for folder in places if (folder / "cuda_fp16.h").exists()]


SPECIAL = np.asarray(
    [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 0.1, 1e-10, 1e300, np.inf, -np.inf, np.nan, -745.0]
)


def grid(count: int) -> list[Any]:
    return [a.ravel() for a in np.meshgrid(*[SPECIAL] * count)]


def planes() -> Any:
    a, b = grid(2)
    z = np.empty(a.size, dtype="complex128")
    z.real, z.imag = a, b
    return z


def run(name: str, *arrays: Any) -> Any:
    _, inputs, code = cuda_kernels.KERNELS[name]
    return host_kernel.ElementwiseKernel(inputs, "T out", code, name)(*arrays)


REFERENCES: dict[str, Callable[..., Any]] = {
    "floor_divide": numpy_namespace().floor_divide,
    "remainder": np.remainder,
    "sign": np.sign,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "expm1": numpy_namespace().expm1,
    "tanh": numpy_namespace().tanh,
    "acosh": numpy_namespace().acosh,
}


@on_host
@pytest.mark.parametrize("name", cuda_kernels.KERNELS)
def test_values_at_special_points(name: str) -> None:
    kind, inputs, _ = cuda_kernels.KERNELS[name]
    arrays = grid(len(inputs.split(","))) if kind == "f" else [planes()]
    with np.errstate(all="ignore"):
        found, expected = run(name, *arrays), REFERENCES[name](*arrays)
        assert found.dtype == expected.dtype
        for part in (np.real, np.imag) if kind == "c" else (np.asarray,):
            a, b = part(found), part(expected)
            # NumPy's log1p of a small complex number is worse than the kernel's
            atol = 1e-16 if name == "log1p" else 0
            same = np.isclose(a, b, rtol=1e-12, atol=atol, equal_nan=True)
            places = [x[~same] for x in arrays]
            assert same.all(), (places, a[~same], b[~same])
            if name in ("floor_divide", "remainder", "sign"):
                signs = (np.signbit(a) == np.signbit(b)) | np.isnan(a)
                assert signs.all(), ([x[~signs] for x in arrays], a[~signs], b[~signs])


class Replaced:
    """CuPy's kernels compiled for the host, for the updates."""

    ElementwiseKernel = host_kernel.ElementwiseKernel


@on_host
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "rule, options",
    [
        ("sgd", {"lr": 0.1}),
        ("sgd", {"lr": 0.1, "weight_decay": 0.01, "maximize": True}),
        ("sgd", {"lr": 0.1, "momentum": 0.9}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("adam", {"lr": 0.01}),
        ("adam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
        ("adam", {"lr": 0.01, "amsgrad": True}),
        ("adamw", {"lr": 0.01, "weight_decay": 0.1}),
    ],
)
def test_updates_are_those_of_the_optimisers(
    rule: str, options: dict[str, Any], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"sgd": xp.optim.SGD, "adam": xp.optim.Adam, "adamw": xp.optim.AdamW}
    rng = np.random.default_rng(0)
    start = rng.normal(size=7).astype(dtype)
    first = xp.asarray(start, copy=True, requires_grad=True)
    second = xp.asarray(start, copy=True, requires_grad=True)
    plain, fused = kinds[rule]([first], **options), kinds[rule]([second], **options)
    monkeypatch.setattr(cuda_updates, "import_module", lambda name: Replaced)
    cuda_updates.kernel.cache_clear()
    name = "sgd" if rule == "sgd" else "adam"
    monkeypatch.setattr(
        fused, "_at_once", lambda device, arrays, c: cuda_updates.step(name, arrays, c)
    )
    for _ in range(5):
        gradient = rng.normal(size=7).astype(dtype)
        first.grad, second.grad = xp.asarray(gradient), xp.asarray(gradient.copy())
        plain.step()
        fused.step()
    cuda_updates.kernel.cache_clear()
    rtol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(second.detach(), first.detach(), rtol=rtol)


def test_updates_are_refused_where_dtypes_differ() -> None:
    arrays = [np.ones(2), np.ones(2, dtype="float32")]
    assert not cuda_updates.step("sgd", arrays, (0.1, 0, 0, 0, False, False, True))
    assert not cuda_updates.step("sgd", [np.ones(2, "F")] * 2, (0.1, 0, 0, 0, False, False, True))
