"""Sets: values, indices, inverse and counts; NaN and signed zeros; gradients of the values."""

import numpy as np

import tensorxp as xp
from tensorxp.autograd.testing import integers, spaced
from tests.harness import Row, table

ROWS = [
    Row("unique_values", xp.unique_values, (spaced(3, 4),), np.unique, complex=True),
    Row("unique_all", lambda x: xp.unique_all(x)[0], (spaced(3, 4),), np.unique),
    Row("unique_all integers", xp.unique_all, (integers(0, 4, 3, 4),), np.unique_all),
    Row("unique_counts", xp.unique_counts, (integers(0, 4, 3, 4),), np.unique_counts),
    Row("unique_inverse", xp.unique_inverse, (integers(0, 4, 3, 4),), np.unique_inverse),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_fields():
    x = xp.asarray([[3, 1], [1, 2]])
    found = xp.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    assert found.inverse_indices.shape == (2, 2)
    np.testing.assert_array_equal(found.values[found.inverse_indices].numpy(), x.numpy())
    assert xp.unique_counts(x)._fields == ("values", "counts")
    assert xp.unique_inverse(x)._fields == ("values", "inverse_indices")


def test_recorded_and_plain_results_are_alike():
    x = xp.asarray([2.0, 1.0, 2.0])
    for fn in (xp.unique_all, xp.unique_counts, xp.unique_inverse):
        plain, recorded = fn(x), fn(x.detach().requires_grad_())
        for a, b in zip(plain, recorded, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.detach().numpy())
        assert recorded.values.requires_grad


def test_nans_are_distinct_and_zeros_are_one():
    x = xp.asarray([xp.nan, 0.0, -0.0, xp.nan])
    assert xp.unique_values(x).shape == (3,)
    assert xp.unique_counts(x).counts.numpy().tolist() == [2, 1, 1]


def test_gradient_goes_to_first_occurrences():
    x = xp.asarray([2.0, 1.0, 2.0]).requires_grad_()
    xp.sum(xp.unique_values(x)).backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0, 0.0]


def test_empty():
    assert xp.unique_values(xp.zeros((0, 2))).shape == (0,)
    assert xp.unique_inverse(xp.zeros((0, 2))).inverse_indices.shape == (0, 2)
