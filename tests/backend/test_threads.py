"""One rule for how many threads the loops and compiled programs use."""

import pytest

from tensorxp._backend import threads


@pytest.fixture
def eight(monkeypatch):
    """Have eight processors, and nothing said in the environment."""
    monkeypatch.setattr(threads, "processors", lambda: 8)
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_processors_where_nothing_is_said(eight):
    assert threads.count() == 8


@pytest.mark.parametrize("name", threads.VARIABLES)
def test_each_variable_says_how_many(eight, name):
    eight.setenv(name, "3")
    assert threads.count() == 3
    eight.setenv(name, "2,4")
    assert threads.count() == 2
    eight.setenv(name, "100")
    assert threads.count() == 100


def test_the_first_that_is_a_number_counts(eight):
    eight.setenv("OPENBLAS_NUM_THREADS", "2")
    eight.setenv("OMP_NUM_THREADS", "5")
    assert threads.count() == 5
    eight.setenv("TENSORXP_NUM_THREADS", "7")
    assert threads.count() == 7
    for text in ("", "0", "-1", "many"):
        eight.setenv("TENSORXP_NUM_THREADS", text)
        assert threads.count() == 5


def test_processors_are_counted():
    assert threads.processors() >= 1
