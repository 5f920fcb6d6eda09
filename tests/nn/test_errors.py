"""Bad arguments of layers, losses and tools: errors that name what was given; nothing changes."""

import inspect
import warnings

import pytest

import tensorxp as xp
from tensorxp import nn

F = nn.functional
U = nn.utils
L = xp.optim.lr_scheduler


def f(*shape):
    return xp.ones(shape, dtype=xp.float32)


def i(*shape):
    return xp.ones(shape, dtype=xp.int64)


def sgd():
    return xp.optim.SGD([xp.ones(2, requires_grad=True)], lr=0.1)


# the call, its error, and words of the message
CASES = [
    ("F.relu_([1.0])", TypeError, "list"),
    ("F.celu(f(3), 0)", ZeroDivisionError, "alpha is 0"),
    ("F.glu(f(4), 3)", IndexError, "glu: axis 3"),
    ("F.gumbel_softmax(f(3), tau=0)", ValueError, "tau is 0"),
    ("F.softmax([1.0])", TypeError, "softmax: input"),
    ("F.prelu(f(2, 3), 0.5)", TypeError, "weight"),
    ("F.linear([1.0], f(2, 1))", TypeError, "linear: input"),
    ("F.dropout2d(f(3))", RuntimeError, "dropout2d"),
    ("F.group_norm(f(3), 3)", ValueError, "at least 2 axes"),
    ("F.group_norm(f(3, 4), 0)", ValueError, "num_groups is 0"),
    ("F.layer_norm(i(3, 2), 2)", TypeError, "int64"),
    ("F.batch_norm(f(3, 2), f(3), f(3))", ValueError, r"running_mean has shape \(3,\)"),
    ("F.local_response_norm(f(3, 4, 5), 0)", ValueError, "size is 0"),
    ("F.pad(f(3, 4), 1)", TypeError, "pad is 1"),
    ("F.pad(f(3, 0), (1, 0), 'replicate')", RuntimeError, "empty"),
    ("F.conv1d(f(1, 2, 3), f(1, 2, 2), f(2))", ValueError, "bias"),
    ("F.conv1d(f(1, 2, 3), f(1, 2, 2), stride=1.5)", TypeError, "stride is 1.5"),
    ("F.conv_transpose1d(f(1, 2, 3), f(2, 2, 2), groups=0)", RuntimeError, "groups is 0"),
    ("F.conv_transpose1d(f(1, 2, 3), f(2, 2, 2), stride=0)", RuntimeError, "stride is"),
    ("F.unfold(f(1, 2, 3, 3), 0)", RuntimeError, "kernel_size"),
    ("F.avg_pool1d(f(1, 2, 4), 2, padding=-1)", RuntimeError, "padding"),
    ("F.lp_pool1d(f(1, 2, 4), 0, 2)", ValueError, "norm_type is 0"),
    ("F.max_unpool1d(f(2), i(2), 2)", ValueError, "at least 2 axes"),
    ("F.adaptive_max_pool1d(f(1, 2, 4), 0)", RuntimeError, "output_size is 0"),
    ("F.adaptive_avg_pool2d(f(1, 2, 0, 4), 2)", RuntimeError, "at least 1 element"),
    ("F.adaptive_avg_pool1d(f(1, 2, 4), -1)", RuntimeError, "output_size is -1"),
    ("F.interpolate(f(1, 2, 4), 0)", ValueError, "size is 0"),
    ("F.interpolate(f(1, 2, 4), (3, 4))", ValueError, r"size is \(3, 4\)"),
    ("F.interpolate(f(1, 2, 4), scale_factor=0.1)", ValueError, "scale_factor is 0.1"),
    ("F.interpolate(i(1, 2, 4), 8, mode='linear')", TypeError, "int64"),
    ("F.pixel_shuffle(f(2, 2), 2)", ValueError, "at least 3 axes"),
    ("F.pixel_unshuffle(f(1, 3, 3), 0)", ValueError, "downscale_factor is 0"),
    ("F.channel_shuffle(f(1, 3), 0)", ValueError, "groups is 0"),
    ("F.affine_grid(f(1, 2, 3), (1, 1, 4))", ValueError, "theta"),
    ("F.grid_sample(f(1, 2, 4, 4), f(2, 3, 3, 2))", ValueError, "grid"),
    ("F.scaled_dot_product_attention(f(3, 4), f(5, 4), [1])", TypeError, "value"),
    ("F.cross_entropy(i(3, 4), i(3))", TypeError, "input has dtype int64"),
    ("F.nll_loss(f(), i())", ValueError, "at least 1 axes"),
    ("F.nll_loss(f(3, 4), 7 * i(3))", IndexError, "Target 7 is out of bounds; allowed are 0 to 3"),
    ("F.multi_margin_loss(f(3, 2), i(4))", ValueError, "target has shape"),
    ("F.multi_margin_loss(f(3, 2), i(3), weight=f(3))", ValueError, "weight has shape"),
    ("F.multilabel_margin_loss(f(3, 2), f(3, 2))", TypeError, "target has dtype"),
    ("F.pdist(f(3))", ValueError, r"input has shape \(3,\)"),
    ("F.pdist(f(3, 2), -1)", ValueError, "p is -1"),
    ("F.ctc_loss(f(5, 2, 3), i(2, 3), (6, 5), (3, 3))", ValueError, "input_lengths"),
    ("F.ctc_loss(f(5, 2, 3), i(2, 3), (5, 5), (3, 4))", ValueError, "target_lengths"),
    ("F.ctc_loss(f(5, 2, 3), i(3, 3), (5, 5), (3, 3))", ValueError, "targets has shape"),
    ("nn.GRUCell(2, 3)(f(1, 2), f(2, 3))", RuntimeError, r"hx has shape \(2, 3\)"),
    ("nn.LSTMCell(2, 3)(f(2, 2), f(2, 3))", TypeError, "expected 2 Tensors"),
    ("nn.RNNBase('XX', 2, 3)", ValueError, "mode is 'XX'"),
    ("nn.GroupNorm(-2, 4)", ValueError, "num_groups is -2"),
    ("nn.Unflatten(5, (5,))(f(2, 5))", IndexError, "axis 5"),
    ("nn.init.dirac_(f(3, 3, 3), 0)", ValueError, "groups"),
    ("nn.init.sparse_(f(3, 3), 2)", ValueError, "sparsity is 2"),
    ("nn.init.uniform_(f(3), 2, 1)", ValueError, "a is 2"),
    ("nn.init.trunc_normal_(f(3), a=5, b=2)", ValueError, "a is 5"),
    ("nn.init.ones_([1.0])", TypeError, "list"),
    ("U.get_total_norm([1.0])", TypeError, "an item of tensors"),
    ("U.get_total_norm([f(3)], 0)", ValueError, "norm_type is 0"),
    ("U.clip_grad_value_([f(3)], -1)", ValueError, "clip_value is -1"),
    ("U.weight_norm(nn.ReLU())", AttributeError, "no parameter 'weight'"),
    ("U.weight_norm(nn.Linear(2, 2), dim=5)", IndexError, "axis 5"),
    ("U.spectral_norm(3)", TypeError, "module is a int"),
    ("U.rnn.pack_padded_sequence(f(3), [3])", ValueError, "at least 2 axes"),
    ("U.rnn.pack_padded_sequence(f(3, 1), [4])", RuntimeError, "a length is 4"),
    ("U.rnn.pad_sequence([])", ValueError, "sequences is empty"),
    ("U.rnn.pad_packed_sequence(3)", TypeError, "PackedSequence"),
    ("xp.optim.SGD(3)", TypeError, "params is a int"),
    ("xp.optim.SGD([{'lr': 1}])", KeyError, "no 'params'"),
    ("sgd().load_state_dict({})", KeyError, "no 'state'"),
    ("L.StepLR(sgd(), 0)", ValueError, "step_size is 0"),
    ("L.MultiStepLR(sgd(), 3)", TypeError, "milestones is 3"),
    ("L.CosineAnnealingLR(sgd(), 0)", ValueError, "T_max is 0"),
    ("L.CyclicLR(sgd(), 0.1, 1.0, 0)", ValueError, "step_size_up is 0"),
    ("L.ChainedScheduler([3])", TypeError, r"schedulers\[0\] is a int"),
    ("xp.optim.swa_utils.AveragedModel(3)", TypeError, "model is a int"),
    ("xp.optim.swa_utils.update_bn([], 3)", TypeError, "model is a int"),
    ("xp.optim.swa_utils.SWALR(3, 0.1)", TypeError, "optimizer is a int"),
    ("xp.utils.summary(3)", TypeError, "module is a int"),
    ("xp.utils.draw_graph(3)", TypeError, "t is a int"),
]


