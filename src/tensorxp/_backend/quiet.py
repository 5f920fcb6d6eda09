"""NumPy's error state as it is and as backward wants it: one variable, read and set at once.

`np.errstate` takes several steps, between which an interrupt (Ctrl-C) may come: its `__enter__`
can end after the change and before it is noted, and then nothing undoes it.
"""

from contextvars import copy_context
from typing import Any

import numpy as np


class _ByFunctions:
    """The error state by `geterr` and `seterr`, where NumPy keeps it in no context variable."""

    @staticmethod
    def get() -> Any:
        return np.geterr()

    @staticmethod
    def set(state: Any) -> None:
        np.seterr(**state)


def _find() -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        for variable, value in copy_context().items():
            if variable.name == "numpy.ufunc.extobj":
                return variable, value
        return _ByFunctions, np.geterr()


#: `ERRORS.get()` is the present error state, `ERRORS.set(QUIET)` lets nothing warn or raise.
ERRORS, QUIET = _find()


class quiet:
    """A scope without NumPy's warnings and floating-point errors."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = before = ERRORS.get()
        try:
            ERRORS.set(QUIET)
        except BaseException:  # an interrupt: the scope is not entered, so nothing would leave it
            ERRORS.set(before)
            raise

    def __exit__(self, *exc: object) -> None:
        ERRORS.set(self._before)
