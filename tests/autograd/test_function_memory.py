"""`Function`s whose outputs share memory with inputs, with each other, or with outside tensors.

The gradient of a Function is its own: in-place writes past it are errors, as in PyTorch, or give
the right gradient; never the gradient of before the write.
"""

import gc
import weakref

import pytest

import tensorxp as xp
from tensorxp.autograd import Function, jvp

WRITTEN = "shares memory with .* has been written in place since"
WRITING = "is being written in place; it shares memory"


def make(forward, backward, **more):
    """Return a Function of loose functions."""
    body = {"forward": forward, "backward": backward, **more}
    return type("Shared", (Function,), {k: staticmethod(v) for k, v in body.items()})


def shifted(ct):
    return xp.concat([ct[:1] * 0, ct * 2])


Same = make(lambda ctx, x: x, lambda ctx, ct: ct * 2, jvp=lambda ctx, t: t * 2)
Detached = make(lambda ctx, x: x.detach(), lambda ctx, ct: ct * 2)
Tail = make(lambda ctx, x: x[1:], lambda ctx, ct: shifted(ct), jvp=lambda ctx, t: t[1:] * 2)
OwnTail = make(lambda ctx, x: (x * 2)[1:], lambda ctx, ct: shifted(ct))
Two = make(lambda ctx, x: (x[:2], x[1:]), lambda ctx, a, b: xp.concat([a, b[:1]]) * 2)
SHARING = [Same, Detached, Tail]


def start():
    """Return a leaf and a result that requires grad and may be written."""
    x = xp.asarray([1.0, 2.0, 3.0], requires_grad=True)
    return x, x * 1


def add_one(x):
    x += 1


def zero_first(x):
    x[0] = 0.0


WRITES = [add_one, zero_first, lambda x: x.mul_(2.0), lambda x: zero_first(x[1:])]


@pytest.mark.parametrize("op", SHARING)
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("quiet", [False, True])
def test_a_write_to_the_input_forbids_the_output(op, write, quiet):
    x, z = start()
    y = op.apply(z)
    view = y[:1]
    with xp.set_grad_enabled(not quiet):
        write(z)
    for used in (y, view, y):  # each time anew
        with pytest.raises(RuntimeError, match=WRITTEN):
            used.sum()
        with pytest.raises(RuntimeError, match=WRITTEN):
            used.requires_grad  # noqa: B018
    z.sum().backward()
    assert x.grad is not None
    assert op.apply(z).sum().requires_grad  # a new call is fine


@pytest.mark.parametrize("op", SHARING)
@pytest.mark.parametrize("write", WRITES)
def test_the_output_is_not_written(op, write):
    for z in start():  # a leaf too
        y = op.apply(z)
        before = z.tolist()
        for target in (y, y[:]):
            with pytest.raises(RuntimeError, match=f"{WRITING}|leaf"):
                write(target)
        assert z.tolist() == before
    y.sum().backward()  # nothing was changed


def test_a_constant_input_is_not_written_past():
    w = xp.asarray([1.0, 1.0, 1.0], requires_grad=True)
    z = xp.asarray([1.0, 2.0, 3.0])
    y = Tail.apply(z)
    y += w[1:]  # nothing was recorded by the Function: an ordinary view
    z.sum().backward()
    assert w.grad.tolist() == [0.0, 1.0, 1.0]
    _, z = start()
    with xp.no_grad():
        y = Same.apply(z)
    with pytest.raises(RuntimeError, match="made inside no_grad"):
        y += 1


def test_memory_that_only_the_output_has_is_written_as_usual():
    x, z = start()
    y = OwnTail.apply(z)
    y *= 3
    y[0] = 0.0
    (y.sum() + z.sum()).backward()
    assert x.grad.tolist() == [1.0, 1.0, 7.0]