# arguments of layers that 2 for each does not make
ARGUMENTS = {
    "RNNBase": ("GRU", 2, 2),
    "Threshold": (0.1, 0.2),
    "Transformer": (4, 2, 1, 1, 4),
    "TransformerDecoder": (nn.TransformerDecoderLayer(4, 2), 1),
    "TransformerDecoderLayer": (4, 2),
    "TransformerEncoder": (nn.TransformerEncoderLayer(4, 2), 1),
    "TransformerEncoderLayer": (4, 2),
    "Unflatten": (0, (1,)),
}
CONTAINERS = ("Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential")
LAYERS = [
    name for name in nn.__all__
    if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    and name not in (*CONTAINERS, "Identity", "RNNCellBase")
]  # fmt: skip


def needed(function):
    """Return how many arguments a call of `function` must have."""
    found = inspect.signature(function).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in found)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_take_tensors_alone(name):
    cls = getattr(nn, name)
    layer = cls(*ARGUMENTS.get(name, (2,) * needed(cls)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError, match=r"is a builtins\.object"):
            layer(*(object() for _ in range(needed(layer.forward))))


@pytest.mark.parametrize("call, error, words", CASES, ids=[case[0] for case in CASES])
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        eval(call)


def test_too_short_a_vector_changes_nothing():
    parameters = [xp.zeros(2), xp.zeros(4)]
    with pytest.raises(ValueError, match="vec has 3 elements"):
        U.vector_to_parameters(f(3), parameters)
    assert not any(bool(xp.any(p)) for p in parameters)


def test_a_batch_that_fails_does_not_count():
    norm = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="running_mean has shape"):
        norm(f(2, 4))
    assert int(norm.num_batches_tracked) == 0


def test_averages_of_another_model_change_nothing():
    averaged = xp.optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="other shapes"):
        averaged.update_parameters(nn.Linear(3, 2))
    assert int(averaged.n_averaged) == 0


def test_constant_factor_of_zero():
    optimizer = sgd()
    schedule = L.ConstantLR(optimizer, 0.0, total_iters=2)
    rates = []
    for _ in range(3):
        optimizer.step()
        rates += schedule.get_last_lr()
        schedule.step()
    assert rates == [0.0, 0.0, 0.1]
