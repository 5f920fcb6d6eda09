"""Writing files: whole or not at all, with the mode and owner that they had.

A regular file is first written under no name (Linux) or beside its target, brought to the disk by
fsync, and then takes the target's place; the folder is brought to the disk as well. So whoever
reads the path finds the old content or the new, after a crash of the machine too. Where the owner
of a file cannot be kept in that way, it is overwritten instead, when there is room for all of it.
FIFOs and character devices are written into.
"""

import errno
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_BINARY = getattr(os, "O_BINARY", 0)
#: What has another file behind its name, which is to be written into as it is.
_OTHERS = ("/dev/fd/", "/dev/std", "/proc/")
#: No unnamed files here: the kernel or the file system lacks them.
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


def write_text(path: Any, text: str) -> Path:
    """Write a text file whole or not at all, and return its path; OSError says why not."""
    write_file(path, [text.encode()])
    return Path(path)


def write_file(path: Any, parts: Iterable[Any]) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : path
        Symbolic links are followed. A new file has the mode that the umask leaves of 0666.
    parts : iterable of bytes-like
        The content. What it raises leaves the path as it was.

    Raises
    ------
    OSError
        The folder is missing or may not be written to; the path is a folder or a disk, or a file
        that is read-only; there is no room.
    """
    given = os.fspath(path)
    try:
        _write(given, parts)
    except OSError as error:
        if error.errno is None or not error.strerror:
            raise
        raise OSError(error.errno, error.strerror, given) from error


def write_parts(file: Any, parts: Iterable[Any]) -> None:
    """Write to a file object; an unbuffered one may take less than it is given."""
    for part in parts:
        rest = memoryview(part)
        while True:
            taken = file.write(rest)
            if taken is None and isinstance(file, io.RawIOBase):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            if not isinstance(taken, int) or taken >= len(rest):
                break
            rest = rest[taken:]


def _write(path: Any, parts: Iterable[Any]) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    if status is not None:
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISBLK(mode):
            raise OSError(errno.EINVAL, "a disk, not a file")
        if not stat.S_ISREG(mode) or os.path.abspath(os.fsdecode(path)).startswith(_OTHERS):
            with open(os.open(path, os.O_WRONLY | _BINARY), "wb", buffering=0) as file:
                if stat.S_ISREG(mode):
                    file.truncate(0)
                write_parts(file, parts)
            return
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    target = os.path.realpath(path)
    part = _Part(os.fsdecode(target))
    try:
        write_parts(part.file, parts)
        if status is not None and not part.take_owner(status):
            os.fsync(part.file.fileno())
            part.copy_over(status.st_size)
        else:
            os.fsync(part.file.fileno())
            part.move(new=status is None)
    finally:
        part.close()
    if os.name == "posix":
        _sync_folder(os.path.dirname(target))


def _sync_folder(path: Any) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # files may be put into it, but not listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do not do it
            raise
    finally:
        os.close(handle)


class _Part:
    """A file on its way: `file` is open, `name` is where it is, None while it has no name."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.folder, base = os.path.split(target)
        digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
        self._prefix = f".tensorxp-{digest}-"  # names have a limit, which the target may reach
        self.name: str | None = None
        self._clean()
        handle = self._unnamed()
        self.file = open(self._named() if handle is None else handle, "w+b", buffering=0)

    def _unnamed(self) -> int | None:
        flag = getattr(os, "O_TMPFILE", None)
        if flag is None or not os.path.isdir("/proc/self/fd"):
            return None
        try:
            handle = os.open(self.folder, flag | os.O_RDWR, 0o666)
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
            return None
        self._lock(handle)
        return handle

    @staticmethod
    def _lock(handle: int) -> bool:
        """Mark a part as that of a living process; False where another is about to remove it."""
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:  # a file system without locks
                pass
        return True

    def _free_name(self) -> str:
        return os.path.join(self.folder, f"{self._prefix}{secrets.token_hex(4)}.part")

    def _named(self) -> int:
        """Create a file beside the target."""
        while True:
            name = self._free_name()
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
            self.name = name
            if self._lock(handle) and os.fstat(handle).st_nlink:
                return handle  # nobody took it for a leftover before it was locked
            os.close(handle)

    def _clean(self) -> None:
        """Remove what processes that were killed while they wrote this target have left."""
        if fcntl is None:
            return
        with suppress(OSError):
            for found in os.listdir(self.folder):
                if found.startswith(self._prefix):
                    with suppress(OSError):
                        self._remove_if_left(os.path.join(self.folder, found))

    @staticmethod
    def _remove_if_left(name: str) -> None:
        handle = os.open(name, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)
        finally:
            os.close(handle)

    def take_owner(self, status: os.stat_result) -> bool:
        """Give the file the mode and the owner of another; return whether that was allowed."""
        if not hasattr(os, "fchown"):
            return True
        handle = self.file.fileno()
        now = os.fstat(handle)
        if (now.st_uid, now.st_gid) != (status.st_uid, status.st_gid):
            try:
                os.fchown(handle, status.st_uid, status.st_gid)
            except PermissionError:
                return False
        os.fchmod(handle, stat.S_IMODE(status.st_mode))
        return True

    def move(self, new: bool) -> None:
        """Put the file in the target's place."""
        if self.name is None:
            if new:
                with suppress(FileExistsError):
                    self._link(self.target)
                    return
            name = self._free_name()
            self._link(name)
            self.name = name
        if os.name != "posix":
            self.file.close()  # an open file cannot be renamed there
        os.replace(self.name, self.target)
        self.name = None

    def _link(self, name: str) -> None:
        # with a folder's descriptor Python asks for what follows the link
        handle = self.file.fileno()
        os.link(f"/proc/self/fd/{handle}", name, src_dir_fd=handle, follow_symlinks=True)

    def copy_over(self, size: int) -> None:
        """Overwrite the target, once it is certain that there is room."""
        length = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        with open(self.target, "r+b", buffering=0) as target:
            if length and hasattr(os, "posix_fallocate"):
                try:
                    os.posix_fallocate(target.fileno(), 0, length)
                except OSError:
                    target.truncate(size)
                    raise
            write_parts(target, iter(lambda: self.file.read(1 << 20), b""))
            target.truncate()
            os.fsync(target.fileno())

    def close(self) -> None:
        """Close the file, and remove it where it has not become the target."""
        try:
            self.file.close()
        finally:
            if self.name is not None:
                with suppress(FileNotFoundError):
                    os.unlink(self.name)
