"""Optimizers, as PyTorch's `torch.optim`: names, arguments, defaults and state dicts.

>>> import tensorxp as xp
>>> w = xp.zeros(2, requires_grad=True)
>>> optimizer = xp.optim.Adam([w], lr=0.1)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     loss = xp.sum((w - 1) ** 2)
...     loss.backward()
...     optimizer.step()
"""

from importlib import import_module
from typing import Any

from tensorxp._backend.names import UnknownName, listing
from tensorxp.optim import lr_scheduler
from tensorxp.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam
from tensorxp.optim.adaptive import Adadelta, Adagrad, RMSprop
from tensorxp.optim.lbfgs import LBFGS
from tensorxp.optim.optimizer import Optimizer
from tensorxp.optim.sgd import SGD

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "SGD",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name: str) -> Any:
    """Import `swa_utils`, which needs `tensorxp.nn`, when it is first used."""
    if name == "swa_utils":
        return import_module(f"{__name__}.swa_utils")
    raise UnknownName(__name__, name)


__dir__ = listing(globals())
