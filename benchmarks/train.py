"""Training steps beside PyTorch and JAX jit: `python benchmarks/train.py [--rounds N] …`.

The step of an MLP (SGD and Adam) and of a CNN (SGD) is forward, gradient and update; for an LSTM
and a transformer encoder layer it is forward and gradient. These are workloads of
`python -m benchmarks`, whose options hold here too, and part of its full run.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.__main__ import main as run

DEFAULTS = {
    "--only": "mlp,cnn,lstm,transformer",
    "--peers": "numpy,tensorxp,torch,jax-jit",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workloads that train; what the command line names replaces the defaults."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = {argument.partition("=")[0] for argument in given}
    chosen = [part for pair in DEFAULTS.items() if pair[0] not in named for part in pair]
    return run([*chosen, *given])


if __name__ == "__main__":
    sys.exit(main())
