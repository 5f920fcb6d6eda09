"""What other libraries call the functions of the namespace, for the error of an unknown name."""

_OTHER_NAMES = {
    "absolute": "abs", "amax": "max", "amin": "min", "arccos": "acos", "arccosh": "acosh",
    "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2",
    "arctanh": "atanh", "array": "asarray", "as_tensor": "asarray", "cat": "concat",
    "clamp": "clip", "conjugate": "conj", "det": "linalg.det", "from_array": "asarray",
    "gelu": "nn.functional.gelu", "grad": "autograd.grad", "hessian": "autograd.hessian",
    "invert": "bitwise_invert", "jacobian": "autograd.jacobian", "jvp": "autograd.jvp",
    "left_shift": "bitwise_left_shift", "mm": "matmul", "mul": "multiply", "neg": "negative",
    "norm": "linalg.norm", "permute": "permute_dims", "power": "pow",
    "relu": "nn.functional.relu",
    "right_shift": "bitwise_right_shift", "rsqrt": "reciprocal(sqrt(x))",
    "sigmoid": "nn.functional.sigmoid", "softmax": "nn.functional.softmax", "sub": "subtract",
    "svd": "linalg.svd", "true_divide": "divide", "unbind": "unstack",
    "unique": "unique_values", "unsqueeze": "expand_dims", "value_and_grad":
    "autograd.value_and_grad", "view": "reshape", "vjp": "autograd.vjp",
}  # fmt: skip


def hint(name: str) -> str:
    """Return the end of an error about an unknown name: what it is called here, if known."""
    found = _OTHER_NAMES.get(name)
    return f"; here it is called {found}" if found else ""
