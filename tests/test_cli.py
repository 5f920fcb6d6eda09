"""The command line: help, JSON, exit statuses, and no traceback on a user's mistake."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tensorxp as xp
from tensorxp._cli.main import main, parser

ROOT = Path(xp.__file__).parents[2]
COMMANDS = ("info", "demo", "conformance", "bench")


def call(*arguments, cwd=None, env=None):
    return subprocess.run(
        [sys.executable, "-m", "tensorxp", *arguments],
        capture_output=True, text=True, cwd=cwd, check=False,
        env={**os.environ, **(env or {})},
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert "--json" in text and "exit status" in text


def test_info(capsys):
    assert main(["info"]) == 0
    assert xp.__version__ in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["array_api_version"] == "2025.12"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nothing"], ["demo", "--epochs", "0"], ["demo", "--epochs", "x"],
        ["demo", "--seed", "-1"], ["demo", "--output", "/no/such/folder/a.png"],
        ["info", "--yaml"], ["bench", "--rounds", "0"], ["conformance", "-n", "none"],
        ["conformance", "--report", "/no/such/folder/a.md"],
    ],
)  # fmt: skip
def test_wrong_use_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_cannot_be_written_is_told_before_the_work(tmp_path, capsys, monkeypatch):
    from tensorxp._cli import demo

    monkeypatch.setattr(demo, "load", lambda *_: pytest.fail("the work has begun"))
    file = tmp_path / "there.png"
    file.touch()
    for path, denied, problem in [
        (tmp_path, None, "which is a folder"),
        (tmp_path / "no" / "a.png", None, "whose folder does not exist"),
        (file, file, "which cannot be written: permission denied"),
        (tmp_path / "new.png", tmp_path, "which cannot be written: permission denied"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda p, mode, denied=denied: Path(p) != denied)
            with pytest.raises(SystemExit) as done:
                main(["demo", "--output", str(path)])
        told = capsys.readouterr().err
        assert done.value.code == 2 and f"--output is {path}, {problem}" in told.replace("\n", "")
    pytest.importorskip("matplotlib")
    assert main(["demo", "--output", str(tmp_path / "a.doc")]) == 1
    assert ".png" in capsys.readouterr().err and not (tmp_path / "a.doc").exists()


def test_numbers_are_named_in_the_message(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["demo", "--epochs", "zero"])
    assert "'zero' is not a whole number from 1 on" in capsys.readouterr().err


def test_a_wrong_device_is_told_without_traceback():
    pytest.importorskip("sklearn")
    done = call("demo", "--device", "abacus", "--no-picture")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "abacus" in done.stderr


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m tensorxp info --json | head -c 1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stdout == "{" and done.stderr == ""


@pytest.mark.parametrize("command", ["conformance", "bench"])
def test_without_a_checkout_it_is_said(command, tmp_path):
    package = tmp_path / "site" / "deep" / "lib"
    shutil.copytree(
        Path(xp.__file__).parent, package / "tensorxp", ignore=shutil.ignore_patterns("__pycache__")
    )
    done = call(command, cwd=tmp_path, env={"PYTHONPATH": str(package)})
    assert done.returncode == 2
    assert "source checkout" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not (ROOT / "conformance/run.py").exists(), reason="needs a checkout")
def test_conformance_finds_a_namespace_in_the_current_folder(tmp_path):
    (tmp_path / "mylib.py").write_text("from numpy import *\nfrom numpy import asarray\n")
    code = (
        "import os, subprocess, sys; sys.path.insert(0, sys.argv[1]); import session\n"
        "print(session.probe('mylib', None).namespace)\n"
        "os.chdir('/')\n"
        "run = [sys.executable, '-c', 'import mylib; print(mylib.__file__)']\n"
        "os.chdir(sys.argv[2]); env = session.environment('mylib'); os.chdir('/')\n"
        "subprocess.run(run, env=env, check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "conformance"), str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mylib", str(tmp_path / "mylib.py")]


@pytest.mark.skipif(not (ROOT / "conformance/run.py").exists(), reason="needs a checkout")
def test_conformance_passes_its_arguments_on(tmp_path):
    env = {"ARRAY_API_TESTS_DIR": str(tmp_path / "none")}
    done = call("conformance", "-k", "abs", "--max-examples", "2", env=env)
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "benchmarks/__main__.py").exists(), reason="needs a checkout")
def test_bench_prints_json():
    done = call("bench", "--only", "mlp", "--peers", "numpy,tensorxp", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["workloads"]


@pytest.mark.slow
def test_demo(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    done = call("demo", "--json", "--output", str(tmp_path / "demo.png"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["passed"] and Path(found["picture"]).stat().st_size > 10_000
