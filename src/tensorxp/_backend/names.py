"""The names of modules: what `dir` lists, and the errors of unknown ones.

These say what a function of another library is called here, or which name is near.
"""

import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

_OTHER_NAMES = {
    "absolute": "abs", "addmm": "add(c, matmul(a, b))", "amax": "max", "amin": "min",
    "append": "concat", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "argpartition": "argsort",
    "array": "asarray", "as_tensor": "asarray", "bmm": "matmul", "cat": "concat",
    "cholesky": "linalg.cholesky", "chunk": "x.chunk(chunks, dim)", "clamp": "clip",
    "clamp_max": "minimum", "clamp_min": "maximum", "clone": "copy", "conjugate": "conj",
    "cross": "linalg.cross", "det": "linalg.det", "detach": "x.detach()",
    "diagonal": "linalg.diagonal", "digamma": "special.digamma", "dist": "linalg.norm(x - y)",
    "div": "divide", "eigh": "linalg.eigh", "eq": "equal", "erf": "special.erf",
    "expand": "broadcast_to", "fabs": "abs", "from_array": "asarray",
    "gather": "take_along_axis(x, index, axis=dim)", "ge": "greater_equal",
    "gelu": "nn.functional.gelu", "ger": "outer", "grad": "autograd.grad", "gt": "greater",
    "hessian": "autograd.hessian", "in1d": "isin", "index_select": "take(x, index, axis=dim)",
    "inv": "linalg.inv", "inverse": "linalg.inv", "invert": "bitwise_invert",
    "jacobian": "autograd.jacobian", "jit": "compile", "jvp": "autograd.jvp",
    "kthvalue": "sort(x)[..., k - 1]", "le": "less_equal", "left_shift": "bitwise_left_shift",
    "lgamma": "special.gammaln", "log_softmax": "nn.functional.log_softmax",
    "logsumexp": "special.logsumexp", "lstsq": "linalg.lstsq", "lt": "less",
    "masked_fill": "where(mask, value, x)", "masked_select": "x[mask]",
    "matrix_power": "linalg.matrix_power", "mm": "matmul", "mod": "remainder",
    "movedim": "moveaxis", "mul": "multiply", "multi_dot": "linalg.multi_dot", "mv": "matmul",
    "narrow": "x[start : start + length]", "ne": "not_equal", "neg": "negative",
    "norm": "linalg.norm", "partition": "sort", "permute": "permute_dims", "pinv": "linalg.pinv",
    "polygamma": "special.polygamma", "power": "pow", "qr": "linalg.qr",
    "relu": "nn.functional.relu", "right_shift": "bitwise_right_shift",
    "rsqrt": "reciprocal(sqrt(x))", "scatter": "x[key] = values on a copy(x)",
    "scatter_add": "index_add(x, key, values)", "sgn": "sign", "sigmoid": "nn.functional.sigmoid",
    "slogdet": "linalg.slogdet", "softmax": "nn.functional.softmax", "solve": "linalg.solve",
    "split": "x.split(size, dim)", "stop_gradient": "x.detach()", "sub": "subtract",
    "svd": "linalg.svd", "swapdims": "swapaxes",
    "topk": "sort(x, descending=True)[..., :k], and argsort for the places",
    "trace": "linalg.trace", "trapz": "trapezoid", "true_divide": "divide", "unbind": "unstack",
    "unique": "unique_values", "unsqueeze": "expand_dims",
    "value_and_grad": "autograd.value_and_grad", "view": "reshape", "vjp": "autograd.vjp",
}  # fmt: skip


def hint(name: str) -> str:
    """Return the end of an error about an unknown name: what it is called here, if known."""
    found = _OTHER_NAMES.get(name)
    if not found:
        return ""
    how = "called" if found.replace(".", "").isidentifier() else "written"
    return f"; here it is {how} {found}"


def listing(module: dict[str, Any], *lazy: str) -> Callable[[], list[str]]:
    """Return the `__dir__` of a module: its public names, also those that load when first used."""

    def names() -> list[str]:
        special = [name for name in module if name[:2] == "__"]
        return sorted({*module["__all__"], *lazy, *special})

    return names


class UnknownName(AttributeError):
    """A module has no such name; an AttributeError for all who see it.

    The message looks for what is near when it is read, since callers who probe for names don't.
    """

    #: None, whatever Python sets, whose traceback would add what it finds near to the message.
    name = property(lambda self: None, lambda self, value: None)

    def __reduce__(self) -> tuple[Any, ...]:
        return AttributeError, (str(self),)

    def __repr__(self) -> str:
        return f"AttributeError({str(self)!r})"

    def __str__(self) -> str:
        module, name = self.args
        text = f"module {module!r} has no attribute {name!r}"
        found = hint(name) if "." not in module else ""
        if not found:
            near = get_close_matches(name, dir(sys.modules[module]), 1, 0.7)
            found = f"; did you mean {near[0]!r}?" if near else ""
        return text + found


UnknownName.__module__ = "builtins"
UnknownName.__name__ = UnknownName.__qualname__ = "AttributeError"


class Size(int):
    """The number of elements of a Tensor; calling it, as PyTorch's method, says what does that."""

    __slots__ = ()

    def __call__(self, *dim: Any, **words: Any) -> None:
        raise TypeError(
            "size: an attribute, the number of elements, as in NumPy; what PyTorch's size() gives "
            "is x.shape, and size(0) x.shape[0]"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)


class Elsewhere:
    """A method of PyTorch's tensors that Tensors lack: its AttributeError says what does it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: Any = None) -> None:
        raise AttributeError(f"'Tensor' object has no attribute {self._name!r}{hint(self._name)}")
