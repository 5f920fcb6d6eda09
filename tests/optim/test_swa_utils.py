"""Averaged models: SWA and EMA beside PyTorch's, buffers, and the statistics of batch norms."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.optim import swa_utils

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

AVERAGES = {
    "swa": lambda m: {},
    "ema": lambda m: {"multi_avg_fn": m.get_ema_multi_avg_fn(0.9)},
    "ema-buffers": lambda m: {"multi_avg_fn": m.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "ema-one": lambda m: {"avg_fn": m.get_ema_avg_fn(0.8)},
    "swa-one": lambda m: {"avg_fn": m.get_swa_avg_fn()},
    "swa-many": lambda m: {"multi_avg_fn": m.get_swa_multi_avg_fn()},
}


def model(library):
    nn = library.nn
    found = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    return found.double()


def fill(library, m, step):
    rng = np.random.default_rng(step)
    with library.no_grad():
        for value in [*m.parameters(), *m.buffers()]:
            drawn = rng.normal(size=tuple(value.shape)) * 3
            drawn = drawn.astype(np.asarray(value.detach().cpu()).dtype)
            value.detach().copy_(
                torch.tensor(drawn) if library is torch else xp.asarray(drawn).to(value.device)
            )


@needs_torch
@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_those_of_pytorch(name):
    both = []
    for library in (xp, torch):
        utils = swa_utils if library is xp else torch.optim.swa_utils
        source = model(library)
        averaged = utils.AveragedModel(source, **AVERAGES[name](utils))
        for step in range(4):
            fill(library, source, step)
            averaged.update_parameters(source)
        both.append({k: np.asarray(v) for k, v in averaged.state_dict().items()})
    assert list(both[0]) == list(both[1])
    for key, value in both[1].items():
        # PyTorch weighs "swa-many" in single precision
        tolerance = 1e-6 if name == "swa-many" else 1e-10
        np.testing.assert_allclose(both[0][key], value, tolerance, tolerance, err_msg=key)


@needs_torch
def test_update_bn_recomputes_the_statistics():
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(8, 3)) for _ in range(3)]
    both = []
    for library in (xp, torch):
        utils = swa_utils if library is xp else torch.optim.swa_utils
        make = xp.asarray if library is xp else torch.tensor
        m = model(library)
        fill(library, m, 1)
        m.eval()
        utils.update_bn([(make(b), 0) for b in batches], m)
        assert not m.training and m[1].momentum == 0.1
        both.append([np.asarray(b) for b in m.buffers()])
    for ours, theirs in zip(*both, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_the_average_runs_and_leaves_the_model_alone(device):
    source = model(xp)
    averaged = swa_utils.AveragedModel(source, device=device)
    averaged.update_parameters(source)
    assert next(averaged.parameters()).device == device
    x = xp.ones((2, 3), device=device)
    assert averaged.eval()(x).shape == (2, 4)
    assert int(averaged.n_averaged) == 1
    before = source[0].weight.detach().copy()
    fill(xp, averaged.module, 5)
    assert bool(xp.all(source[0].weight == before))


def test_errors():
    with pytest.raises(ValueError, match="not both"):
        swa_utils.AveragedModel(model(xp), avg_fn=len, multi_avg_fn=len)
    with pytest.raises(ValueError, match="decay"):
        swa_utils.get_ema_multi_avg_fn(1.5)
