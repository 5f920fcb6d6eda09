"""The machine's library: found, compiled once by the system's C compiler, kept in a cache, loaded.

`TENSORXP_CC` names another compiler (empty: none is wanted), `TENSORXP_CACHE` another folder than
the user's cache, and `TENSORXP_CC_LIMIT` how many seconds the compiler may take. A compiler that is
missing, broken or slow costs one warning: what was to be compiled runs without it.

The file's name holds a hash of the source, the compiler and the processor. It is built in a folder
of its own and moved into its place when it is complete, so that several processes may build at
once. Only this user (or the system's administrator) may own and write to the folder and the file,
as what is loaded is run. A file ends with its hash, as loading one that was cut short would end
the process.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from tensorxp._backend import forks, threads
from tensorxp._compile.ir.formulas import header

_HERE = Path(__file__).parent
_SOURCES = (
    _HERE / "machine.c", _HERE / "kernels.h", _HERE.parents[1] / "_backend" / "_panels.h"
)  # fmt: skip
#: No flag that assumes finite numbers: NaN and inf are values like others.
_FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-fopenmp-simd", "-fPIC")
#: What is tried in turn: libmvec's vector functions and this processor's instructions, then less.
_CHOICES = (
    ("-march=native", "-mprefer-vector-width=512", "-DMACHINE_VECTOR_MATH", "-lmvec"),
    ("-march=native", "-DMACHINE_VECTOR_MATH", "-lmvec"),
    ("-march=native",),
    ("-mcpu=native",),
    (),
)
#: Seconds that the compiler may take for all choices together.
_LIMIT = 120.0
_PREFIX = "build-"
_lock = forks.lock()
_warned: list[bool] = []


class Library:
    """The loaded machine: `run` runs a program on pointers to arrays."""

    def __init__(self, path: Path) -> None:
        free = ctypes.CDLL(str(path))
        self.run = free.machine_run
        self.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        name = free.machine_kernel
        name.restype = ctypes.c_char_p
        self.kernels: dict[str, int] = {}
        while (found := name(len(self.kernels))) is not None:
            self.kernels[found.decode()] = len(self.kernels)
        self.threads = threads.count()
        # an array is an object's head, then data, dimensions' number, dimensions, strides, base,
        # dtype and flags: part of NumPy's binary interface
        head = object.__basicsize__
        self.offsets = head, head + 6 * ctypes.sizeof(ctypes.c_void_p)
        self.readable = sys.implementation.name == "cpython" and self._reads_arrays()
        self.entry = ctypes.cast(free.machine_run, ctypes.c_void_p).value

    def _reads_arrays(self) -> bool:
        """Return whether the data and the flags of arrays lie at `offsets`, by trying it."""
        for x in (np.zeros(3), np.zeros((2, 3), dtype=np.float32)[:, ::2]):
            data = ctypes.c_void_p.from_address(id(x) + self.offsets[0]).value
            flags = ctypes.c_int.from_address(id(x) + self.offsets[1]).value
            expected = (x.ctypes.data, x.flags.c_contiguous, x.flags.aligned)
            if (data, bool(flags & 1), bool(flags & 0x100)) != expected:
                return False
        return True


def compiler() -> str | None:
    """Return the path of the C compiler, or None where there is none."""
    asked = os.environ.get("TENSORXP_CC")
    if asked is not None:
        return shutil.which(asked)
    if os.name != "posix" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def _folder() -> Path:
    asked = os.environ.get("TENSORXP_CACHE")
    if asked:
        return Path(asked)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tensorxp"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tensorxp"


def _processor() -> str:
    """Return what tells this processor's instructions from another's."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    return next((line for line in text.splitlines() if line.startswith(("flags", "Feat"))), "")


def _check_owner(path: Path) -> None:
    """Raise an OSError where others could have put their own code into `path`."""
    if hasattr(os, "geteuid"):
        status = path.stat()
        if status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o022:
            raise OSError(f"{path} belongs to another user, or others may write to it")


def _open(path: Path) -> Library | None:
    """Return the library at `path`, or None where there is none, or it is not whole."""
    if not path.exists():
        return None
    _check_owner(path)
    content = path.read_bytes()
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        return None
    return Library(path)


def _limit() -> float:
    """Return how many seconds the compiler may take."""
    try:
        return float(os.environ["TENSORXP_CC_LIMIT"])
    except (KeyError, ValueError):
        return _LIMIT


