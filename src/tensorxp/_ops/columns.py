"""Raw kernels of convolution: windows copied into columns, then one matrix product per block.

A block of images is laid out channel-major, (C, B, *padded), so that one product serves all of
it. For stride 1 the columns are shifts of that flat buffer (long runs to copy; what falls
between rows is cropped from the product); otherwise they are copies of the windows.
"""

from math import prod
from typing import Any

from tensorxp._backend.blocks import on_host

LIMIT = 1 << 18  # elements of a block of columns on the CPU: they stay in the cache


class Geometry:
    """Sizes of one convolution, from the shapes of x and weight and its parameters."""

    __slots__ = (
        "batch", "dilation", "groups", "inputs", "kernel", "out", "outputs", "padding", "size",
        "stride", "taps",
    )  # fmt: skip

    def __init__(
        self, x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> None:
        self.batch, self.inputs = x[0], x[1]
        self.outputs = weight[0]
        self.size = tuple(x[2:])
        self.kernel = tuple(weight[2:])
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups = groups
        self.taps = prod(self.kernel)
        self.out = tuple(
            (n + lo + hi - d * (k - 1) - 1) // s + 1
            for n, k, s, (lo, hi), d in zip(
                self.size, self.kernel, stride, padding, dilation, strict=True
            )
        )

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial sizes with padding."""
        return tuple(n + lo + hi for n, (lo, hi) in zip(self.size, self.padding, strict=True))

    @property
    def plain(self) -> bool:
        """Whether the windows are the image itself: a kernel of one, without stride or padding."""
        return self.taps == 1 and set(self.stride) == {1} and self.padded == self.size

    def flipped(self) -> "Geometry | None":
        """Return the convolution of the cotangent that gives x's, or None for a stride."""
        if set(self.stride) != {1}:
            return None
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True)]
        padding = tuple((r - lo, r - hi) for r, (lo, hi) in zip(reach, self.padding, strict=True))
        if any(p < 0 for pair in padding for p in pair):
            return None
        weight = (self.inputs, self.outputs // self.groups, *self.kernel)
        x = (self.batch, self.outputs, *self.out)
        return Geometry(x, weight, self.stride, padding, self.dilation, self.groups)


class Blocks:
    """The buffers of a convolution: fills columns for one block of images after another."""

    def __init__(self, xp: Any, geometry: Geometry, dtype: Any) -> None:
        self.xp, self.g = xp, geometry
        g = geometry
        padded, out = g.padded, g.out
        self.flat = set(g.stride) == {1} and prod(padded) <= 1.35 * prod(out)
        per_image = g.inputs * g.taps * prod(padded if self.flat else out)
        count = max(1, LIMIT // max(per_image, 1)) if on_host(xp) else g.batch
        self.count = min(count, max(g.batch, 1))
        self.buffer = xp.zeros((g.inputs, self.count, *padded), dtype=dtype)
        self.inner = tuple(slice(lo, lo + n) for n, (lo, _) in zip(g.size, g.padding, strict=True))
        self.run = self.count * prod(padded) - self._reach() if self.flat else 0
        length = self.run if self.flat else self.count * prod(out)
        self.columns = xp.empty((g.inputs, *g.kernel, length), dtype=dtype)
        self.matrix = self.columns.reshape(g.groups, g.inputs // g.groups * g.taps, length)
        self.length = length
        self.windows = self._windows()

    def _reach(self) -> int:
        """Return the offset of the last tap in the flat buffer."""
        reach, pitch = 0, 1
        g = self.g
        for n, k, d in zip(reversed(g.padded), reversed(g.kernel), reversed(g.dilation),
                           strict=True):  # fmt: skip
            reach += (k - 1) * d * pitch
            pitch *= n
        return reach

    def _windows(self) -> Any:
        g, buffer = self.g, self.buffer
        steps = buffer.strides
        taps = tuple(s * d for s, d in zip(steps[2:], g.dilation, strict=True))
        if self.flat:
            shape: tuple[int, ...] = (g.inputs, *g.kernel, self.run)
            strides: tuple[int, ...] = (steps[0], *taps, buffer.itemsize)
        else:
            shape = (g.inputs, *g.kernel, self.count, *g.out)
            moves = tuple(s * n for s, n in zip(steps[2:], g.stride, strict=True))
            strides = (steps[0], *taps, steps[1], *moves)
        return self.xp.base.lib.stride_tricks.as_strided(buffer, shape, strides)

    def fill(self, images: Any) -> None:
        """Copy a block of images (B, C, *S) into the buffer and its windows into the columns."""
        n = len(images)
        target = self.buffer[(slice(None), slice(0, n), *self.inner)]
        if n < self.count:
            self.buffer[:, n:] = 0
        self.xp.base.copyto(target, images.swapaxes(0, 1))
        columns = self.columns if self.flat else self.columns.reshape(self.windows.shape)
        self.xp.base.copyto(columns, self.windows)

    def result(self, flat: Any, n: int) -> Any:
        """View a product (groups, O / groups, length) as images (n, O, *out)."""
        g = self.g
        if self.flat:
            shape: tuple[int, ...] = (g.outputs, self.count, *g.padded)
            pitch = flat.itemsize
            tail: list[int] = []
            for size in reversed(shape[1:]):
                tail.append(pitch)
                pitch *= size
            view = self.xp.base.lib.stride_tricks.as_strided(
                flat, (g.outputs, n, *g.out), (flat.itemsize * self.length, *reversed(tail))
            )
        else:
            view = flat.reshape(g.outputs, self.count, *g.out)[:, :n]
        return view.swapaxes(0, 1)

    def spread_out(self, images: Any, out: Any) -> None:
        """Write images (n, O, *out) where `result` would read them; the rest of `out` is zero."""
        self.xp.base.copyto(self.result(out, len(images)), images)


def _grouped(weight: Any, groups: int) -> Any:
    return weight.reshape(groups, weight.shape[0] // groups, -1)


def convolve(xp: Any, x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    """Return the convolution (N, O, *out) of x (N, C, *S)."""
    dtype = xp.result_type(x, weight) if bias is None else xp.result_type(x, weight, bias)
    out = xp.empty((g.batch, g.outputs, *g.out), dtype=dtype)
    if out.size == 0:
        return out
    if g.plain and g.groups == 1:
        flat = out.reshape(g.batch, g.outputs, -1)
        matrix = weight.reshape(g.outputs, g.inputs)
        xp.base.matmul(matrix, x.reshape(g.batch, g.inputs, -1), out=flat)
        if bias is not None:
            flat += bias[:, None]
        return out
    blocks = Blocks(xp, g, dtype)
    matrix = _grouped(weight.astype(dtype, copy=False), g.groups)
    product = xp.empty((g.groups, g.outputs // g.groups, blocks.length), dtype=dtype)
    shift = None if bias is None else bias.reshape(-1, *(1,) * len(g.out))
    for start in range(0, g.batch, blocks.count):
        images = x[start : start + blocks.count]
        blocks.fill(images)
        xp.base.matmul(matrix, blocks.matrix, out=product)
        view = blocks.result(product, len(images))
        target = out[start : start + blocks.count]
        if shift is None:
            xp.base.copyto(target, view)
        else:
            xp.base.add(view, shift, out=target)
    return out


def _flip(xp: Any, weight: Any, g: Geometry) -> Any:
    """Return the weight (C, O / groups, *K) that gives x's cotangent from the output's."""
    per_group = weight.shape[1]
    w = weight.reshape(g.groups, g.outputs // g.groups, per_group, *g.kernel).swapaxes(1, 2)
    w = w.reshape(g.inputs, g.outputs // g.groups, *g.kernel)
    return w[(slice(None), slice(None), *(slice(None, None, -1),) * len(g.kernel))]


def spread(xp: Any, y: Any, weight: Any, g: Geometry) -> Any:
    """Return x's cotangent (N, C, *S) of the output's y (N, O, *out)."""
    flipped = g.flipped()
    if flipped is not None:
        return convolve(xp, y, _flip(xp, weight, g), None, flipped)
    dtype = xp.result_type(y, weight)
    out = xp.empty((g.batch, g.inputs, *g.size), dtype=dtype)
    if out.size == 0 or y.size == 0:
        out[...] = 0
        return out
    blocks = Blocks(xp, g, dtype)
    _spread_blocks(xp, y, weight.astype(dtype, copy=False), g, blocks, out, None)
    return out


def weigh(xp: Any, x: Any, y: Any, g: Geometry) -> Any:
    """Return the weight's cotangent (O, C / groups, *K) of x and the output's y."""
    dtype = xp.result_type(x, y)
    total = xp.zeros((g.groups, g.outputs // g.groups, g.inputs // g.groups * g.taps), dtype=dtype)
    if x.size and y.size:
        blocks = Blocks(xp, g, dtype)
        laid = xp.zeros((g.groups, g.outputs // g.groups, blocks.length), dtype=dtype)
        for start in range(0, g.batch, blocks.count):
            images = x[start : start + blocks.count]
            if len(images) < blocks.count:
                laid[...] = 0
            blocks.fill(images)
            blocks.spread_out(y[start : start + blocks.count], laid)
            total += laid @ blocks.matrix.swapaxes(1, 2)
    return total.reshape(g.outputs, g.inputs // g.groups, *g.kernel)


def _spread_blocks(
    xp: Any, y: Any, weight: Any, g: Geometry, blocks: Blocks, out: Any, weigh_too: Any
) -> None:
    """Add the products' columns back to their windows, block by block."""
    matrix = _grouped(weight, g.groups).swapaxes(1, 2)
    laid = xp.zeros((g.groups, g.outputs // g.groups, blocks.count * prod(g.out)), dtype=out.dtype)
    shape = (g.inputs, g.taps, blocks.count, *g.out)
    for start in range(0, g.batch, blocks.count):
        part = y[start : start + blocks.count]
        n = len(part)
        view = laid.reshape(g.outputs, blocks.count, *g.out)
        xp.base.copyto(view[:, :n], part.swapaxes(0, 1))
        if n < blocks.count:
            view[:, n:] = 0
        columns = (matrix @ laid).reshape(shape)
        blocks.buffer[...] = 0
        for tap, places in enumerate(_taps(g)):
            blocks.buffer[(slice(None), slice(None), *places)] += columns[:, tap]
        inner = blocks.buffer[(slice(None), slice(0, n), *blocks.inner)]
        xp.base.copyto(out[start : start + n], inner.swapaxes(0, 1))
    blocks.buffer[...] = 0


def _taps(g: Geometry) -> list[tuple[slice, ...]]:
    """Return, for each tap of the kernel, the places of the padded image that it sees."""
    places: list[tuple[slice, ...]] = [()]
    for k, s, d, o in zip(g.kernel, g.stride, g.dilation, g.out, strict=True):
        places = [
            (*before, slice(i * d, i * d + (o - 1) * s + 1, s))
            for before in places
            for i in range(k)
        ]
    return places


def pull_back(xp: Any, ct: Any, x: Any, weight: Any, g: Geometry, needs: Any) -> tuple[Any, Any]:
    """Return the cotangents of x and weight, by one set of columns where both are wanted."""
    flipped = g.flipped()
    if not (needs[0] and needs[1]) or flipped is None or not ct.size or not x.size:
        back = spread(xp, ct, weight, g) if needs[0] else None
        return back, weigh(xp, x, ct, g) if needs[1] else None
    # columns of ct at the places of x: dx = Wᵀ columns, and dWᵀ = x columnsᵀ
    f = flipped
    dtype = xp.result_type(ct, x, weight)
    blocks = Blocks(xp, f, dtype)
    out = xp.empty(x.shape, dtype=dtype)
    matrix = _grouped(_flip(xp, weight, g).astype(dtype, copy=False), g.groups)
    rows = f.outputs // f.groups
    laid = xp.zeros((f.groups, rows, blocks.length), dtype=dtype)
    product = xp.empty((f.groups, rows, blocks.length), dtype=dtype)
    total = xp.zeros((f.groups, rows, f.inputs // f.groups * f.taps), dtype=dtype)
    for start in range(0, g.batch, blocks.count):
        part = slice(start, start + blocks.count)
        n = len(out[part])
        blocks.fill(ct[part])
        xp.base.matmul(matrix, blocks.matrix, out=product)
        xp.base.copyto(out[part], blocks.result(product, n))
        if n < blocks.count:
            laid[...] = 0
        blocks.spread_out(x[part], laid)
        total += laid @ blocks.matrix.swapaxes(1, 2)
    # total is (groups, C/groups, O/groups, *K flipped)
    w = total.reshape(g.groups, rows, g.outputs // g.groups, *g.kernel).swapaxes(1, 2)
    w = w.reshape(g.outputs, rows, *g.kernel)
    return out, w[(slice(None), slice(None), *(slice(None, None, -1),) * len(g.kernel))]
