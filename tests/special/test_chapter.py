"""Every public function of `xp.special` has a row in a table of this folder."""

from tensorxp import special
from tests.special import test_counts_and_powers, test_elementwise, test_softmax


def test_rows_cover_the_chapter() -> None:
    modules = (test_counts_and_powers, test_elementwise, test_softmax)
    covered = {row.name.split("(")[0].split(" ")[0] for module in modules for row in module.ROWS}
    assert set(special.__all__) - covered == {"gammasgn"}  # piecewise constant, tested by name
