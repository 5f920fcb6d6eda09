"""Anomaly mode: which forward call made the node whose backward fails or gives NaN."""

import traceback
from typing import Any

from tensorxp._core.node import Extra, Slot
from tensorxp._core.watchers import Watcher, watch


class _Anomaly(Watcher):
    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        for y in out if isinstance(out, tuple) else (out,):
            node = y._node
            if node is None:
                continue
            node = node.main if isinstance(node, Slot) else node
            if node.extra is None:
                node.extra = Extra()
            frames = [f for f in traceback.extract_stack() if "tensorxp" not in f.filename]
            node.extra.where = "".join(traceback.format_list(frames[-8:]))
            node.extra.check_nan = self.check_nan


class detect_anomaly:
    """Record where each operation is called; failing backward passes then name the place.

    With `check_nan` (default) a NaN made by a node in backward raises a RuntimeError. Slow:
    for debugging only.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._scope = watch(_Anomaly(check_nan))

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(self, *exc: Any) -> None:
        self._scope.__exit__(*exc)
