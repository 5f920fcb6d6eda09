"""What tensorxp's time by PyTorch's in the same run must not exceed, per row of the tables."""

LATENCY = {
    "a + b": 0.35,
    "a * b": 0.35,
    "a + 2.0": 0.5,
    "sin(a)": 0.35,
    "a[1:3]": 0.5,
    "a @ b (4×4)": 0.9,
    "sum(a)": 0.9,
    "a + b, recorded": 0.3,
    "a * b, recorded": 0.3,
    "sin(a), recorded": 0.3,
    "chain of 10, per operation": 0.3,
    "chain of 100, per operation": 0.3,
}

PURE_LATENCY = {
    "a + b": 0.65,
    "a * b": 0.65,
    "a + 2.0": 0.5,
    "sin(a)": 0.65,
    "a[1:3]": 0.5,
    "a @ b (4×4)": 0.9,
    "sum(a)": 0.9,
    "a + b, recorded": 0.6,
    "a * b, recorded": 0.6,
    "sin(a), recorded": 0.6,
    "chain of 10, per operation": 0.5,
    "chain of 100, per operation": 0.6,
}

WORKLOADS = {
    ("chain", "10 operations"): 0.3,
    ("chain", "100 operations"): 0.3,
    ("cross_entropy", "forward"): 1.5,
    ("cross_entropy", "both"): 1.5,
    ("logsumexp", "both"): 1.0,
    ("gelu", "tanh, both"): 1.1,
    ("gelu", "erf, both"): 1.5,
    ("elementwise", "forward"): 1.0,
    ("elementwise", "both"): 1.4,
    ("standardise", "axis 0, both"): 0.8,
    ("standardise", "axis 1, both"): 0.8,
    ("mlp", "SGD"): 1.1,
    ("mlp", "Adam"): 1.1,
    ("cnn", "SGD"): 2.5,
    ("convolution", "forward"): 1.2,
    ("convolution", "both"): 1.2,
    ("logistic", "both"): 1.05,
    ("gaussian_process", "both"): 1.05,
    ("lotka_volterra", "both"): 0.5,
    ("jacobian", "reverse"): 1.0,
    ("gemm", "forward"): 1.0,
    ("lstm", "both"): 1.5,
    ("lstm", "cell by cell"): 1.5,
    ("transformer", "both"): 1.3,
}

PURE_WORKLOADS = WORKLOADS | {
    ("chain", "10 operations"): 0.5,
    ("chain", "100 operations"): 0.6,
}

SPEEDUP = {
    ("chain", "100 operations"): 2.0,
    ("lotka_volterra", "both"): 2.0,
    ("lstm", "both"): 2.0,
    ("lstm", "cell by cell"): 2.0,
}
"""How many times faster than eager `xp.compile` must be."""
JIT = 2.0
"""What `xp.compile` may take of JAX jit's time where the work is elementwise."""
ELEMENTWISE = ("gelu", "elementwise", "standardise", "logsumexp")

IMPORT_SECONDS = 0.05
"""Import time over NumPy's."""
INSTALLED_MB = 5.0
"""Installed size over NumPy's, 2 MB of it for the compiled parts."""
PEAK = 1.1
"""Peak memory of a workload by PyTorch's."""
