"""What `nn` takes from this layer: operations of networks that the namespace does not have."""

from tensorxp._ops import activation, dense, gathering, normalization, recurrence
from tensorxp._ops.attention import attention, fusible
from tensorxp._ops.convolution import convolve, spread
from tensorxp._ops.gelu import gelu, gelu_tanh
from tensorxp._ops.half import in_single, is_half, singly
from tensorxp._ops.pooling import max_places, max_pool, sum_pool
from tensorxp._ops.resampling import along
from tensorxp._ops.unfolding import fold, unfold
from tensorxp._ops.windows import Steps, Window

__all__ = [
    "Steps",
    "Window",
    "activation",
    "along",
    "attention",
    "convolve",
    "dense",
    "fold",
    "fusible",
    "gathering",
    "gelu",
    "gelu_tanh",
    "in_single",
    "is_half",
    "max_places",
    "max_pool",
    "normalization",
    "recurrence",
    "singly",
    "spread",
    "sum_pool",
    "unfold",
]
