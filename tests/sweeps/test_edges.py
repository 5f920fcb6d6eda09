"""Every row of the tables on inputs at the edge: layouts, no elements, NaN and infinity.

Values and gradients on any layout are those on contiguous memory. Of no elements they are NumPy's,
where NumPy has any. A NaN stays with its element or its matrix.
"""

from collections import Counter

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._core.watchers import Watcher, watch
from tensorxp.autograd.testing import floats, gradients, is_float, outputs_of, random_like, to_numpy
from tests.harness import sample
from tests.tables import rows

ROWS = rows()


def ids(found):
    """Return a name for each row, numbered where several have one."""
    seen = Counter()
    for row in found:
        seen[row.name] += 1
        yield f"{row.name}-{seen[row.name]}" if seen[row.name] > 1 else row.name


every_row = pytest.mark.parametrize("row", ROWS, ids=list(ids(ROWS)))


def strided(a):
    """Return the same numbers with gaps between them along each axis."""
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    inner = wide[(*[slice(None, None, 2) for _ in a.shape], ...)]
    inner[...] = a
    return inner


def reverse(a):
    """Return the same numbers with negative strides along each axis."""
    key = (slice(None, None, -1),) * a.ndim
    return a[key].copy()[key]


def transposed(a):
    """Return the same numbers in Fortran's order."""
    return np.array(a, order="F")


def spread(a):
    """Return the numbers at the first place of the first axis, repeated in no memory."""
    return np.broadcast_to(a[:1], a.shape) if a.ndim else a


def run(row, arrays):
    """Return values and gradients of a row on these very arrays."""
    tensors = [xp.asarray(a).detach() for a in arrays]
    for x in tensors:
        if row.gradients and is_float(x):
            x.requires_grad_()
    outs = outputs_of(row.fn(*tensors))
    found = [to_numpy(out) for out in outs]
    if row.gradients:
        cts = [xp.asarray(ct) for ct in random_like(floats(outs))]
        found += [None if g is None else to_numpy(g) for g in gradients(outs, tensors, cts)]
    return found


def assert_equal(found, expected, rtol=1e-12, told=""):
    assert len(found) == len(expected), told
    for a, b in zip(found, expected, strict=True):
        if b is None or a is None:
            assert a is b, told
            continue
        assert (a.shape, a.dtype) == (b.shape, b.dtype), told
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=told)


COPIED = [row for row in ROWS if not row.name.startswith("view")]  # views need their layout


@pytest.mark.parametrize("row", COPIED, ids=list(ids(COPIED)))
def test_layouts(row):
    for kind in ("real", "complex") if row.complex else ("real",):
        arrays = sample(row, kind)
        expected = run(row, [a.copy() for a in arrays])
        for layout in (strided, reverse, transposed):
            given = [layout(a) for a in arrays]
            assert_equal(run(row, given), expected, max(row.rtol, 1e-11), layout.__name__)
            for a, b in zip(given, arrays, strict=True):
                np.testing.assert_array_equal(a, b)


def outcome(call):
    try:
        with np.errstate(all="ignore"):
            return call()
    except (ValueError, IndexError, TypeError, RuntimeError, ZeroDivisionError) as error:
        return error


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", COPIED, ids=list(ids(COPIED)))
def test_read_only_memory(row):
    arrays = [spread(a) for a in sample(row)]
    expected = outcome(lambda: run(row, [a.copy() for a in arrays]))
    found = outcome(lambda: run(row, arrays))
    if isinstance(expected, Exception):  # a singular matrix and the like
        assert type(found) is type(expected)
    else:
        assert_equal(found, expected, 1e-11)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@every_row
def test_no_elements(row):
    """NumPy's value and gradients of the inputs' shapes, or an error, but never a crash."""
    arrays = [a[:0] for a in sample(row) if a.ndim]
    if len(arrays) < len(row.inputs):
        arrays = [a[:0] if a.ndim else a for a in sample(row)]
    expected = None if row.reference is None else outcome(lambda: row.reference(*arrays))
    found = outcome(lambda: run(row, arrays))
    if isinstance(found, Exception):
        # where NumPy warns and gives NaN, reads past the end, or does not look at the weights
        reasons = ("no elements", "sizes of a letter must be equal", "weights have shape (0,)")
        told = any(reason in str(found) for reason in reasons)
        assert told or expected is None or isinstance(expected, Exception), (found, expected)
        return
    if expected is not None and not isinstance(expected, Exception):
        values = [np.asarray(v) for v in outputs_of(expected)]
        assert_equal(found[: len(values)], values)
    if row.gradients:
        shapes = [a.shape for a in arrays if is_float(a)]
        grads = found[len(found) - len(shapes) :]
        assert [s if g is None else g.shape for g, s in zip(grads, shapes, strict=True)] == shapes


class Kinds(Watcher):
    def __init__(self):
        self.seen = set()

    def after(self, op, inputs, params, out):
        self.seen.add(op.kind if op.differentiable else "none")


def is_elementwise(row):
    arrays, kinds = sample(row), Kinds()
    with watch(kinds):
        outs = outputs_of(row.fn(*[xp.asarray(a) for a in arrays]))
    same = {a.shape for a in arrays if a.ndim} | {out.shape for out in outs}
    return kinds.seen == {"elementwise"} and len(same) == 1 and arrays[0].size > 1


ELEMENTWISE = [row for row in ROWS if is_elementwise(row)]


def test_there_are_elementwise_rows():
    assert len(ELEMENTWISE) > 100


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", ELEMENTWISE, ids=list(ids(ELEMENTWISE)))
def test_a_nan_stays_with_its_element(row):
    """So do infinities; elements whose own value is finite keep value and gradient."""
    arrays = sample(row)
    expected = run(row, arrays)
    for i, a in enumerate(arrays):
        if not is_float(a) or not a.ndim:
            continue
        for bad in (np.nan, np.inf, -np.inf):
            spoilt = [b.copy() for b in arrays]
            spoilt[i].flat[0] = bad
            found = outcome(lambda: run(row, spoilt))  # noqa: B023
            if isinstance(found, Exception):
                continue  # out of the domain, told before anything is computed
            for ours, theirs in zip(found, expected, strict=True):
                if theirs is not None and theirs.ndim:
                    np.testing.assert_allclose(
                        ours.reshape(-1)[1:], theirs.reshape(-1)[1:], rtol=1e-12, atol=1e-12,
                        err_msg=f"input {i} is {bad} at 0",
                    )  # fmt: skip
