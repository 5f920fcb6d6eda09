"""A C compiler that is missing, broken, slow or killed costs one warning and nothing else."""

import os
import re
import subprocess
import sys
import textwrap
import time

import pytest

from tensorxp._compile.native import build

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no machine is built elsewhere")
needs_compiler = pytest.mark.skipif(bool(build.problem()), reason=build.problem())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("TENSORXP_CACHE", str(folder))
    return folder


@pytest.fixture
def compiler(tmp_path, monkeypatch, cache):
    """Return a function that makes a shell script the compiler."""

    def write(text):
        path = tmp_path / "cc"
        path.write_text("#!/bin/sh\n" + textwrap.dedent(text) if text else "")
        path.chmod(0o700)
        monkeypatch.setenv("TENSORXP_CC", str(path))
        return str(path)

    return write


# goes to the word behind -o
OUTPUT = 'while [ "$1" != -o ]; do shift; done; '
BROKEN = {
    "fails": ("echo no such header >&2; exit 1", "no such header"),
    "fails without a word": ("exit 3", "status 3"),
    "is killed": ("kill -9 $$", "status -9"),
    "makes nothing": ("exit 0", "No such file"),
    "hangs": ("sleep 1000", "stopped after 0.3 s"),
    "hangs in a child": ("sleep 1000 & sleep 1000", "stopped after 0.3 s"),
    "waits for input": ("cat; exit 1", "status 1"),
    "is no program": ("", "Exec format"),
    "makes an empty file": (OUTPUT + ': > "$2"', "cut short"),
    "makes a text": (OUTPUT + 'echo text > "$2"', "could not be built or loaded"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_compiler(compiler, cache, monkeypatch, kind):
    text, expected = BROKEN[kind]
    compiler(text)
    monkeypatch.setenv("TENSORXP_CC_LIMIT", "0.3" if "hangs" in kind else "60")
    library, problem = build._load.__wrapped__()
    assert library is None and re.search(expected, problem)
    assert list(cache.iterdir()) == []


def test_a_compiler_that_is_stopped_takes_its_children_along(compiler, cache, tmp_path):
    sign = tmp_path / "sign"
    command = [compiler(f"(sleep 1; echo alive > {sign}) & sleep 1000")]
    with pytest.raises(TimeoutError):
        build._run(command, tmp_path, 0.2)
    time.sleep(1.2)
    assert not sign.exists()


@pytest.fixture
def little(tmp_path, monkeypatch):
    """Have a small library built in the machine's place."""
    source = tmp_path / "machine.c"
    source.write_text("int machine_kernel(int i) { return i; }\n")
    monkeypatch.setattr(build, "_SOURCES", (source,))
    monkeypatch.setattr(build, "Library", lambda path: path)


@needs_compiler
def test_output_that_is_cut_short_is_not_loaded(compiler, cache, little):
    compiler(
        f'{build.compiler()} "$@" || exit; {OUTPUT} head -c 2000 "$2" > "$2.c"; mv "$2.c" "$2"'
    )
    library, problem = build._load.__wrapped__()
    assert library is None and "cut short" in problem
    assert list(cache.iterdir()) == []


@needs_compiler
def test_leftovers_of_a_killed_build_are_removed(cache, little):
    old, new = cache / "build-old", cache / "build-new"
    for folder in (old, new):
        folder.mkdir(parents=True, mode=0o700)
        (folder / "half.so").write_text("half")
    cache.chmod(0o700)
    os.utime(old, (time.time() - 1e6,) * 2)
    library, problem = build._load.__wrapped__()
    assert library is not None and not problem
    left = sorted(path.name for path in cache.iterdir())
    assert len(left) == 2 and "build-new" in left and left[1].startswith("machine-")


CODE = """
import warnings
import tensorxp as xp
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")

    @xp.compile
    def f(x):
        return xp.sum(x * 2 + 1)

    @xp.compile
    def g(x):
        return xp.exp(x)

    print([float(f(xp.ones(3))), float(f(xp.ones(3))), float(xp.sum(g(xp.zeros(4))))])
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


@pytest.mark.parametrize("wanted", [True, False])
def test_no_compiler_costs_one_warning(tmp_path, wanted):
    environment = {**os.environ, "TENSORXP_CC": str(tmp_path / "none") if wanted else ""}
    script = tmp_path / "script.py"  # what is compiled needs its source
    script.write_text(CODE)
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
    )
    values, *messages = done.stdout.splitlines()
    assert values == "[9.0, 9.0, 4.0]"
    assert len(messages) == wanted
    assert not wanted or messages[0].startswith("RuntimeWarning compile: no C compiler was found")
