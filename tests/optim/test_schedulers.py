"""Learning-rate schedules: the rates of PyTorch, jumps, state dicts and errors."""

import math
import warnings

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import optim
from tensorxp.optim import lr_scheduler, swa_utils

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")


def make(library, adam=False):
    """Return an optimizer with two groups, and its library's schedulers."""
    if library is torch:
        params = [torch.zeros(2, requires_grad=True) for _ in range(2)]
        kind = torch.optim.Adam if adam else torch.optim.SGD
        module = torch.optim.lr_scheduler
    else:
        params = [xp.zeros(2, requires_grad=True) for _ in range(2)]
        kind = optim.Adam if adam else optim.SGD
        module = lr_scheduler
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.03}]
    return kind(groups, lr=0.1, **({} if adam else {"momentum": 0.9})), module


class Factor:
    """A callable object, whose attributes are saved."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, epoch):
        return self.rate**epoch


def sequential(s, o, *milestones, **options):
    schedulers = [
        s.ConstantLR(o, factor=0.1, total_iters=3),
        s.ExponentialLR(o, gamma=0.9),
        s.CosineAnnealingLR(o, T_max=5),
    ]
    return s.SequentialLR(o, schedulers[: len(milestones) + 1], milestones=list(milestones))


SCHEDULES = {
    "lambda": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)]),
    "lambda-object": lambda s, o: s.LambdaLR(o, Factor(0.8)),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.95),
    "step": lambda s, o: s.StepLR(o, 4, gamma=0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 7, 7, 12], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant-half": lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=8),
    "linear": lambda s, o: s.LinearLR(o),
    "linear-down": lambda s, o: s.LinearLR(o, 1.0, 0.1, total_iters=12),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial-2": lambda s, o: s.PolynomialLR(o, total_iters=15, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=6),
    "cosine-min": lambda s, o: s.CosineAnnealingLR(o, T_max=9, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=5),
    "restarts-2": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.001),
    "onecycle": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=30),
    "onecycle-linear": lambda s, o: s.OneCycleLR(
        o, max_lr=[0.5, 0.2], epochs=5, steps_per_epoch=6, anneal_strategy="linear", pct_start=0.4
    ),
    "onecycle-three": lambda s, o: s.OneCycleLR(
        o, max_lr=0.5, total_steps=30, three_phase=True, div_factor=10, final_div_factor=100
    ),
    "onecycle-plain": lambda s, o: s.OneCycleLR(
        o, max_lr=0.5, total_steps=30, cycle_momentum=False
    ),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.2, step_size_up=4),
    "cyclic-2": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], 0.2, step_size_up=4, step_size_down=7, mode="triangular2"
    ),
    "cyclic-exp": lambda s, o: s.CyclicLR(
        o, 0.01, 0.2, step_size_up=5, mode="exp_range", gamma=0.9, base_momentum=0.7
    ),
    "cyclic-fn": lambda s, o: s.CyclicLR(
        o, 0.01, 0.2, step_size_up=5, scale_fn=lambda x: 0.5**x, cycle_momentum=False
    ),
    "sequential": lambda s, o: sequential(s, o, 4),
    "sequential-3": lambda s, o: sequential(s, o, 4, 11),
    "warmup-cosine": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingWarmRestarts(o, T_0=6)], [5]
    ),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, factor=0.1, total_iters=5), s.ExponentialLR(o, gamma=0.9)]
    ),
    "chained-3": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o), s.CosineAnnealingLR(o, T_max=7), s.StepLR(o, 5)], optimizer=o
    ),
}
EPOCHS = 30


def rates(optimizer, scheduler, steps):
    found = []
    for _ in range(steps):
        row = [group["lr"] for group in optimizer.param_groups]
        assert scheduler.get_last_lr() == row
        for group in optimizer.param_groups:
            row.append(group["betas"][0] if "betas" in group else group["momentum"])
        found.append(row)
        optimizer.step()
        scheduler.step()
    return np.array(found, dtype=float)


@needs_torch
@pytest.mark.parametrize("adam", [False, True], ids=["momentum", "beta1"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_pytorch(name, adam):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        both = []
        for library in (xp, torch):
            optimizer, module = make(library, adam)
            both.append(rates(optimizer, SCHEDULES[name](module, optimizer), EPOCHS))
    np.testing.assert_allclose(both[0], both[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_go_on_from_a_state_dict(name):
    optimizer, module = make(xp)
    whole = rates(optimizer, SCHEDULES[name](module, optimizer), 20)
    optimizer, module = make(xp)
    scheduler = SCHEDULES[name](module, optimizer)
    rates(optimizer, scheduler, 9)
    states = scheduler.state_dict(), optimizer.state_dict()
    optimizer, module = make(xp)
    scheduler = SCHEDULES[name](module, optimizer)
    scheduler.load_state_dict(states[0])
    optimizer.load_state_dict(states[1])
    np.testing.assert_allclose(rates(optimizer, scheduler, 11), whole[9:], rtol=1e-12)


@needs_torch
@pytest.mark.parametrize(
    "name", ["step", "multistep", "constant", "linear", "exponential", "polynomial", "cosine",
             "restarts", "restarts-2", "lambda"],
)  # fmt: skip
def test_steps_to_an_epoch(name):
    both = []
    for library in (xp, torch):
        optimizer, module = make(library)
        scheduler = SCHEDULES[name](module, optimizer)
        optimizer.step()
        found = []
        for epoch in (3, 0, 8, 20):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step(epoch)
            found.append([group["lr"] for group in optimizer.param_groups])
        both.append(found)
    np.testing.assert_allclose(both[0], both[1], rtol=1e-10, atol=1e-12)


def test_restarts_take_fractions_of_an_epoch():
    optimizer, module = make(xp)
    scheduler = module.CosineAnnealingWarmRestarts(optimizer, T_0=4)
    scheduler.step(2.0)
    assert math.isclose(scheduler.get_last_lr()[0], 0.05)
    scheduler.step(5.0)
    assert scheduler.last_epoch == 5 and scheduler.T_cur == 1.0


@needs_torch
@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "factor": 0.5, "min_lr": [0.01, 0.02]},
        {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.1},
        {"mode": "max", "patience": 2},
        {"threshold_mode": "abs", "patience": 1, "threshold": 0.2, "eps": 0.02},
    ],
)
def test_plateau(options):
    metrics = [1.0, 0.9, 0.95, 0.93, 0.92, 0.8, 0.8, 0.8, 0.79, 0.8, 0.81, 0.9, 1.2, 1.25, 1.25]
    both = []
    for library in (xp, torch):
        optimizer, module = make(library)
        scheduler = module.ReduceLROnPlateau(optimizer, **options)
        found = []
        for metric in metrics:
            optimizer.step()
            scheduler.step(xp.asarray(metric) if library is xp else metric)
            found.append([group["lr"] for group in optimizer.param_groups])
        both.append(found)
    np.testing.assert_allclose(both[0], both[1], rtol=1e-12)


@needs_torch
@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear", "anneal_epochs": 4},
                                     {"anneal_epochs": 0}])  # fmt: skip
def test_swalr(options):
    both = []
    for library in (xp, torch):
        optimizer, _ = make(library)
        module = swa_utils if library is xp else torch.optim.swa_utils
        both.append(rates(optimizer, module.SWALR(optimizer, 0.02, **options), 15))
    np.testing.assert_allclose(both[0], both[1], rtol=1e-10)


def test_a_warning_when_the_order_of_steps_is_wrong():
    optimizer, module = make(xp)
    scheduler = module.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="before"):
        scheduler.step()


ERRORS = [
    (lambda o: lr_scheduler.StepLR(3, 2), TypeError, "optimizer"),
    (lambda o: lr_scheduler.StepLR(o, 2, last_epoch=3), KeyError, "initial_lr"),
    (lambda o: lr_scheduler.LambdaLR(o, [len]), ValueError, "Expected 2"),
    (lambda o: lr_scheduler.MultiplicativeLR(o, 3), TypeError, "function"),
    (lambda o: lr_scheduler.ConstantLR(o, factor=2), ValueError, "between 0 and 1"),
    (lambda o: lr_scheduler.LinearLR(o, 0.0), ValueError, "start_factor"),
    (lambda o: lr_scheduler.LinearLR(o, 0.1, 2), ValueError, "end_factor"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1), ValueError, "total_steps"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1, 10, pct_start=2.0), ValueError, "pct_start"),
    (lambda o: lr_scheduler.OneCycleLR(o, [1], 10), ValueError, "1 values"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1, mode="x"), ValueError, "mode"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "at least one"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [1]), ValueError, "need"),
    (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "at least one"),
    (
        lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(o)]),
        ValueError,
        "ReduceLROnPlateau",
    ),
    (
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.StepLR(o, 1), lr_scheduler.StepLR(make(xp)[0], 1)]
        ),
        ValueError,
        "same optimizer",
    ),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="x"), ValueError, "mode"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold"),
    (lambda o: swa_utils.SWALR(o, 0.1, anneal_strategy="x"), ValueError, "anneal_strategy"),
    (lambda o: swa_utils.SWALR(o, 0.1, anneal_epochs=-1), ValueError, "anneal_epochs"),
]


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call(make(xp)[0])


def test_onecycle_ends():
    optimizer, module = make(xp)
    scheduler = module.OneCycleLR(optimizer, 0.5, total_steps=5)
    rates(optimizer, scheduler, 5)
    with pytest.raises(ValueError, match="Tried to step 6 times"):
        scheduler.step()
