"""Views and in-place writes: gradients, versions, and the errors that protect them."""

import copy
import pickle
import threading
from contextlib import nullcontext

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import assert_close


def check(fn, *arrays):
    """Compare gradients of `fn`, which writes in place, with central differences."""
    xs = [xp.asarray(a, requires_grad=True) for a in arrays]
    out = fn(*xs)
    weights = np.random.default_rng(0).normal(size=out.shape)
    grads = xp.autograd.grad(xp.sum(out * xp.asarray(weights)), xs, materialize_grads=True)
    for i, (a, g) in enumerate(zip(arrays, grads, strict=True)):
        direction = np.random.default_rng(i + 1).normal(size=np.shape(a))
        ends = []
        for step in (1e-6, -1e-6):
            steps = [step * direction if j == i else 0.0 for j in range(len(arrays))]
            moved = [xp.asarray(b + s) for b, s in zip(arrays, steps, strict=True)]
            ends.append(np.sum(fn(*moved).numpy() * weights))
        assert_close(float(np.sum(g.numpy() * direction)), (ends[0] - ends[1]) / 2e-6)


A = np.array([[0.3, -0.5, 0.7], [0.2, 0.9, -0.4]])
B = np.array([0.6, -0.8, 0.1])


def assign_one(a, b):
    y = a * 2
    y[0, 1] = b[2]
    return y * y


def view_then_write(a, b):
    y = a * 2
    v = y[1:]
    v *= b
    return y * y + xp.sum(v)


def base_seen_by_views(a, b):
    y = a * 2
    row, column, flat = y[0], y[:, 1], xp.reshape(y, (6,))
    y *= xp.sin(b)
    return row + column[0] + flat[3:] * xp.sum(column)


def view_of_view(a, b):
    y = a * 2
    v = y.T[1:][:, 0]
    v *= b[:2]
    y[0] -= v[0]
    return y * y


def overlapping_views(a, b):
    y = a * 2
    left, right = y[:, :2], y[:, 1:]
    left *= 3
    right += left + b[:2]
    return y * left[0, 1]


def mask(a, b):
    y = a * 2
    y[a > 0] = b[0]
    y[y < 0] *= 2
    return y * y


def mask_of_values(a, b):
    y = a * 1
    y[xp.asarray([[True, False, True], [False, False, True]])] = b * b
    return y * y


def advanced(a, b):
    y = a * 2
    y[[1, 0], [2, 0]] = b[:2]
    y[:, [0, 2]] *= b[1]
    return y * y


def repeated_index(a, b):
    y = a * 2
    y[0][[0, 1, 0]] = b  # the last of several writes to a place stays
    y[1, [2, 2]] += b[:2]
    return y * y


def broadcast_write(a, b):
    y = a * 2
    y[...] = b
    y[:, None, 1] = b[:1]
    return y * y


def negative_steps(a, b):
    y = a * 2
    v = y[::-1, ::-2]
    v[...] = b[:2] * xp.copy(v)
    return y * y


def through_one_element(a, b):
    y = a * 2
    cell = y[1, 2]
    cell *= b[0]
    return y * cell


def original_needed(a, b):
    y = a + 3
    y *= b  # needs y from before
    y *= y
    y /= b + 2
    y **= 2
    return y


def other_is_a_view_of_the_target(a, b):
    y = a * b
    y *= y[0]
    y -= y[:, ::-1]
    return y


def value_is_a_view_of_the_target(a, b):
    y = a * b
    y[1] = y[0] * 2
    y[0, :2] = y[0, 1:]
    return y * y


def into_zeros(a, b):
    y = xp.zeros((2, 3))
    v = y[1]
    y[0] = b
    v += a[1]
    return y * v


def expanded_dims(a, b):
    y = a * 2
    v = xp.squeeze(xp.expand_dims(y, axis=1)[:, :, 1:], axis=1)
    xp.permute_dims(v, (1, 0))[0] = b[:2]
    return y * y


def to_itself(a, b):
    y = a * 2
    y[...] = xp.copy(y) * b
    y[0] = y[0]
    return y


