"""A fuzz of the compiled parts under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.sanitize --seconds 60

builds the loops, the core and the machine of `compile` anew with both, in a temporary folder, and
calls everything with random shapes, layouts, dtypes and wrong arguments for so long
(`tests/sanitize_calls.py`). Exceptions are fine; an invalid access or undefined behaviour ends it
with status 1, the last call and the sanitizer's report. Needs gcc with libasan and libubsan, and
Cython: status 3 where they are missing. `--folder` keeps the build for the next run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
#: What is changed in setup.py: symbols stay, and it is compiled quickly.
FLAGS = (('"-s", ', ""), ("-g0", "-g1"), ('"-O2"', '"-O1"'), ('"-Os"', '"-O1"'))


def runtime(name: str) -> str | None:
    """Return the path of one of gcc's libraries, None where it is not there."""
    done = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True)
    path = done.stdout.strip()
    return path if os.path.isabs(path) and os.path.exists(path) else None


def build(folder: Path) -> None:
    """Copy the sources to `folder` and compile them there."""
    skipped = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.egg-info")
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.copytree(ROOT / "src", folder / "src", ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, folder)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    for flag, instead in FLAGS:
        setup = setup.replace(flag, instead)
    (folder / "setup.py").write_text(setup, encoding="utf-8")
    environment = {**os.environ, "CFLAGS": SANITIZE, "LDFLAGS": SANITIZE}
    environment.pop("TENSORXP_PURE_PYTHON", None)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE)
    if done.returncode or not list((folder / "src" / "tensorxp").glob("_compiled.*")):
        raise SystemExit("the compiled parts could not be built")
    compiler = folder / "cc"
    compiler.write_text(f'#!/bin/sh\nexec gcc "$@" {SANITIZE} -g1 -O1\n', encoding="utf-8")
    compiler.chmod(0o700)
    (folder / "cache").mkdir(mode=0o700, exist_ok=True)


def run(folder: Path, libraries: list[str], arguments: list[str], seconds: float) -> int:
    """Run the calls with what was built in `folder`; return the exit status."""
    last = folder / "last.txt"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(ROOT)]),
        "PYTHONMALLOC": "malloc",
        "TENSORXP_CC": str(folder / "cc"),
        "TENSORXP_CACHE": str(folder / "cache"),
        "TENSORXP_KEEP_MALLOC": "1",
        "TENSORXP_NUM_THREADS": "3",
        "TENSORXP_SIM_DEVICES": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=500",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    command = [sys.executable, "-m", "tests.sanitize_calls", *arguments, "--last", str(last)]
    try:
        # a call that never ends is a finding as well
        status = subprocess.run(command, env=environment, timeout=seconds + 600).returncode
    except subprocess.TimeoutExpired:
        print("a call does not come to its end", file=sys.stderr)
        status = 1
    if status:
        print(f"status {status}; the last call: {last.read_text()}", file=sys.stderr)
    return 1 if status else 0


def main() -> int:
    """Build, call, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to call")
    parser.add_argument("--seed", type=int, help="of the first call")
    parser.add_argument("--calls", type=int, help="how many at most")
    parser.add_argument("--folder", type=Path, help="build there, and leave it")
    given = parser.parse_args()
    libraries = [runtime("libasan.so"), runtime("libubsan.so")] if shutil.which("gcc") else [None]
    if None in libraries:
        print("gcc with libasan and libubsan is needed", file=sys.stderr)
        return 3
    seed = int.from_bytes(os.urandom(3), "little") if given.seed is None else given.seed
    arguments = ["--seconds", str(given.seconds), "--seed", str(seed)]
    arguments += [] if given.calls is None else ["--calls", str(given.calls)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        build(folder)
        # C++ exceptions need their library to be there when the sanitizer looks for it
        standard = runtime("libstdc++.so.6") or runtime("libstdc++.so")
        return run(
            folder, [*libraries, *([standard] if standard else [])], arguments, given.seconds
        )  # type: ignore[list-item]


if __name__ == "__main__":
    raise SystemExit(main())
