"""The families of docstrings of optimisers and of learning-rate schedules."""

from tensorxp._backend.families import Family

optimiser = Family(
    """
params : iterable
    Tensors, (name, Tensor) pairs, or dicts with "params" and options of a group.
lr : float or Tensor
    Not negative.
betas : pair of floats
    β₁ and β₂, in [0, 1).
eps : float
weight_decay : float
    Adds weight_decay · p to g.
foreach, capturable, fused : bool or None
    Ignored.
maximize : bool
    Go up: -g for g.
differentiable : bool
    True is not supported.
""",
    raises="""
TypeError
    `params` holds anything but Tensors.
ValueError
    `params` is empty or not of leaves, or an option is out of its range.
NotImplementedError
    `differentiable` is True.
""",
)
schedule = Family(
    """
optimizer : Optimizer
last_epoch : int
    To resume after this epoch, with the optimizer's state loaded; -1: start.
""",
    raises="TypeError\n    `optimizer` is no Optimizer.",
)
