"""CUDA beside CuPy and PyTorch: large operations, cost per operation, a training step.

Run `python -m benchmarks.gpu`. Each figure is a median of rounds in which the peers take
turns; without a CUDA device the command says what is missing and ends.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp import cuda

Timed = dict[str, Callable[[], Any]]


def rounds(candidates: Timed, calls: int, repeats: int) -> dict[str, float]:
    """Return the median seconds per call of each candidate, in turns, device synchronized."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    cuda.synchronize()
    for _ in range(repeats):
        for name, call in candidates.items():
            begin = perf_counter()
            for _ in range(calls):
                call()
            cuda.synchronize()
            times[name].append((perf_counter() - begin) / calls)
    return {name: median(found) for name, found in times.items()}


def torch_with_cuda() -> Any:
    """Return PyTorch where it is installed with CUDA, or None."""
    if find_spec("torch") is None:
        return None
    torch = import_module("torch")
    return torch if torch.cuda.is_available() else None


def elementwise(size: int) -> Timed:
    """Return `a * b + a` on `size` float32 elements for each peer."""
    cupy, torch = import_module("cupy"), torch_with_cuda()
    a, b = cupy.ones(size, dtype="float32"), cupy.ones(size, dtype="float32")
    ta, tb = xp.asarray(a), xp.asarray(b)
    found: Timed = {"cupy": lambda: a * b + a, "tensorxp": lambda: ta * tb + ta}
    if torch is not None:
        pa, pb = torch.from_dlpack(ta), torch.from_dlpack(tb)
        found["torch"] = lambda: pa * pb + pa
    return found


def matmul(size: int) -> Timed:
    """Return a product of two float32 matrices of `size` elements for each peer."""
    cupy, torch = import_module("cupy"), torch_with_cuda()
    n = int(size**0.5)
    a = cupy.ones((n, n), dtype="float32")
    ta = xp.asarray(a)
    found: Timed = {"cupy": lambda: a @ a, "tensorxp": lambda: ta @ ta}
    if torch is not None:
        pa = torch.from_dlpack(ta)
        found["torch"] = lambda: pa @ pa
    return found


def fused(backend: str) -> Timed:
    """Return a normalised loss of 4096×1024 float32, forward and backward, for each peer."""
    torch = torch_with_cuda()
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32") for shape in ((4096, 1024), (1024,))]

    def loss(lib: Any, x: Any, w: Any) -> Any:
        y = x / lib.sqrt((x * x).mean(1)[:, None] + 1e-5)
        return (lib.tanh(y * w) ** 2).sum()

    def step(fn: Any, x: Any, w: Any) -> None:
        x.grad = w.grad = None
        fn(x, w).backward()

    x, w = (xp.asarray(a, device="cuda", requires_grad=True) for a in arrays)
    ours = partial(loss, xp)
    ours = ours if backend == "eager" else xp.compile(ours, backend=backend)
    found: Timed = {"tensorxp": lambda: step(ours, x, w)}
    if torch is not None:
        px, pw = (torch.asarray(a, device="cuda").requires_grad_() for a in arrays)
        theirs = partial(loss, torch)
        theirs = theirs if backend == "eager" else torch.compile(theirs)
        found["torch"] = lambda: step(theirs, px, pw)
    return found


def training_step() -> Timed:
    """Return a step of the demo's network (64-64-32-10, batch 64) for each peer."""
    torch = torch_with_cuda()
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(64, 64)).astype("float32")
    labels = rng.integers(0, 10, 64)
    nn, optim = xp.nn, xp.optim
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
    ).to("cuda")
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    x, y = xp.asarray(inputs, device="cuda"), xp.asarray(labels, device="cuda")

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

    found: Timed = {"tensorxp": step}
    if torch is not None:
        tnn = torch.nn
        other = tnn.Sequential(
            tnn.Linear(64, 64), tnn.ReLU(), tnn.Linear(64, 32), tnn.ReLU(), tnn.Linear(32, 10)
        ).to("cuda")
        other_optimizer = torch.optim.Adam(other.parameters(), lr=1e-3)
        other_loss = tnn.CrossEntropyLoss()
        px, py = torch.from_dlpack(x), torch.from_dlpack(y)

        def other_step() -> None:
            other_optimizer.zero_grad()
            other_loss(other(px), py).backward()
            other_optimizer.step()

        found["torch"] = other_step
    return found


