"""Manipulation: values and gradients by table; views, copies and errors by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

A = np.arange(24.0).reshape(2, 3, 4)


def row(name, fn, reference, *shapes, torch=None):
    """Return a row for inputs of `shapes`, real and complex; all manipulation is linear."""
    return Row(name, fn, tuple(normal(*shape) for shape in shapes), reference, torch, True)


ROWS = [
    row("copy", xp.copy, np.copy, (2, 3), torch="clone"),
    row("copy 0-d", xp.copy, np.copy, (), torch="clone"),
    row("reshape", lambda x: xp.reshape(x, (3, -1)), lambda x: x.reshape(3, 4), (2, 6)),
    row("reshape to 0-d", lambda x: xp.reshape(x, ()), lambda x: x.reshape(()), (1, 1)),
    row("reshape int", lambda x: xp.reshape(x, 6), lambda x: x.reshape(6), (2, 3)),
    row("reshape empty", lambda x: xp.reshape(x, (3, 0)), lambda x: x.reshape(3, 0), (0, 2)),
    row(
        "reshape with strides that need a copy",
        lambda x: xp.reshape(xp.permute_dims(x, (1, 0)), (6,)),
        lambda x: x.T.reshape(6),
        (2, 3),
        torch=lambda x: x.T.reshape(6),
    ),
    row(
        "reshape copy=True",
        lambda x: xp.reshape(x, (6,), copy=True),
        lambda x: x.reshape(6),
        (2, 3),
    ),
    row(
        "permute_dims",
        lambda x: xp.permute_dims(x, (2, 0, -2)),
        lambda x: x.transpose(2, 0, 1),
        (2, 3, 4),
        torch=lambda x: x.permute(2, 0, 1),
    ),
    row("permute_dims 0-d", lambda x: xp.permute_dims(x, ()), np.copy, ()),
    row("matrix_transpose", xp.matrix_transpose, np.matrix_transpose, (2, 3, 4)),
    row(
        "swapaxes",
        lambda x: xp.swapaxes(x, 0, -1),
        lambda x: np.swapaxes(x, 0, -1),
        (2, 3, 4),
        torch=lambda x: x.swapaxes(0, -1),
    ),
    *(
        row(
            f"moveaxis {a} {b}",
            lambda x, a=a, b=b: xp.moveaxis(x, a, b),
            lambda x, a=a, b=b: np.moveaxis(x, a, b),
            (2, 3, 4, 1),
            torch=lambda x, a=a, b=b: x.moveaxis(a, b),
        )
        for a, b in [(0, -1), (-1, 1), ((0, 1), (2, 0)), ((3, 0, 1), (0, 3, 2))]
    ),
    *(
        row(
            f"squeeze {axis}",
            lambda x, i=axis: xp.squeeze(x, i),
            lambda x, i=axis: np.squeeze(x, i),
            (1, 3, 1, 2),
        )
        for axis in (0, -2, (0, 2), (), None)
    ),
    *(
        row(
            f"expand_dims {axis}",
            lambda x, i=axis: xp.expand_dims(x, axis=i),
            lambda x, i=axis: np.expand_dims(x, i),
            (2, 3),
        )
        for axis in (0, 1, -1, -3, (0, -1), (1, 2))
    ),
    *(
        row(
            f"flip {axis}",
            lambda x, i=axis: xp.flip(x, axis=i),
            lambda x, i=axis: np.flip(x, i),
            (2, 3, 4),
        )
        for axis in (None, 0, -1, (0, 2), ())
    ),
    *(
        row(
            f"roll {shift} {axis}",
            lambda x, s=shift, i=axis: xp.roll(x, s, axis=i),
            lambda x, s=shift, i=axis: np.roll(x, s, axis=i),
            (3, 4),
            torch=lambda x, s=shift, i=axis: torch_roll(x, s, i),
        )
        for shift, axis in [(1, 0), (-5, -1), (7, None), ((1, 2), (0, 1)), ((1, 2), (1, 1))]
    ),
    row("roll one shift along two axes", lambda x: xp.roll(x, 1, axis=(0, 1)),
        lambda x: np.roll(x, 1, axis=(0, 1)), (3, 4)),
    row("roll empty", lambda x: xp.roll(x, 1, axis=0), lambda x: x, (0, 2)),
    *(
        row(
            f"broadcast_to {a} {b}",
            lambda x, s=b: xp.broadcast_to(x, s),
            lambda x, s=b: np.broadcast_to(x, s),
            a,
            torch=lambda x, s=b: x.broadcast_to(s),
        )
        for a, b in [((3,), (2, 3)), ((2, 1, 3), (2, 4, 3)), ((), (2, 2)), ((1,), (0,)),
                     ((2,), (2,))]
    ),
    row("broadcast_arrays", xp.broadcast_arrays, np.broadcast_arrays, (3, 1), (4,), (),
        torch="broadcast_tensors"),
    *(
        row(
            f"concat {axis} {shapes}",
            lambda *xs, i=axis: xp.concat(xs, axis=i),
            lambda *xs, i=axis: np.concatenate(xs, axis=i),
            *shapes,
            torch=None if axis is None else lambda *xs, i=axis: torch_concat(xs, i),
        )
        for axis, shapes in [
            (0, ((2, 3), (1, 3), (4, 3))),
            (-1, ((2, 3), (2, 1))),
            (1, ((2, 0, 2), (2, 3, 2))),
            (None, ((2, 3), (2,), ())),
            (0, ((2,),)),
        ]
    ),
    row("concat one Tensor twice", lambda x: xp.concat([x, 2 * x, x]),
        lambda x: np.concatenate([x, 2 * x, x]), (2, 2)),
    *(
        row(
            f"stack {axis}",
            lambda *xs, i=axis: xp.stack(xs, axis=i),
            lambda *xs, i=axis: np.stack(xs, axis=i),
            (2, 3),
            (2, 3),
            torch=lambda *xs, i=axis: torch_stack(xs, i),
        )
        for axis in (0, 1, -1)
    ),
    row("stack 0-d", lambda *xs: xp.stack(xs), lambda *xs: np.stack(xs), (), ()),
    *(
        row(
            f"unstack {axis}",
            lambda x, i=axis: xp.unstack(x, axis=i),
            lambda x, i=axis: np.unstack(x, axis=i),
            (2, 3),
            torch=lambda x, i=axis: x.unbind(i),
        )
        for axis in (0, -1)
    ),
    *(
        row(
            f"repeat {counts} {axis}",
            lambda x, n=counts, i=axis: xp.repeat(x, n, axis=i),
            lambda x, n=counts, i=axis: np.repeat(x, n, axis=i),
            (2, 3),
        )
        for counts, axis in [(2, None), (3, 0), (2, -1), (0, 1), ([1, 0, 2], 1), ([2], 0),
                             ([0, 0], 0), ([1, 2, 0, 3, 1, 1], None)]
    ),
    row("repeat by a Tensor", lambda x: xp.repeat(x, xp.asarray([2, 1], device=x.device), axis=0),
        lambda x: np.repeat(x, [2, 1], axis=0), (2, 3)),
    *(
        row(
            f"tile {shape} {counts}",
            lambda x, n=counts: xp.tile(x, n),
            lambda x, n=counts: np.tile(x, n),
            shape,
            torch=lambda x, n=counts: x.tile(n),
        )
        for shape, counts in [
            ((2, 3), (2, 1)), ((3,), (2, 2)), ((2, 3), (2,)), ((), (3,)), ((2,), (0,)), ((2,), ()),
        ]
    ),
    row("ravel", xp.ravel, np.ravel, (2, 3), torch="ravel"),
    row("ravel 0-d", xp.ravel, np.ravel, (), torch="ravel"),
    row("ravel empty", xp.ravel, np.ravel, (2, 0)),
    *(
        row(
            f"flatten {start} {end}",
            lambda x, a=start, b=end: xp.flatten(x, a, b),
            None,
            (2, 3, 4),
            torch=lambda x, a=start, b=end: x.flatten(a, b),
        )
        for start, end in [(0, -1), (1, 2), (0, 1), (1, 1)]
    ),
    row("flatten 0-d", xp.flatten, np.ravel, (), torch="flatten"),
    row("atleast_nd", lambda x: xp.atleast_nd(x, ndim=3), lambda x: x[None], (2, 3)),
    row("pad", lambda x: xp.pad(x, ((1, 0), (2, 3))), lambda x: np.pad(x, ((1, 0), (2, 3))), (2, 3),
        torch=lambda x: torch_pad(x, (2, 3, 1, 0))),
    row("pad one width", lambda x: xp.pad(x, 1, constant_values=2.0),
        lambda x: np.pad(x, 1, constant_values=2.0), (2, 2)),
    row("pad one pair", lambda x: xp.pad(x, (0, 2)), lambda x: np.pad(x, (0, 2)), (2, 2)),
    *(
        row(f"pad {mode}", lambda x, m=mode: xp.pad(x, ((1, 0), (4, 3)), m),
            lambda x, m=mode: np.pad(x, ((1, 0), (4, 3)), m), (2, 3))
        for mode in ("edge", "reflect", "symmetric", "wrap")
    ),
    row("concatenate", lambda *xs: xp.concatenate(xs, 1), lambda *xs: np.concatenate(xs, 1),
        (2, 3), (2, 1)),
    row("transpose", xp.transpose, np.transpose, (2, 3, 4)),
    row("transpose axes", lambda x: xp.transpose(x, (1, 2, 0)),
        lambda x: np.transpose(x, (1, 2, 0)), (2, 3, 4)),
]  # fmt: skip


def torch_concat(xs, axis):
    """Return PyTorch's concat, which calls its axis dim."""
    return pytest.importorskip("torch").concat(xs, dim=axis)


