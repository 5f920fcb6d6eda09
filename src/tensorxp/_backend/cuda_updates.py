"""Steps of optimisers on CUDA: one kernel per parameter that reads and writes each array once.

Scalars are arguments, so that a changing learning rate compiles nothing anew. Half precision
is computed in single. The formulas are those of `optim.SGD`, `optim.Adam` and `optim.AdamW`.
"""

from functools import cache
from importlib import import_module
from typing import Any

#: C is the type in which it is computed. g the gradient, p the parameter, both in place.
_TOTAL = "C w = C(p) * C(keep), d = C(g); if (maximize) d = -d; d += C(decay) * w;"
_STEP = "p = T(w - C(lr) * d);"
#: Inputs besides g, states, and the C++ of each step.
UPDATES: dict[str, tuple[str, str, str]] = {
    "sgd": ("float64 lr, float64 keep, float64 decay, bool maximize", "", _TOTAL + _STEP),
    "sgd_momentum": (
        "float64 lr, float64 keep, float64 decay, bool maximize, float64 momentum, "
        "float64 fresh, bool nesterov, bool first",
        "T b",
        _TOTAL + """
C m = first ? d : C(momentum) * C(b) + C(fresh) * d;
b = T(m);
d = nesterov ? d + C(momentum) * m : m;
""" + _STEP,
    ),
    "adam": (
        "float64 lr, float64 keep, float64 decay, bool maximize, float64 beta1, float64 beta2, "
        "float64 root, float64 eps",
        "T m, T v",
        _TOTAL + """
C first = C(m) + C(1 - beta1) * (d - C(m)), second = C(beta2) * C(v) + C(1 - beta2) * d * d;
m = T(first);
v = T(second);
d = first / (sqrt(second) / C(root) + C(eps));
""" + _STEP,
    ),
    # a NaN stays the greatest
    "adam_max": (
        "float64 lr, float64 keep, float64 decay, bool maximize, float64 beta1, float64 beta2, "
        "float64 root, float64 eps",
        "T m, T v, T x",
        _TOTAL + """
C first = C(m) + C(1 - beta1) * (d - C(m)), second = C(beta2) * C(v) + C(1 - beta2) * d * d;
C most = C(x);
m = T(first);
v = T(second);
if (second > most || second != second) most = second;
x = T(most);
d = first / (sqrt(most) / C(root) + C(eps));
""" + _STEP,
    ),
}  # fmt: skip


def source(name: str, compute: str) -> tuple[str, str, str]:
    """Return the inputs, outputs and C++ of a step that computes in `compute`."""
    inputs, states, code = UPDATES[name]
    outputs = f"T p, {states}" if states else "T p"
    return f"T g, {inputs}", outputs, f"typedef {compute} C;\n{code}"


@cache
def kernel(name: str, compute: str) -> Any:
    """Return the kernel of a step, compiled by CuPy when it is first used."""
    return import_module("cupy").ElementwiseKernel(*source(name, compute), f"tensorxp_{name}")


def step(rule: str, arrays: list[Any], c: tuple[Any, ...]) -> bool:
    """Do one step of "sgd" or "adam" on [p, g, *states] in place, with the constants of its rule.

    False where the arrays are not of one real dtype; nothing is changed then.
    """
    p, g, *states = arrays
    if p.dtype.kind != "f" or any(a.dtype != p.dtype for a in arrays):
        return False
    if rule == "sgd":
        lr, momentum, dampening, decay, nesterov, maximize, first = c
        common = (lr, 1.0, decay, bool(maximize))
        extra = (momentum, 1 - dampening, bool(nesterov), bool(first)) if states else ()
        name = "sgd_momentum" if states else "sgd"
    else:
        size, root, beta1, beta2, decay, keep, eps, maximize = c
        common, extra = (size, keep, decay, bool(maximize)), (beta1, beta2, root, eps)
        name = "adam_max" if len(states) > 2 else "adam"
    compute = "double" if p.dtype.itemsize == 8 else "float"
    kernel(name, compute)(g, *common, *extra, p, *states)
    return True
