"""Measure how accurate elementwise functions are, and write `accuracy.md`.

Run `python docs/make_accuracy.py` from a checkout. The cases and right values are those of
`tests/sweeps/test_range.py`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.accuracy import DOUBLE, SINGLE, Bound, Case, Found, measure
from tests.accuracy_cases import BOUNDS, CASES

TARGET = HERE / "accuracy.md"

HEAD = """# Accuracy

This page shows how far the values and first derivatives of elementwise functions are from the
exact ones. The unit is the *ulp*, the distance from the exact result to the next number of its
dtype: a correctly rounded result has an error of at most 0.5 ulp.

- Each function is tried at {double} points in float64 and at {single} in float32. The points cover
  all exponents, from subnormal numbers to the largest ones, and lie close to roots, poles and the
  places where a formula changes.
- The exact results come from [mpmath](https://mpmath.org), with as many digits as it takes.
- `tests/sweeps/test_range.py` holds every function to a bound near the errors shown here, in
  reverse and in forward mode, on small and on large arrays, with and without the compiled loops.
- {good} of {count} cases stay within 4 ulp in value and within 6 ulp in derivative, in both dtypes.
  Where an error is larger, the last column says why. In float64 the exact result is rounded first,
  so 0.0 stands for at most half an ulp.

Some errors cannot be avoided or are left on purpose:

- **Near an irrational root** the value is smaller than the rounding errors of the terms that
  cancel there. The error is then given relative to those terms, or to the amplitude of a wave.
- **`sigmoid` and `tanh`** compute their derivative from their output, as PyTorch does, so that
  their input may be overwritten. Where the output rounds to 1, the derivative is 0; its error is
  given relative to 1. `special.expit` keeps its input instead and is accurate in both tails.
- **SciPy's values**: many special functions are SciPy's. tensorxp replaces them where they lose
  all digits; smaller losses remain, mostly in float64.
- **Densities** are exponentials: a small error of the exponent becomes a relative error that grows
  with the exponent. They are computed so that it stays below about 1.5 ulp for each unit of the
  exponent, far from the mode as well as close to it.
- **Inverses** (`betaincinv`, `gammaincinv`, …) have their derivative at the rounded result.

Measured with NumPy {numpy} and SciPy {scipy}; other versions and processors may differ slightly.

| function | dtype | value | where | derivative | where | why not better |
|---|---|---:|---|---:|---|---|
"""


def number(x: float) -> str:
    """Return an error as text."""
    return f"{x:.1f}" if x < 100 else f"{x:.0f}"


def place(point: Any) -> str:
    """Return a point as text."""
    return ", ".join(f"{x:.4g}" for x in point)


def line(case: Case, dtype: str, found: Found) -> str:
    """Return the row of a case in one dtype."""
    slope = max(found.slopes, key=lambda errors: errors.max())
    cells = [f"`{case.name}`", dtype]
    for errors in (found.value, slope):
        k = int(errors.argmax())
        cells += [number(errors[k]), place(found.points[k])]
    why = "; ".join(filter(None, (case.why, BOUNDS.get(case.name, Bound()).why)))
    return "| " + " | ".join([*cells, why]) + " |"


def main() -> None:
    """Write the page."""
    lines, good = [], 0
    for case in CASES:
        fine = True
        for dtype in ("float64", "float32"):
            found = measure(case, dtype, forward=False)
            fine &= found.value.max() <= 4 and max(e.max() for e in found.slopes) <= 6
            lines.append(line(case, dtype, found))
        good += fine
    head = HEAD.format(
        double=SINGLE + DOUBLE, single=SINGLE, good=good, count=len(CASES),
        numpy=np.__version__, scipy=scipy.__version__,
    )  # fmt: skip
    TARGET.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