def torch_stack(xs, axis):
    """Return PyTorch's stack."""
    return pytest.importorskip("torch").stack(xs, dim=axis)


def torch_roll(x, shift, axis):
    """Return PyTorch's roll."""
    return pytest.importorskip("torch").roll(x, shift, axis)


def torch_pad(x, widths):
    """Return PyTorch's pad, whose widths begin at the last axis."""
    return pytest.importorskip("torch").nn.functional.pad(x, widths)


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


VIEWS = {
    "reshape": lambda x: xp.reshape(x, (4, 6)),
    "reshape copy=False": lambda x: xp.reshape(x, (4, 6), copy=False),
    "reshape to its own shape": lambda x: xp.reshape(x, (2, 3, 4)),
    "permute_dims": lambda x: xp.permute_dims(x, (2, 0, 1)),
    "matrix_transpose": xp.matrix_transpose,
    "swapaxes": lambda x: xp.swapaxes(x, 0, 1),
    "moveaxis": lambda x: xp.moveaxis(x, 0, -1),
    "squeeze": lambda x: xp.squeeze(xp.expand_dims(x, axis=0), 0),
    "expand_dims": lambda x: xp.expand_dims(x, axis=1),
    "flip": xp.flip,
    "unstack": lambda x: xp.unstack(x)[0],
    "ravel": xp.ravel,
    "flatten": xp.flatten,
}
COPIES = {
    "copy": xp.copy,
    "reshape copy=True": lambda x: xp.reshape(x, (4, 6), copy=True),
    "reshape of a transpose": lambda x: xp.reshape(xp.permute_dims(x, (2, 1, 0)), (24,)),
    "roll": lambda x: xp.roll(x, 0),
    "concat": lambda x: xp.concat([x]),
    "stack": lambda x: xp.stack([x]),
    "repeat": lambda x: xp.repeat(x, 1, axis=0),
    "tile": lambda x: xp.tile(x, (1,)),
    "pad": lambda x: xp.pad(x, 0),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory(name, device):
    x = xp.asarray(A, device=device, copy=True)
    view = VIEWS[name](x)
    view[...] = -1.0
    assert bool(xp.any(x == -1.0))
    x[...] = 5.0
    assert bool(xp.all(view == 5.0))


@pytest.mark.parametrize("name", VIEWS)
def test_writes_to_views_reach_the_gradient_of_the_base(name):
    leaf = xp.asarray(A).requires_grad_()
    x = leaf * 1.0
    VIEWS[name](x)[...] *= 3.0
    xp.sum(x).backward()
    written = np.ones_like(A)
    VIEWS[name](xp.from_numpy(written))[...] = 3.0
    np.testing.assert_array_equal(leaf.grad.numpy(), written)


WITHOUT_AXES = {
    "reshape": lambda x: xp.reshape(x, (1,)),
    "permute_dims": lambda x: xp.permute_dims(x, ()),
    "squeeze": xp.squeeze,
    "expand_dims": lambda x: xp.expand_dims(x, axis=0),
    "flip": xp.flip,
    "flip no axes": lambda x: xp.flip(x, axis=()),
    "ravel": xp.ravel,
    "transpose": lambda x: x.T,
    "index": lambda x: x[...],
    "detach": lambda x: x.detach(),
    "real": xp.real,
}


@pytest.mark.parametrize("name", WITHOUT_AXES)
def test_views_of_a_tensor_without_axes_share_memory(name, device):
    for x in (xp.asarray(2.0, device=device), xp.asarray(2.0, device=device, requires_grad=True)):
        base = x * 1.0
        view = WITHOUT_AXES[name](base)
        view *= 3.0
        assert float(base.detach()) == 6.0
    if name != "detach":
        base.backward()
        assert float(x.grad) == 3.0


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_memory_of_their_own(name):
    x = xp.asarray(A, copy=True)
    out = COPIES[name](x)
    out[...] = -1.0
    np.testing.assert_array_equal(x.numpy(), A)


def test_broadcasts_are_read_only():
    view = xp.broadcast_to(xp.ones(3), (2, 3))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        view += 1.0


def test_negative_strides():
    x = xp.asarray(A)[::-1, :, ::-2]
    np.testing.assert_array_equal(xp.reshape(x, (2, 6)).numpy(), A[::-1, :, ::-2].reshape(2, 6))
    np.testing.assert_array_equal(xp.flip(x, axis=0).numpy(), A[:, :, ::-2])
    np.testing.assert_array_equal(xp.squeeze(x[:1]).numpy(), A[1, :, ::-2])
    np.testing.assert_array_equal(xp.concat([x, x]).numpy(), np.concatenate([A[::-1, :, ::-2]] * 2))


def test_a_reshape_that_changes_nothing_is_still_a_new_tensor():
    x = xp.asarray(A)
    assert xp.reshape(x, x.shape) is not x


def test_reshape_refuses_to_copy():
    x = xp.matrix_transpose(xp.asarray(A))
    with pytest.raises(ValueError, match=r"reshape: copy=False.*shape \(2, 4, 3\).*strides"):
        xp.reshape(x, (24,), copy=False)


def test_shapes_of_numpy_integers_and_of_integer_tensors():
    x = xp.asarray(A)
    assert xp.reshape(x, (np.int64(6), xp.asarray(4))).shape == (6, 4)
    assert xp.broadcast_to(xp.ones(()), [np.int32(2)]).shape == (2,)
    assert xp.expand_dims(x, axis=np.int64(0)).shape == (1, 2, 3, 4)


def test_broadcast_shapes():
    assert xp.broadcast_shapes() == ()
    assert xp.broadcast_shapes((3, 1), (4,), ()) == (3, 4)
    assert xp.broadcast_shapes((0,), (1,)) == (0,)
    with pytest.raises(ValueError, match=r"\(3,\), \(4,\) could not be broadcast"):
        xp.broadcast_shapes((3,), (4,))


def test_dtypes_promote_in_joins():
    x1, x2 = xp.asarray([1, 2]), xp.asarray([1.5], dtype=xp.float32)
    assert xp.concat([x1, x2]).dtype == xp.float64
    assert xp.stack([xp.asarray(1, dtype=xp.int8), xp.asarray(2, dtype=xp.uint8)]).dtype == xp.int16
    leaf = xp.asarray([1.0, 2.0], dtype=xp.float32).requires_grad_()
    xp.sum(xp.real(xp.concat([leaf, xp.asarray([1j])]) * (2 + 1j))).backward()
    assert leaf.grad.dtype == xp.float32 and leaf.grad.numpy().tolist() == [2.0, 2.0]


def test_joins_take_tensors_beside_arrays_and_numbers():
    x = xp.asarray([1.0, 2.0])
    assert xp.concat([x, np.ones(1)]).numpy().tolist() == [1.0, 2.0, 1.0]
    assert xp.stack([x[0], 5.0]).numpy().tolist() == [1.0, 5.0]
    np.testing.assert_array_equal(xp.concat(xp.ones((2, 3))).numpy(), np.ones(6))
    assert xp.stack(x * 2 for _ in range(2)).shape == (2, 2)


def test_gradients_of_joins_go_only_where_needed():
    leaf, other = xp.ones(2).requires_grad_(), xp.ones(3)
    xp.sum(xp.concat([other, leaf]) * xp.arange(5.0)).backward()
    assert leaf.grad.numpy().tolist() == [3.0, 4.0] and other.grad is None
    leaf.grad = None
    xp.sum(xp.stack([leaf, xp.ones(2), leaf]) * xp.asarray([[1.0], [2.0], [5.0]])).backward()
    assert leaf.grad.numpy().tolist() == [6.0, 6.0]


def test_methods():
    x = xp.asarray(A)
    assert x.reshape(6, 4).shape == x.reshape((6, 4)).shape == x.reshape(-1, 4).shape == (6, 4)
    assert x.transpose().shape == (4, 3, 2)
    assert x.transpose(0, 2).shape == (4, 3, 2)
    assert x.transpose(1, 2, 0).shape == x.permute((1, 2, 0)).shape == (3, 4, 2)
    assert x.mT.shape == (2, 4, 3) and x[0].T.shape == (4, 3)
    assert x[0].transpose(0, 1).shape == x[0].transpose(1, 0).shape == (4, 3)
    assert x[:1].squeeze().shape == (3, 4) and x.unsqueeze(-1).shape == (2, 3, 4, 1)
    assert x[:, :1].expand(-1, 5, -1).shape == (2, 5, 4) and xp.ones(3).expand(2, -1).shape == (
        2,
        3,
    )
    assert x.flatten(1).shape == (2, 12) and x.ravel().shape == (24,)
    assert x.swapaxes(0, 1).shape == (3, 2, 4) and x.repeat(2, axis=1).shape == (2, 6, 4)
    assert x.contiguous() is x and x.mT.contiguous().is_contiguous()
    assert x.T.shape == (4, 3, 2)


ERRORS = [
    (
        lambda x: xp.reshape(x, (5, 5)),
        ValueError,
        r"reshape: x has shape \(2, 3, 4\), 24 elem.*5, 5",
    ),
    (lambda x: xp.reshape(x, (-1, -1)), ValueError, "reshape: shape is .*one size may be -1"),
    (lambda x: xp.reshape(x, (-1, 7)), ValueError, "reshape: x has shape"),
    (lambda x: xp.reshape(x[:0], (-1, 0)), ValueError, "reshape: .*cannot be inferred"),
    (lambda x: xp.reshape(x, (2.0, 12)), TypeError, "reshape: shape is .*allowed are ints"),
    (lambda x: xp.reshape(x, "24"), TypeError, "reshape: shape is '24'"),
    (lambda x: xp.permute_dims(x, (0, 1)), ValueError, "permute_dims: axes is .*permutation of 3"),
    (lambda x: xp.permute_dims(x, (0, 1, 1)), ValueError, "permute_dims: axes is"),
    (lambda x: xp.permute_dims(x, (0, 1, 3)), IndexError, "permute_dims: axis 3 is out of bounds"),
    (lambda x: xp.matrix_transpose(x[0, 0]), ValueError, r"matrix_transpose: x has shape \(4,\)"),
    (lambda x: xp.swapaxes(x, 0, 3), IndexError, "swapaxes: axis 3"),
    (lambda x: xp.moveaxis(x, (0, 1), 0), ValueError, "moveaxis: .*lengths differ"),
    (lambda x: xp.moveaxis(x, (0, 0), (1, 2)), ValueError, "moveaxis: .*twice"),
    (lambda x: xp.squeeze(x, 0), ValueError, r"squeeze: axis is 0, but x has shape \(2, 3, 4\)"),
    (lambda x: xp.squeeze(x, 5), IndexError, "squeeze: axis 5"),
    (lambda x: xp.squeeze(x[:1], (0, 0)), ValueError, "squeeze: .*twice"),
    (lambda x: xp.expand_dims(x, axis=4), IndexError, "expand_dims: axis 4"),
    (lambda x: xp.expand_dims(x, axis=1.0), TypeError, "expand_dims: axis is 1.0"),
    (lambda x: xp.flip(x, axis=3), IndexError, "flip: axis 3"),
    (lambda x: xp.roll(x, (1, 2)), ValueError, "roll: shift is .*axis is None"),
    (lambda x: xp.roll(x, (1, 2), axis=0), ValueError, "roll: .*lengths differ"),
    (lambda x: xp.roll(x, 1.5, axis=0), TypeError, "roll: shift is 1.5"),
    (lambda x: xp.roll(x, 1, axis=3), IndexError, "roll: axis 3"),
    (lambda x: xp.broadcast_to(x, (2, 3)), ValueError, r"broadcast_to: x with shape \(2, 3, 4\)"),
    (lambda x: xp.broadcast_to(x, (2, 3, -4)), ValueError, "broadcast_to: "),
    (lambda x: xp.broadcast_arrays(x, xp.ones(3)), ValueError, r"\(2, 3, 4\), \(3,\) could not be"),
    (lambda x: xp.concat([]), ValueError, "concat: arrays is empty"),
    (lambda x: xp.concat(5), TypeError, "concat: arrays is 5"),
    (lambda x: xp.concat([[1.0], [2.0]]), TypeError, "concat: arrays holds no Tensor but list"),
    (lambda x: xp.concat([x, x[0]]), ValueError, r"concat: the shapes .*\(3, 4\).*differ"),
    (
        lambda x: xp.concat([x, x[:, :, :2]]),
        ValueError,
        "concat: the shapes .*differ beside axis 0",
    ),
    (lambda x: xp.concat([x, x], axis=3), IndexError, "concat: axis 3"),
    (lambda x: xp.concat([x[0, 0, 0], x[0, 0, 0]]), IndexError, "concat: axis 0"),
    (lambda x: xp.stack([x, x[0]]), ValueError, "stack: the shapes .*all must be the same"),
    (lambda x: xp.stack([x, x], axis=4), IndexError, "stack: axis 4"),
    (lambda x: xp.unstack(x, axis=3), IndexError, "unstack: axis 3"),
    (lambda x: xp.unstack(x[0, 0, 0]), ValueError, "unstack: x is 0-d"),
    (lambda x: xp.repeat(x, -1, axis=0), ValueError, "repeat: .*must not be negative"),
    (lambda x: xp.repeat(x, [1, -1], axis=0), ValueError, "repeat: .*must not be negative"),
    (lambda x: xp.repeat(x, 1.5, axis=0), TypeError, "repeat: repeats has dtype float64"),
    (lambda x: xp.repeat(x, [1, 2, 3], axis=0), ValueError, "repeat: .*2 elements along axis 0"),
    (lambda x: xp.tile(x, (-1,)), ValueError, "tile: .*must not be negative"),
    (lambda x: xp.tile(x, 1.5), TypeError, "tile: repetitions is 1.5"),
    (lambda x: xp.flatten(x, 2, 1), ValueError, "flatten: start_dim 2 comes after"),
    (lambda x: xp.flatten(x, 3), IndexError, "flatten: axis 3"),
    (lambda x: xp.pad(x, 1, "mean"), ValueError, "pad: mode is 'mean'; allowed are .*reflect"),
    (lambda x: xp.pad(x[:0], 1, "edge"), ValueError, "pad: x has shape .*empty axis 0"),
    (lambda x: xp.pad(x, -1), ValueError, "pad: .*must not be negative"),
    (lambda x: xp.pad(x, (1, 2, 3)), ValueError, "pad: pad_width is"),
    (lambda x: xp.reshape([1, 2], (2,)), TypeError, "reshape: x is a builtins.list"),
    (lambda x: xp.permute_dims(3, ()), TypeError, "permute_dims: x is a builtins.int"),
    (lambda x: xp.matrix_transpose([[1]]), TypeError, "matrix_transpose: x is a builtins.list"),
    (lambda x: xp.squeeze([1]), TypeError, "squeeze: x is a builtins.list"),
    (lambda x: xp.expand_dims([1]), TypeError, "expand_dims: x is a builtins.list"),
    (lambda x: xp.flip([1]), TypeError, "flip: x is a builtins.list"),
    (lambda x: xp.roll([1], 1), TypeError, "roll: x is a builtins.list"),
    (lambda x: xp.broadcast_to(1.0, (2,)), TypeError, "broadcast_to: x is a builtins.float"),
    (lambda x: xp.broadcast_arrays(x, 1.0), TypeError, "broadcast_arrays: .*is a builtins.float"),
    (lambda x: xp.unstack([1]), TypeError, "unstack: x is a builtins.list"),
    (lambda x: xp.repeat([1], 2), TypeError, "repeat: x is a builtins.list"),
    (lambda x: xp.tile([1], 2), TypeError, "tile: x is a builtins.list"),
    (lambda x: xp.ravel([1]), TypeError, "ravel: x is a builtins.list"),
    (lambda x: xp.flatten([1]), TypeError, "flatten: x is a builtins.list"),
    (lambda x: xp.moveaxis([1], 0, 0), TypeError, "moveaxis: x is a builtins.list"),
    (lambda x: xp.swapaxes([1], 0, 0), TypeError, "swapaxes: x is a builtins.list"),
    (lambda x: xp.pad([1], 1), TypeError, "pad: x is a builtins.list"),
    (lambda x: xp.atleast_nd(1.0, ndim=1), TypeError, "atleast_nd: x is a builtins.float"),
    (lambda x: xp.copy([1]), TypeError, "copy: x is a builtins.list"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[e[2][:40] for e in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(xp.asarray(A))


def test_mixed_devices():
    x, y = xp.ones(2), xp.ones(2, device="sim:0")
    for join in (xp.concat, xp.stack):
        with pytest.raises(xp.DeviceError, match=rf"{join.__name__}: .*cpu, sim:0.*to\(device\)"):
            join([x, y])
