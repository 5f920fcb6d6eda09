"""Tables and trees of modules, and what notebooks show of tensors."""

import pickle

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.utils.summary import module_html, module_rows


def model():
    return xp.nn.Sequential(xp.nn.Linear(4, 8), xp.nn.Sequential(xp.nn.Linear(8, 2), xp.nn.ReLU()))


def test_rows_count_what_is_below():
    rows = {row.path: row for row in module_rows(model())}
    assert rows[""].parameters == 58 and rows["1"].parameters == rows["1.0"].parameters == 18
    assert rows[""].nbytes == 232 and rows["1.1"].parameters == 0
    assert list(module_rows(model(), depth=1))[-1].path == "1"


def test_summary_tells_totals_and_what_is_trained():
    m = model()
    m[0].requires_grad_(False)
    text = xp.utils.summary(m)
    assert text.splitlines()[-1] == "total: 58 parameters, 18 of them trained, 232 B"
    assert "    0   Linear" in text
    assert repr(text) == str(text) == text  # the prompt shows lines, not an escaped string
    page = text._repr_html_()
    assert page.startswith("<pre") and "monospace" in page and "\n  0 " in page
    assert pickle.loads(pickle.dumps(text)) == text and f"{text}" == text


def test_tables_of_tensors_are_in_a_font_of_one_width():
    for x in (xp.ones(3), xp.ones((20, 30)), xp.asarray(1.5)):
        assert '<table style="font-family:' in x._repr_html_() and "monospace" in x._repr_html_()


def test_shared_parameters_count_once():
    m = xp.nn.Sequential(xp.nn.Linear(3, 3), xp.nn.Linear(3, 3))
    m[1].weight = m[0].weight
    assert module_rows(m)[0].parameters == 15


def test_module_html_is_a_tree_and_escaped():
    class Odd(xp.nn.Module):
        def extra_repr(self):
            return "<script>"

    text = module_html(xp.nn.Sequential(model(), Odd()))
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert text.count("<details") == text.count("</details>") == 5
    assert "58 parameters, 232 B" in text
    assert model()._repr_html_() == module_html(model())
    assert model().summary(depth=0).count("\n") == 3


@pytest.mark.parametrize("shape", [(), (0,), (3,), (40,), (2, 3), (40, 50), (0, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "complex128", "int8", "bool"])
def test_tensor_html(shape, dtype):
    x = xp.asarray(np.ones(shape, dtype=dtype))
    text = x._repr_html_()
    assert dtype in text and len(text) < 20_000
    assert text.count("<tr>") == text.count("</tr>")


def test_tensor_html_shows_the_edges_and_the_history():
    x = xp.tensor(np.arange(400.0).reshape(20, 20), requires_grad=True)
    text = x._repr_html_()
    assert "requires_grad" in text and ">399<" in text and "…" in text and ">200<" not in text
    assert "grad_fn multiply" in (x * 2)._repr_html_()


def test_tensor_html_on_devices(device):
    assert device in xp.ones((30, 30), device=device)._repr_html_()