def test_several_outputs_over_the_same_memory():
    def whole_and_part(ctx, x):
        a = x * 2
        return a, a[1:]

    op = make(whole_and_part, lambda ctx, a, b: a * 2 + shifted(b))
    x, z = start()
    a, b = op.apply(z)
    with pytest.raises(RuntimeError, match=WRITING):
        b *= 2
    a *= 3  # the other one is out of date then
    a.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0, 6.0]
    with pytest.raises(RuntimeError, match=WRITTEN):
        b.sum()
    for first, second in (Two.apply(z), make(
        lambda ctx, x: (x, x), lambda ctx, a, b: a + b).apply(z)):  # fmt: skip
        with pytest.raises(RuntimeError, match=WRITING):
            first += 1
        with pytest.raises(RuntimeError, match=WRITING):
            second += 1
    with xp.no_grad():
        first += 1
    for used in (first, second):
        with pytest.raises(RuntimeError, match=WRITTEN):
            used.sum()


def test_an_input_that_is_dirty_and_a_view_of_it():
    def double(ctx, x):
        x *= 2
        ctx.mark_dirty(x)
        return x, x[1:]

    op = make(double, lambda ctx, a, b: a * 2 + shifted(b))
    x, z = start()
    y, v = op.apply(z)
    assert y is z
    (y.sum() + v.sum()).backward(retain_graph=True)
    assert x.grad.tolist() == [2.0, 4.0, 4.0]
    y *= 3
    with pytest.raises(RuntimeError, match=WRITTEN):
        v.sum()


def test_tensors_from_outside():
    for requires_grad in (False, True):
        for part in (slice(None), slice(1, None)):
            w = xp.asarray([1.0, 2.0, 3.0], requires_grad=requires_grad) * 1
            op = make(lambda ctx, x, w=w, part=part: w[part], lambda ctx, ct: ct * 2)
            y = op.apply(start()[1][part])
            with pytest.raises(RuntimeError, match=WRITING):
                y += 1
            w += 1
            with pytest.raises(RuntimeError, match=WRITTEN):
                y.sum()
    whole = xp.zeros(3)
    y = make(lambda ctx, x: whole, lambda ctx, ct: ct).apply(start()[1])
    whole += 1
    with pytest.raises(RuntimeError, match=WRITTEN):
        y.sum()


def test_a_buffer_that_the_next_call_overwrites():
    buffer = xp.zeros(3)

    def into(ctx, x):
        buffer[...] = x * 2
        return buffer

    op = make(into, lambda ctx, ct: ct * 2)
    x, _ = start()
    y = op.apply(x)
    squared = y * y
    op.apply(x * 3)
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        squared.sum().backward()


def test_outputs_without_gradient_are_not_written_past():
    def both(ctx, x):
        part = x[1:]
        ctx.mark_non_differentiable(part)
        return x * 2, part

    _, z = start()
    _, part = make(both, lambda ctx, a, b: a * 2).apply(z)
    assert not part.requires_grad
    with pytest.raises(RuntimeError, match=WRITING):
        part += xp.ones(2, requires_grad=True)
    part += 1  # a constant write to a constant
    assert z.tolist() == [1.0, 3.0, 4.0]


def test_forward_mode():
    def after_a_write(x):
        z = x * 1
        y = Tail.apply(z)
        z *= 3
        return y * 1

    def written(x):
        z = x * 1
        y = Same.apply(z)
        y *= 3
        return y

    x, t = xp.asarray([1.0, 2.0, 3.0]), xp.ones(3)
    assert jvp(lambda x: Tail.apply(x * 3) * 1, x, t)[1].tolist() == [6.0, 6.0]
    with pytest.raises(RuntimeError, match=WRITTEN):
        jvp(after_a_write, x, t)
    with pytest.raises(RuntimeError, match=WRITING):
        jvp(written, x, t)


def test_the_graph_is_freed_without_the_collector():
    gc.disable()
    try:
        for op in (*SHARING, OwnTail, Two):
            x, z = start()
            y = op.apply(z)
            found = weakref.ref((y[0] if isinstance(y, tuple) else y).grad_fn)
            assert found() is not None
            del x, y, z
            assert found() is None
    finally:
        gc.enable()
