"""Schedules of the learning rate, as `torch.optim.lr_scheduler`.

>>> import tensorxp as xp
>>> optimizer = xp.optim.SGD([xp.zeros(1, requires_grad=True)], lr=1.0)
>>> scheduler = xp.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
>>> for _ in range(3):
...     optimizer.step()
...     scheduler.step()
>>> scheduler.get_last_lr()
[0.5]
"""

from tensorxp._backend.names import listing
from tensorxp.optim.lr_scheduler._base import LRScheduler
from tensorxp.optim.lr_scheduler._composed import (
    ChainedScheduler,
    ReduceLROnPlateau,
    SequentialLR,
)
from tensorxp.optim.lr_scheduler._cycles import (
    CosineAnnealingWarmRestarts,
    CyclicLR,
    OneCycleLR,
)
from tensorxp.optim.lr_scheduler._schedules import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
__dir__ = listing(globals())
