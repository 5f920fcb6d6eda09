"""The profiler: counts, nesting, modules, memory, and that it leaves results as they are."""

import json

import numpy as np
import pytest

import tensorxp as xp


def work():
    x = xp.asarray(np.ones((4, 4)), requires_grad=True)
    y = xp.sum(xp.exp(x) * x)
    y.backward()
    return x.grad


def test_operations_and_backward_nodes_are_counted():
    with xp.profiler.profile() as p:
        grad = work()
    rows = {row.name: row for row in p.rows()}
    assert {"exp", "multiply", "sum", "exp backward", "multiply backward"} <= set(rows)
    assert rows["exp"].calls == 1 and rows["exp"].nbytes == 128
    assert all(row.own >= 0 and row.total >= row.own for row in rows.values())
    assert xp.all(grad == work())
    assert not xp.exp(xp.ones(2)).requires_grad and len(p.events) == sum(
        r.calls for r in rows.values()
    )


def test_times_nest():
    with xp.profiler.profile() as p, p.region("outer"):
        with p.region("inner"):
            work()
    outer, inner = p.events[:2]
    assert outer.depth == 0 and inner.depth == 1 and p.events[2].depth == 2
    assert outer.start <= inner.start and inner.end <= outer.end
    assert outer.own == outer.duration - inner.duration
    whole = sum(event.own for event in p.events)
    assert whole == outer.duration


def test_backward_runs_on_raw_arrays_and_rules_on_tensors_are_seen_inside():
    x = xp.asarray(np.ones(3), requires_grad=True)
    with xp.profiler.profile() as p:
        y = xp.sum(x * x)
        (g,) = xp.autograd.grad(y, x, create_graph=True)
    inside = [e for e in p.events if e.kind == "op" and e.depth == 1]
    assert inside, "create_graph runs the rules through the door"
    assert g.requires_grad


def test_modules():
    model = xp.nn.Sequential(xp.nn.Linear(4, 3), xp.nn.Sequential(xp.nn.Linear(3, 2)))
    x = xp.ones((5, 4), dtype=xp.float32)
    with xp.profiler.profile(model) as p:
        xp.sum(model(x)).backward()
    assert {e.name for e in p.events if e.kind == "module"} == {
        "Sequential", "0 (Linear)", "1 (Sequential)", "1.0 (Linear)",
    }  # fmt: skip
    by_module = {row.name: row for row in p.rows(by="module")}
    assert {"0", "1.0"} <= set(by_module)
    assert any(e.kind == "backward" and e.module == "1.0" for e in p.events)
    assert not model._forward_hooks and not model[0]._forward_pre_hooks


def test_errors_close_spans():
    with pytest.raises(ValueError), xp.profiler.profile() as p:
        with p.region("r"):
            xp.ones((2, 3)) @ xp.ones((2, 3))
    assert all(event.end >= event.start for event in p.events) and not p._open
    with xp.profiler.profile() as p:
        with pytest.raises(ValueError):
            xp.ones((2, 3)) @ xp.ones((2, 3))
        xp.exp(xp.ones(2))
        with p.region("after"):
            pass
    assert {e.name for e in p.events} >= {"exp", "after"}


def test_memory_is_followed_until_results_die():
    with xp.profiler.profile() as p:
        x = xp.ones((1000,))
        for _ in range(5):
            y = x * 2.0
            del y
    assert 8000 <= p.peak <= 16100
    assert p.memory[-1][1] == 0


def test_views_own_no_memory():
    x = xp.ones((10, 10))
    with xp.profiler.profile() as p:
        y = x.mT[2:]
    assert sum(e.nbytes for e in p.events) == 0
    assert y.shape == (8, 10)


def test_table_trace_and_flame_view(tmp_path):
    with xp.profiler.profile() as p:
        for _ in range(3):
            work()
    text = p.table(limit=2)
    assert "more" in text and "peak" in text.splitlines()[-1]
    assert p.table(by="shape", sort="memory").count("multiply (4×4, 4×4)") == 1
    trace = json.loads(p.chrome_trace(tmp_path / "trace.json").read_text())
    spans = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    assert len(spans) == len(p.events) and {"ts", "dur", "name"} <= set(spans[0])
    page = p.flame_html(tmp_path / "flame.html").read_text()
    assert "@DATA@" not in page and "src=" not in page and "multiply" in page
    assert "</table>" in p._repr_html_()


def test_tables_say_what_they_leave_out():
    with xp.profiler.profile() as p:
        for i in range(31):
            with p.region(f"<{i}>"):
                pass
    page = p._repr_html_()
    assert page.count("<tr>") == 32 and "&lt;0&gt;" in page and "monospace" in page
    assert "… 1 more; table(limit=None) shows all" in page
    assert "… 1 more; table(limit=None) shows all" in p.table()
    assert "more" not in p.table(limit=None) and p.table(limit=None).count("<") == 31
    table = p.table()
    assert (
        repr(table) == table and table._repr_html_().startswith("<pre") and type(table) is not str
    )
    with xp.profiler.profile() as p:
        work()
    assert "more" not in p._repr_html_()


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS", "RMSprop"])
def test_an_optimizers_step_is_a_span(name):
    model = xp.nn.Linear(64, 64)
    optimizer = getattr(xp.optim, name)(model.parameters())

    def closure():
        optimizer.zero_grad()
        loss = xp.sum(model(xp.ones((4, 64), dtype=xp.float32)) ** 2)
        loss.backward()
        return loss

    before = model.weight.detach().copy()
    with xp.profiler.profile(model) as p:
        closure()
        optimizer.step(closure)
    (step,) = [e for e in p.events if e.kind == "step"]
    assert step.name == f"{name}.step" and 0 < step.own <= step.duration and step.depth == 0
    inside = [e for e in p.events if step.start < e.start < step.end]
    assert {"Linear", "sum backward"} <= {e.name for e in inside}  # what the closure did
    assert f"{name}.step" in p.table() and [r.name for r in p.rows(by="kind")].count("step") == 1
    assert xp.any(model.weight != before)
    optimizer.zero_grad()
    model(xp.ones((1, 64), dtype=xp.float32)).sum().backward()
    with pytest.raises(ZeroDivisionError), xp.profiler.profile() as p:
        optimizer.step(lambda: 1 / 0)
    assert p.events[0].end > 0


def test_misuse():
    with pytest.raises(TypeError, match=r"nn\.Module"):
        xp.profiler.profile(3)
    p = xp.profiler.profile()
    with pytest.raises(ValueError, match="'op'"):
        p.rows(by="colour")
    with p, pytest.raises(RuntimeError, match="running"):
        with p:
            pass


def test_nests_with_forward_mode():
    with xp.profiler.profile() as p:
        _, t = xp.autograd.jvp(lambda x: xp.sin(x) * x, xp.ones(3), xp.ones(3))
    expected = np.sin(1) + np.cos(1)
    assert np.allclose(t.numpy(), expected) and p.events
