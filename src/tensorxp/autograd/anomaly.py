"""Anomaly mode: which forward call made the node whose backward fails or gives NaN."""

import traceback
from pathlib import Path
from typing import Any

from tensorxp._core.node import extra_of
from tensorxp._core.watchers import Watcher, watch

_PACKAGE = str(Path(__file__).parent.parent)


class _Anomaly(Watcher):
    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        for y in out if isinstance(out, tuple) else (out,):
            if y._node is None:
                continue
            extra = extra_of(getattr(y._node, "main", y._node))
            frames = traceback.extract_stack()
            own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
            extra.where = "".join(traceback.format_list(own[-8:]))
            extra.check_nan = self.check_nan


class detect_anomaly:
    """Record where each operation is called; failing backward passes then name the place.

    Slow: for debugging only. A context manager; only operations called within it are watched.

    Parameters
    ----------
    check_nan : bool
        Whether a NaN made by a node in backward raises a RuntimeError.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._scopes: list[watch] = []  # may be entered again within itself

    def __enter__(self) -> None:
        scope = watch(_Anomaly(self._check_nan))
        self._scopes = [*self._scopes, scope]
        scope.__enter__()

    def __exit__(self, *exc: Any) -> None:
        *self._scopes, scope = self._scopes
        scope.__exit__()
