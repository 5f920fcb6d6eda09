"""Methods of PyTorch's tensors, against PyTorch where it is installed and NumPy where not."""

import numpy as np
import pytest

import tensorxp as xp

DATA = np.arange(12.0).reshape(3, 4) / 7 - 0.5

CALLS = [
    lambda t, lib: t.amax(1),
    lambda t, lib: t.amin(dim=0, keepdim=True),
    lambda t, lib: t.norm(),
    lambda t, lib: t.norm(p=1, dim=1),
    lambda t, lib: t.t(),
    lambda t, lib: t.unbind(1)[2],
    lambda t, lib: t.split(3, dim=1)[1],
    lambda t, lib: t.split([1, 3], 1)[1],
    lambda t, lib: t.chunk(2)[1],
    lambda t, lib: t.gather(1, lib.asarray([[0, 1], [2, 3], [3, 3]])),
    lambda t, lib: t.index_select(0, lib.asarray([2, 0, 0])),
    lambda t, lib: t.masked_fill(t > 0, -1.0),
    lambda t, lib: t.masked_select(t > 0),
    lambda t, lib: t.diagonal(1),
    lambda t, lib: t.softmax(1),
    lambda t, lib: t.log_softmax(0),
    lambda t, lib: t.logsumexp(1, keepdim=True),
    lambda t, lib: t.sigmoid(),
    lambda t, lib: t.relu(),
    lambda t, lib: t.mm(t.t()),
    lambda t, lib: t.view_as(t.t().contiguous()),
    lambda t, lib: t[0].expand_as(t),
    lambda t, lib: (t * 1).clamp_(-0.2, 0.4),
    lambda t, lib: (t * 1).masked_fill_(t > 0, 2.0),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_value_and_gradient(number):
    torch = pytest.importorskip("torch")
    found = []
    for lib in (xp, torch):
        t = lib.asarray(DATA.copy()).requires_grad_()
        out = CALLS[number](t, lib)
        (out * out).sum().backward()
        found.append((out.detach().numpy(), t.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_comparisons_and_kinds():
    t = xp.asarray(DATA)
    assert t.eq(t).all() and not t.ne(t).any() and t.ge(t).all() and not t.lt(t).any()
    assert t.gt(-1.0).all() and t.le(9.0).all()
    assert t.is_floating_point() and not t.is_complex()
    assert t.new_zeros(2, 3).shape == (2, 3) and t.new_ones((4,)).dtype == t.dtype
    assert t.type_as(xp.ones(1, dtype=xp.float32)).dtype == xp.float32
    assert round(xp.asarray([0.25, 1.5])).tolist() == [0.0, 2.0]
    assert divmod(7, xp.asarray(2))[0].item() == 3


def test_data_shares_memory_and_is_not_recorded():
    x = xp.ones(3, requires_grad=True)
    x.data.zero_()
    assert x.tolist() == [0.0, 0.0, 0.0] and x.requires_grad and not x.data.requires_grad
    x.data = xp.asarray([1.0, 2.0, 3.0])
    assert x.tolist() == [1.0, 2.0, 3.0] and x.is_leaf
    with pytest.raises(ValueError, match="data"):
        x.data = xp.ones(2)


def test_bad_input():
    t = xp.asarray(DATA)
    for call in (lambda: t.split(0), lambda: t.split([1, 1]), lambda: t.chunk(0)):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(ValueError, match="two axes"):
        xp.ones((1, 1, 1)).t()


def test_repr_of_many_axes_is_short():
    assert len(repr(xp.zeros((6,) * 7))) < 5000
