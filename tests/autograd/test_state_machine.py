"""Random programs of views, in-place writes, detach and no_grad do what PyTorch's do."""

import warnings

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.autograd import programs

NAMES = [
    "leaf", "view", "unary", "binary", "write", "detach", "clone", "gather", "backward",
    "no_grad view", "no_grad write",
]  # fmt: skip
#: What makes programs interesting comes more often.
WEIGHTED = [*NAMES, "view", "view", "write", "write", "backward"]

number = st.integers(0, 63)
instruction = st.tuples(st.sampled_from(WEIGHTED), number, number, number)


@settings(
    max_examples=300, deadline=None, derandomize=True, print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(instruction, min_size=2, max_size=14))
def test_programs(program):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch on .T of 1-d tensors
        programs.run([("leaf", 1, 0, 1), *program])
