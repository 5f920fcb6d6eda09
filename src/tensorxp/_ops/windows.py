"""`Window` and `Steps`: the geometry of sliding windows, and padded raw arrays."""

from typing import Any, NamedTuple


class Steps(NamedTuple):
    """How a convolution's windows move: stride and dilation, padding as pairs; and groups."""

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1


class Window(NamedTuple):
    """A window over the last axes: sizes per axis, padding as pairs (before, behind)."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of axes that the window spans."""
        return len(self.kernel)

    @property
    def is_padded(self) -> bool:
        """Whether there is any padding."""
        return any(lo or hi for lo, hi in self.padding)

    @property
    def is_disjoint(self) -> bool:
        """Whether no element is in two windows."""
        return all(
            s > d * (k - 1) for k, s, d in zip(self.kernel, self.stride, self.dilation, strict=True)
        )

    def counts(self, size: Any) -> tuple[int, ...]:
        """Return how many windows fit along each axis of an image of `size`."""
        return tuple(
            (n + lo + hi - d * (k - 1) - 1) // s + 1
            for n, k, s, (lo, hi), d in zip(size, *self, strict=True)
        )

    def padded(self, size: Any) -> tuple[int, ...]:
        """Return `size` with padding."""
        return tuple(n + lo + hi for n, (lo, hi) in zip(size, self.padding, strict=True))

    def inner(self, size: Any) -> tuple[Any, ...]:
        """Return the key of an image of `size` within the padded one."""
        return (..., *(slice(lo, lo + n) for n, (lo, _) in zip(size, self.padding, strict=True)))

    def taps(self, counts: Any) -> list[tuple[Any, ...]]:
        """Return, for each tap in C order, the key of what it sees of the padded image."""
        places: list[tuple[Any, ...]] = [(...,)]
        for k, s, d, o in zip(self.kernel, self.stride, self.dilation, counts, strict=True):
            places = [
                (*before, slice(i * d, i * d + (o - 1) * s + 1, s))
                for before in places
                for i in range(k)
            ]
        return places

    def pad(self, xp: Any, x: Any, value: Any) -> Any:
        """Return the raw array `x` padded by a constant, itself where there is no padding."""
        if not self.is_padded:
            return x
        lead, size = x.shape[: x.ndim - self.ndim], x.shape[x.ndim - self.ndim :]
        out = xp.full((*lead, *self.padded(size)), value, dtype=x.dtype)
        out[self.inner(size)] = x
        return out

    def crop(self, padded: Any, size: Any) -> Any:
        """Return the image of `size` within a padded one, as a view."""
        return padded[self.inner(size)] if self.is_padded else padded
