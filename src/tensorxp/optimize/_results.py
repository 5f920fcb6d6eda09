"""What the solvers share: SciPy on first use, and the result."""

from importlib import import_module
from typing import Any


def scipy_optimize(function: str) -> Any:
    """Return `scipy.optimize`; ImportError that says how to get it."""
    try:
        return import_module("scipy.optimize")
    except ImportError as error:
        raise ImportError(
            f"optimize.{function}: needs scipy.optimize, which cannot be imported ({error}); "
            "`pip install 'tensorxp[special]'` brings it"
        ) from error


class OptimizeResult(dict[str, Any]):
    """What a solver found: a dict whose entries are attributes too, as SciPy's.


    >>> xp.optimize.OptimizeResult(x=1.0, success=True).x
    1.0
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the result has no {name!r}; it has {sorted(self)}") from None

    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        width = max((len(name) for name in self), default=0)
        return "\n".join(f"{name:>{width}}: {value!r}" for name, value in self.items())
