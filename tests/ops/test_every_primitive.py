"""Every differentiable primitive of the package is reached by a row that checks gradients."""

from typing import Any

import tensorxp
from tensorxp._core.primitive import Primitive
from tensorxp._core.watchers import Watcher, watch
from tests.harness import sample
from tests.tables import primitives, rows


class Recorder(Watcher):
    """Collects the primitives that are called."""

    def __init__(self) -> None:
        self.seen: set[Primitive] = set()

    def after(self, op: Primitive, inputs: Any, params: Any, out: Any) -> None:
        """Remember `op`."""
        self.seen.add(op)


def test_every_differentiable_primitive_has_a_row() -> None:
    recorder = Recorder()
    with watch(recorder):
        for row in rows():
            for kind in ("real", "complex") if row.complex else ("real",):
                if row.gradients:
                    row.fn(*[tensorxp.asarray(a) for a in sample(row, kind)])
    missing = sorted(name for op, name in primitives().items() if op not in recorder.seen)
    assert not missing, f"no row has: {', '.join(missing)}"