@pytest.mark.parametrize(
    "fn",
    [
        assign_one, view_then_write, base_seen_by_views, view_of_view, overlapping_views, mask,
        mask_of_values, advanced, repeated_index, broadcast_write, negative_steps,
        through_one_element, original_needed, other_is_a_view_of_the_target,
        value_is_a_view_of_the_target, into_zeros, expanded_dims, to_itself,
    ],
)  # fmt: skip
def test_gradients(fn):
    check(fn, A, B)
    xp.autograd.gradgradcheck(fn, [xp.asarray(x, requires_grad=True) for x in (A, B)])


def test_unpacking_and_augmented_assignment_keep_identity():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 1
    same = y
    y += x
    assert y is same and y.grad_fn.name == "add"
    y[0] = 3.0
    assert y.grad_fn.name == "write"


def test_a_leaf_that_requires_grad_cannot_be_written():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    for write in (
        lambda: x.__setitem__(0, 1.0),
        lambda: x.__iadd__(1.0),
        lambda: x[:1].__imul__(2.0),
        lambda: x[0, ...].__setitem__(..., 2.0),
    ):
        with pytest.raises(RuntimeError, match=r"leaf Tensor that requires grad.*no_grad"):
            write()
    assert x.detach().numpy().tolist() == [1.0, 2.0]
    with xp.no_grad():
        x += 1
        x[0] = 5.0
    assert x.is_leaf and x.detach().numpy().tolist() == [5.0, 3.0]


def test_a_leaf_that_requires_no_grad_becomes_part_of_the_graph():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = xp.zeros(2)
    y[0] = x[1]
    assert y.requires_grad and not y.is_leaf
    xp.sum(y * y).backward()
    assert x.grad.numpy().tolist() == [0.0, 4.0]
    z = xp.zeros(2, dtype=xp.int64)
    z[0] = x[0].detach()
    assert not z.requires_grad


def test_a_changed_saved_value_is_named_with_both_versions():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    w = xp.asarray([3.0, 4.0])
    y = xp.sum(x * w)
    w += 1
    w *= 2
    with pytest.raises(
        RuntimeError, match=r"saved input x2 of 'multiply'.*at version 2, expected version 0"
    ):
        y.backward()
    y = xp.exp(x)
    z = xp.sum(y)
    y[0] = 0.0
    with pytest.raises(RuntimeError, match="saved output of 'exp'"):
        z.backward()


def test_writes_through_views_and_detached_tensors_count():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    for alias in (
        lambda w: w.detach(),
        lambda w: w[:1],
        lambda w: copy.copy(w),
        lambda w: xp.asarray(w, copy=False),
        lambda w: w.detach()[None].T,
        lambda w: xp.asarray(w),
        lambda w: w.astype(w.dtype, copy=False),
        lambda w: w.to("cpu"),
    ):
        w = xp.asarray([3.0, 4.0])
        y = xp.sum(x * w)
        other = alias(w)
        before = other.version
        other += 1
        assert other.version == before + 1 == w.version
        with pytest.raises(RuntimeError, match="modified by an in-place"):
            y.backward()


def test_a_write_to_what_nobody_saved_is_free():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x + 1
    z = xp.sum(y + 1)
    y *= 2
    z.backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0]


def test_views_made_in_no_grad():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    with xp.no_grad():
        v = y[:1]
        v *= 10  # both inside: nothing is recorded
    assert y.detach().numpy().tolist() == [20.0, 4.0] and not v.requires_grad
    for write in (lambda: v.__imul__(2.0), lambda: v[0, ...].__setitem__(..., 1.0)):
        with pytest.raises(RuntimeError, match="inside no_grad"):
            write()
    y *= 3
    assert not v.requires_grad and not v[0].requires_grad
    assert float(v[0]) == 60.0
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [6.0, 6.0]


def test_no_grad_writes_leave_the_history():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    with xp.no_grad():
        y += 100
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [2.0, 2.0] and float(y[0]) == 102.0


@pytest.mark.parametrize("own_thread", [True, False])
def test_no_grad_writes_leave_the_history_where_somebody_watches(own_thread):
    inside, done = threading.Event(), threading.Event()

    def other():
        with xp.autograd.detect_anomaly():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    if not own_thread:
        thread.start()
        inside.wait(10)
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    with xp.autograd.detect_anomaly() if own_thread else nullcontext(), xp.no_grad():
        for z in (x, y):
            z += 1
            z[0] = 5.0
            z[1:] *= 2
    done.set()
    assert x.requires_grad and x.is_leaf and y.requires_grad
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [2.0, 2.0]


