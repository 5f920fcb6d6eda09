"""Random numbers: generators, one stream for each device, and the common distributions.

>>> import tensorxp as xp
>>> _ = xp.random.manual_seed(0)
>>> xp.random.randn(2, 3).shape
(2, 3)
"""

from tensorxp._backend.names import listing
from tensorxp.random._distributions import (
    bernoulli,
    beta,
    exponential,
    gamma,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    uniform,
)
from tensorxp.random._generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from tensorxp.random._sampling import choice, multinomial, permutation, randperm, shuffle

__all__ = [
    "Generator",
    "bernoulli",
    "beta",
    "choice",
    "default_generator",
    "exponential",
    "fork_rng",
    "gamma",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "permutation",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
    "shuffle",
    "uniform",
]
__dir__ = listing(globals())