def _clean(folder: Path) -> None:
    """Remove what processes that were killed while they built have left."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > max(3600.0, 2 * _limit()):
                shutil.rmtree(left)


def _run(command: list[str], work: Path, seconds: float) -> str | None:
    """Run the compiler with its temporary files in `work`; return its complaint if it fails."""
    with open(work / "messages", "w+b") as messages:
        running = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            env={**os.environ, "TMPDIR": str(work)},
            start_new_session=True,
        )
        try:
            status = running.wait(max(seconds, 0.0))
        except BaseException as error:
            # its children too: what the compiler calls may be what hangs
            with suppress(OSError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise TimeoutError(
                f"{command[0]} was stopped after {_limit():g} s (TENSORXP_CC_LIMIT)"
            ) from None
        if status == 0:
            return None
        messages.seek(0)
        text = messages.read(1 << 20).decode(errors="replace").strip()
        return text or f"it ended with status {status}"


def _check_whole(content: bytes) -> None:
    """Raise an OSError where an ELF file is cut short: to load it would end the process."""
    if content[:5] == b"\x7fELF\x02":
        order = "little" if content[5] == 1 else "big"
        sections = int.from_bytes(content[40:48], order)  # type: ignore[arg-type]
        size, number = (int.from_bytes(content[at : at + 2], order) for at in (58, 60))  # type: ignore[arg-type]
        if len(content) >= max(64, sections + size * number):
            return
    elif content and not content.startswith(b"\x7fELF"):
        return
    raise OSError("the compiler's output is cut short")


def _compile(cc: str, target: Path) -> Library | str:
    """Compile the machine to `target`; return the compiler's complaint where it fails."""
    _clean(target.parent)
    complaint = ""
    end = time.monotonic() + _limit()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as name:
        work = Path(name)
        made = work / target.name
        (work / "formulas.h").write_text(header(), encoding="utf-8")
        for choice in _CHOICES:
            flags = [flag for flag in choice if not flag.startswith("-l")]
            libraries = [flag for flag in choice if flag.startswith("-l")]
            command = [cc, *_FLAGS, *flags, f"-I{work}", "-shared", str(_SOURCES[0])]
            command += ["-o", str(made), *libraries, "-lm", "-lpthread"]
            failed = _run(command, work, end - time.monotonic())
            if failed is None:
                content = made.read_bytes()
                _check_whole(content)
                made.chmod(0o700)
                with open(made, "ab") as file:
                    file.write(hashlib.sha256(content).digest())
                library = Library(made)  # what cannot be loaded is not kept
                os.replace(made, target)
                return library
            complaint = complaint or failed
    return complaint


def kept_at(cc: str) -> Path:
    """Return where the library of this source, compiler and processor is kept."""
    text = header() + "".join([path.read_text(encoding="utf-8") for path in _SOURCES])
    stamp = str(os.stat(cc).st_mtime)
    key = "\0".join([text, str((_FLAGS, _CHOICES)), cc, stamp, platform.machine(), _processor()])
    return _folder() / f"machine-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"


@cache
def _load() -> tuple[Library | None, str]:
    try:
        cc = compiler()
        if cc is None:
            return None, "no C compiler was found (cc, gcc, clang, or what TENSORXP_CC names)"
        path = kept_at(cc)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_owner(path.parent)
        found = _open(path)
        if found is None:
            made = _compile(cc, path)
            if isinstance(made, str):
                return None, f"{cc} could not compile the machine: {made[-500:]}"
            found = made
        return found, ""
    # no permission or space, no home of the user, or a compiler that makes something else
    except (OSError, RuntimeError, AttributeError) as error:
        return None, f"the machine could not be built or loaded: {error}"


def _warn() -> None:
    """Say once that there is no library, where one could be had and is wanted."""
    if not _warned and os.name == "posix" and os.environ.get("TENSORXP_CC") != "":
        _warned.append(True)
        warnings.warn(
            f"compile: {_load()[1]}; compiled functions run without it, more slowly "
            "(TENSORXP_CC= turns this message off)",
            RuntimeWarning,
            stacklevel=2,
        )


def library() -> Library | None:
    """Return the machine's library, or None where it is not to be had, which is warned of once."""
    with _lock:
        found = _load()[0]
    if found is None:
        _warn()
    return found


def problem() -> str:
    """Return why there is no library; empty where there is one."""
    with _lock:
        return _load()[1]