def test_detach_shares_memory_and_version_not_history():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    d = y.detach()
    d[0] = 7.0
    assert float(y[0]) == 7.0 and y.version == d.version == 1
    d *= x  # the detached tensor begins a history of its own
    assert d.requires_grad and y.grad_fn.name == "multiply"
    (g,) = xp.autograd.grad(xp.sum(d), x)
    assert g.numpy().tolist() == [7.0, 4.0]


def test_failing_writes_change_nothing():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    node, version = y.grad_fn, y.version
    for write, kind in (
        (lambda: y.__setitem__(slice(None), xp.ones(3)), ValueError),
        (lambda: y.__setitem__(5, 1.0), IndexError),
        (lambda: y.__setitem__(0, 1j), TypeError),
        (lambda: y.__iadd__(xp.ones((2, 2))), ValueError),
        (lambda: y.__iadd__(xp.ones(2) * 1j), TypeError),
        (lambda: y.__setitem__("a", 1.0), IndexError),
    ):
        with pytest.raises(kind):
            write()
        assert y.grad_fn is node and y.version == version
        assert y.detach().numpy().tolist() == [2.0, 4.0]


def test_retained_gradients_and_hooks_of_a_written_tensor():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.numpy().tolist()))
    y *= 3
    xp.sum(y).backward()
    assert seen == [[3.0, 3.0]]  # the hook stays with the value that it was registered for
    y = x * 2
    y.retain_grad()  # while a retained gradient is that of the tensor as it is in the end
    y *= 3
    y[0] = x[0]
    xp.sum(y).backward()
    assert y.retains_grad and y.grad.numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_leaves_where_nothing_is_recorded(how):
    x = xp.asarray([1.0, 2.0], dtype=xp.float32, requires_grad=True)
    xp.sum(x * x).backward()
    with xp.no_grad():
        y = how(x)
    assert y.is_leaf and y.requires_grad and y.dtype == xp.float32
    assert y.detach().numpy().tolist() == [1.0, 2.0]
    shared = np.shares_memory(y.detach().numpy(), x.detach().numpy())
    assert shared == (how is copy.copy)
    if how is copy.deepcopy:
        assert y.grad.numpy().tolist() == [2.0, 4.0]
        assert not np.shares_memory(y.grad.numpy(), x.grad.numpy())


def test_copies_of_what_records():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    for y in (x, x * 2, (x * 2)[::-1]):
        for how in (copy.copy, copy.deepcopy, lambda x: copy.deepcopy({"a": [x]})["a"][0]):
            z = how(y)
            assert not z.is_leaf and np.shares_memory(z.detach().numpy(), y.detach().numpy()) == (
                how is copy.copy
            )
            (found,) = xp.autograd.grad(xp.sum(z * z), x, retain_graph=True)
            (expected,) = xp.autograd.grad(xp.sum(y * y), x, retain_graph=True)
            assert found.tolist() == expected.tolist()
    z = pickle.loads(pickle.dumps(x * 2))
    assert not z.requires_grad and z.numpy().tolist() == [2.0, 4.0]


class Marked(xp.Tensor):
    """A subclass with an attribute of its own."""

    def __new__(cls, data):
        self = super().__new__(cls)
        for name in ("_data", "_device", "_node", "_version"):
            setattr(self, name, getattr(data, name))
        return self


def test_copies_of_subclasses():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    marked = Marked(x)
    marked.mark = "here"
    for how in (copy.copy, copy.deepcopy):
        for grad in (True, False):
            with xp.set_grad_enabled(grad):
                z = how(marked)
            assert type(z) is Marked and z.mark == "here" and z.is_leaf != grad
    z = copy.deepcopy(marked)
    xp.sum(z * z).backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_what_trains_is_copied_as_leaves():
    p = xp.nn.Parameter(xp.ones(2))
    plain = xp.ones(2, requires_grad=True)
    optimizer = xp.optim.Adam([p, plain])
    xp.sum(p + plain).backward()
    optimizer.step()
    twin, twins = copy.deepcopy((optimizer, [p, plain]))
    for mine, own, old in zip(twin.param_groups[0]["params"], twins, (p, plain), strict=True):
        assert mine is own and own is not old and type(own) is type(old) and own.is_leaf
        assert own.grad.tolist() == old.grad.tolist() and own in twin.state
    twin.step()
    assert twins[1].tolist() != plain.tolist()  # and memory of its own
