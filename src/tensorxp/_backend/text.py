"""Small things that tables and pages share: sizes, shapes and times as text."""

from html import escape

#: The style of tables of numbers in notebooks.
MONO = "font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"


class Table(str):
    """Text in lines and columns, which the prompt and notebooks show as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<pre style="{MONO}">{escape(self)}</pre>'


def size_text(n: float) -> str:
    """Return a number of bytes with three digits and its unit: "1.2 kB", "34 B"."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n) < 999.5 or unit == "GB":
            return f"{n:.0f} {unit}" if unit == "B" or abs(n) >= 99.5 else f"{n:.3g} {unit}"
        n /= 1000
    raise AssertionError


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as "64×10", that of a scalar as "()"."""
    return "×".join(map(str, shape)) if shape else "()"


def time_text(seconds: float) -> str:
    """Return a time with three digits and its unit: "12.3 ms"."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.9995 or unit == "µs":
            value = seconds * factor
            return f"{value:.0f} {unit}" if value >= 99.5 else f"{value:.3g} {unit}"
    raise AssertionError
