"""The machine's library: found, compiled once by the system's C compiler, kept in a cache, loaded.

`TENSORXP_CC` names another compiler, `TENSORXP_CACHE` another folder than the user's cache. The
file's name holds a hash of the source, the compiler and the processor, and it is moved into its
place when it is complete, so that several processes may build at once. Only this user (or the
system's administrator) may own and write to the folder and the file, as what is loaded is run. A
file ends with its hash, as loading one that was cut short would end the process.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

import numpy as np

from tensorxp._backend import threads

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
_lock = threading.Lock()


class Library:
    """The loaded machine: `call` runs a program and lets other threads go on, `quick` does not."""

    def __init__(self, path: Path) -> None:
        free, held = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
        self.call, self.quick = free.machine_call, held.machine_call
        self.run = free.machine_run
        for fn in (self.call, self.quick):
            fn.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p, ctypes.c_int64]
        self.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        name = free.machine_kernel
        name.restype = ctypes.c_char_p
        self.kernels: dict[str, int] = {}
        while (found := name(len(self.kernels))) is not None:
            self.kernels[found.decode()] = len(self.kernels)
        self.threads = threads.count()
        self._places = np.asarray(_places(), dtype=np.int64)
        self.places = self._places.ctypes.data if self._reads_arrays() else None
        self.offsets = int(self._places[1]), int(self._places[2])
        self.entry = ctypes.cast(free.machine_run, ctypes.c_void_p).value

    def _reads_arrays(self) -> bool:
        """Return whether arrays look in memory as `places` says, by trying it."""
        if sys.implementation.name != "cpython":
            return False
        for x in (np.zeros(3), np.zeros((2, 3), dtype=np.float32)[:, ::2]):
            place = int(self._places[1])
            data = ctypes.c_void_p.from_address(id(x) + place).value
            flags = ctypes.c_int.from_address(id(x) + int(self._places[2])).value
            expected = (x.ctypes.data, x.flags.c_contiguous, x.flags.aligned)
            if (data, bool(flags & 1), bool(flags & 0x100)) != expected:
                return False
        pair = (0, self)
        item = ctypes.c_void_p.from_address(id(pair) + int(self._places[0]) + tuple.__itemsize__)
        return item.value == id(self)


def _places() -> tuple[int, int, int]:
    """Return where a tuple's first item, an array's data and its flags lie.

    An array is an object's head, then data, dimensions' number, dimensions, strides, base, dtype
    and flags: part of NumPy's binary interface.
    """
    head = object.__basicsize__
    return tuple.__basicsize__, head, head + 6 * ctypes.sizeof(ctypes.c_void_p)


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


def _compile(cc: str, target: Path) -> str | None:
    """Compile the machine to `target`; return the compiler's complaint where it fails."""
    handle, name = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(handle)
    complaint = ""
    try:
        for choice in _CHOICES:
            flags = [flag for flag in choice if not flag.startswith("-l")]
            libraries = [flag for flag in choice if flag.startswith("-l")]
            command = [cc, *_FLAGS, *flags, "-shared", str(_SOURCES[0]), "-o", name, *libraries]
            command += ["-lm", "-lpthread"]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            if done.returncode == 0:
                os.chmod(name, 0o700)
                digest = hashlib.sha256(Path(name).read_bytes()).digest()
                with open(name, "ab") as file:
                    file.write(digest)
                os.replace(name, target)
                return None
            complaint = complaint or done.stderr
        return complaint
    finally:
        Path(name).unlink(missing_ok=True)


@cache
def _load() -> tuple[Library | None, str]:
    cc = compiler()
    if cc is None:
        return None, "no C compiler was found (cc, gcc, clang, or what TENSORXP_CC names)"
    text = "".join([path.read_text() for path in _SOURCES])
    flags = str((_FLAGS, _CHOICES))
    stamp = str(os.stat(cc).st_mtime)
    key = "\0".join([text, flags, cc, stamp, platform.machine(), _processor()])
    name = f"machine-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_owner(folder)
        path = folder / name
        found = _open(path)
        if found is None:
            complaint = _compile(cc, path)
            if complaint is not None:
                return None, f"{cc} could not compile the machine: {complaint[-500:]}"
            found = Library(path)
        return found, ""
    # no permission or space, no home of the user, or a compiler that makes something else
    except (OSError, RuntimeError, AttributeError) as error:
        return None, f"the machine could not be built or loaded: {error}"


def library() -> Library | None:
    """Return the machine's library, or None where it is not to be had (`problem` says why)."""
    with _lock:
        return _load()[0]


def problem() -> str:
    """Return why there is no library."""
    with _lock:
        return _load()[1]