def network_kernels(batch: int) -> dict[str, Timed]:
    """Return a convolution and half-precision attention, forward and backward, for each peer."""
    torch = torch_with_cuda()
    rng = np.random.default_rng(0)
    images, kernel = (
        rng.normal(size=shape).astype("float32") for shape in ((batch, 64, 56, 56), (64, 64, 3, 3))
    )
    heads = rng.normal(size=(batch, 8, 512, 64)).astype("float16")
    x, w = (xp.asarray(a, device="cuda", requires_grad=True) for a in (images, kernel))
    q = xp.asarray(heads, device="cuda", requires_grad=True)
    functional = xp.nn.functional
    conv: Timed = {"tensorxp": lambda: functional.conv2d(x, w, padding=1).sum().backward()}
    attention: Timed = {
        "tensorxp": lambda: functional.scaled_dot_product_attention(q, q, q).sum().backward()
    }
    if torch is not None:
        px, pw, pq = (torch.from_dlpack(t.detach()).requires_grad_() for t in (x, w, q))
        other = torch.nn.functional
        conv["torch"] = lambda: other.conv2d(px, pw, padding=1).sum().backward()
        attention["torch"] = lambda: other.scaled_dot_product_attention(pq, pq, pq).sum().backward()
    return {"convolution 64 to 64, 3×3": conv, "attention of 512, half precision": attention}


def row(title: str, found: dict[str, float], baseline: str) -> str:
    """Return one line of the Markdown table."""
    ratio = found["tensorxp"] / found[baseline] if baseline in found else float("nan")
    cells = (found.get(name) for name in ("tensorxp", "cupy", "torch"))
    texts = ["–" if seconds is None else f"{seconds * 1e6:,.2f}" for seconds in cells]
    return f"| {title} | {' | '.join(texts)} | {ratio:.3f} |"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 0, also where there is no device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=11, help="rounds per figure")
    parser.add_argument("--largest", type=float, default=1e8, help="elements of the largest arrays")
    parser.add_argument("--batch", type=int, default=32, help="images and sequences in a batch")
    options = parser.parse_args(arguments)
    if not cuda.is_available():
        try:
            cuda.current_device()
        except xp.DeviceError as error:
            print(f"no CUDA device, nothing is measured: {error}")
        return 0
    cupy, torch = import_module("cupy"), torch_with_cuda()
    print(f"{cuda.get_device_name()}; CuPy {cupy.__version__}; tensorxp {xp.__version__}; ", end="")
    print(f"PyTorch {torch.__version__ if torch else 'without CUDA'}; NumPy {np.__version__}\n")
    print("| µs per call | tensorxp | CuPy | PyTorch | ratio |\n|---|---|---|---|---|")
    sizes = [size for size in (10**6, 10**8) if size <= options.largest]
    for size in sizes:
        for name, make in (("a * b + a", elementwise), ("matmul", matmul)):
            calls = 20 if size <= 10**6 else 2
            found = rounds(make(size), calls, options.repeats)
            print(row(f"{name}, {size:.0e} elements", found, "cupy"))
        cuda.empty_cache()
    small = rounds(elementwise(10), 2000, options.repeats)
    print(row("two operations on 10 elements", small, "cupy"))
    over = (small["tensorxp"] - small["cupy"]) / 2 * 1e6
    for title, found in network_kernels(options.batch).items():
        print(row(title, rounds(found, 5, options.repeats), "torch"))
    for backend in ("eager", "replay", "auto", "graph"):
        found = rounds(fused(backend), 20, options.repeats)
        print(row(f"normalised loss, {backend}", found, "torch"))
    print(row("training step", rounds(training_step(), 50, options.repeats), "torch"))
    print(f"\nOver CuPy per operation: {over:.2f} µs (wanted: at most 1 µs).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
