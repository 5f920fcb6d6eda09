"""Files are written whole or not at all, into what is there, with the mode and owner it had."""

import errno
import io
import os
import signal
import stat
import threading
from multiprocessing import get_context

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import files as writing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, owners and FIFOs of POSIX")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away"
)
needs_device = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")


def drawing():
    x = xp.ones(2, requires_grad=True)
    return xp.utils.draw_graph(xp.sum(x))


def save(path):
    xp.save({"x": xp.arange(3)}, path)


def trace(path):
    with xp.profiler.profile() as found:
        xp.ones(3) + 1
    found.chrome_trace(path)


def page(path):
    with xp.profiler.profile() as found:
        xp.ones(3) + 1
    found.flame_html(path)


def graph(path):
    drawing().save(path)


def model(path):
    xp.save(xp.nn.Linear(2, 2).state_dict(), path)


#: All that writes a file, and the suffix that it wants.
WRITERS = {save: "", trace: ".json", page: ".html", graph: ".svg", model: ".safetensors"}


@pytest.fixture(params=list(WRITERS), ids=lambda write: write.__name__)
def writer(request):
    return request.param


@pytest.fixture
def path(tmp_path, writer):
    return tmp_path / f"file{WRITERS[writer]}"


@pytest.fixture(params=["unnamed", "named"])
def kind(request, monkeypatch):
    """Have parts without a name where the system can, and with one."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


def files(path):
    return sorted(found.name for found in path.parent.iterdir())


def test_a_fifo_is_written_into(writer, path, tmp_path):
    writer(tmp_path / f"plain{WRITERS[writer]}")
    os.mkfifo(path)
    found = []
    thread = threading.Thread(target=lambda: found.append(path.read_bytes()))
    thread.start()
    writer(path)
    thread.join()
    assert stat.S_ISFIFO(path.stat().st_mode)
    expected = (tmp_path / f"plain{WRITERS[writer]}").read_bytes()
    assert found[0][:20] == expected[:20] and len(found[0]) > 20


@needs_device
def test_a_device_is_written_into(writer, path):
    path.symlink_to("/dev/null")
    writer(path)
    assert path.is_symlink() and stat.S_ISCHR(os.stat("/dev/null").st_mode)
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        writer(path)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(path)
    assert path.is_symlink() and stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_disk_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "disk"
    path.write_text("old")
    monkeypatch.setattr(writing.stat, "S_ISBLK", lambda mode: True)
    with pytest.raises(OSError, match="a disk"):
        save(path)
    assert path.read_text() == "old" and files(path) == ["disk"]


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_a_new_file_has_the_mode_of_the_umask(writer, path, mask, kind):
    before = os.umask(mask)
    try:
        writer(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_an_old_file_keeps_its_mode(writer, path, kind):
    for mode in (0o600, 0o755, 0o664):
        path.write_text("old")
        path.chmod(mode)
        writer(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.read_bytes() != b"old"
    assert files(path) == [path.name]


@needs_root
def test_an_old_file_keeps_its_owner(writer, path, kind):
    path.write_text("old")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    writer(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (12345, 23456)
    assert stat.S_IMODE(status.st_mode) == 0o640


def refused(*_):
    raise PermissionError(errno.EPERM, "not permitted")


def test_where_the_owner_cannot_be_given(writer, path, kind, monkeypatch):
    """A file of somebody else's that the group may write to is overwritten."""
    path.write_text("old" * 100_000)
    number = path.stat().st_ino
    status = os.stat_result([*path.stat()[:4], 12345, *path.stat()[5:]])
    genuine = os.stat
    with monkeypatch.context() as patch:
        patch.setattr(os, "fchown", refused)
        patch.setattr(os, "stat", lambda p, **k: status if p == str(path) else genuine(p, **k))
        writer(path)
    assert path.stat().st_ino == number and b"old" * 9 not in path.read_bytes()
    assert files(path) == [path.name]


def test_links_are_followed(writer, path):
    link = path.with_name("link" + path.suffix)
    link.symlink_to(path.name)
    writer(link)  # where there was nothing
    writer(link)
    assert link.is_symlink() and path.is_file() and not path.is_symlink()
    path.unlink()
    path.symlink_to(link.name)
    with pytest.raises(OSError) as caught:
        writer(link)
    assert caught.value.errno == errno.ELOOP


def test_places_where_no_file_can_be(writer, path, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        writer(tmp_path / "none" / path.name)
    assert caught.value.filename == str(tmp_path / "none" / path.name)
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        writer(path)
    text = tmp_path / "text"
    text.write_text("")
    with pytest.raises(NotADirectoryError):
        writer(text / path.name)
    assert list(path.iterdir()) == []


def as_nobody(work):
    """Run `work` in a child that is not root; return whether it raised PermissionError."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            work()
        except PermissionError:
            code = 7
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_may_not_be_written_to(path, writer, tmp_path, monkeypatch):
    writer(path)
    old = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o777)
    path.chmod(0o444)
    assert as_nobody(lambda: writer(path.name))
    path.chmod(0o666)
    tmp_path.chmod(0o555)
    assert as_nobody(lambda: writer(path.name))
    assert as_nobody(lambda: writer("new" + path.name))
    tmp_path.chmod(0o700)
    assert files(path) == [path.name] and path.read_bytes() == old


@pytest.fixture
def limited():
    """Have room for files of 64 kB only, as on a disk that becomes full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("over", ["nothing", "file", "somebody's file"])
def test_no_room(tmp_path, kind, over, limited, monkeypatch):
    path = tmp_path / "file"
    if over != "nothing":
        path.write_bytes(b"old")
    if over == "somebody's file":
        status = os.stat_result([*path.stat()[:4], 12345, *path.stat()[5:]])
        genuine = os.stat
        monkeypatch.setattr(os, "fchown", refused)
        monkeypatch.setattr(
            os, "stat", lambda p, **k: status if p == str(path) else genuine(p, **k)
        )
    with pytest.raises(OSError, match="file") as caught:
        xp.save(xp.zeros(1 << 16), path)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    assert files(path) == ([] if over == "nothing" else ["file"])
    assert over == "nothing" or path.read_bytes() == b"old"


def test_no_room_to_overwrite(tmp_path, monkeypatch):
    """The part was written, but there is no room for it twice."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(writing._Part, "take_owner", lambda self, status: False)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError) as caught:
        save(path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old" and files(path) == ["file"]


def killed(path, named):
    if named and hasattr(os, "O_TMPFILE"):
        del os.O_TMPFILE

    def parts():
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)

    writing.write_file(path, parts())


@pytest.mark.parametrize("named", [False, True])
def test_killed_in_the_middle(tmp_path, named):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    process = get_context("spawn").Process(target=killed, args=(path, named))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    if not named and hasattr(os, "O_TMPFILE"):
        assert files(path) == ["file"]
    save(path)
    assert files(path) == ["file"]


def test_parts_of_living_writers_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    path = tmp_path / "file"

    def parts():
        yield b"outer"
        save(path)
        assert len(files(path)) == 2

    writing.write_file(path, parts())
    assert path.read_bytes() == b"outer" and files(path) == ["file"]


def test_a_part_that_another_writer_is_about_to_remove(tmp_path, monkeypatch):
    """Between its creation and its lock a part looks like what a killed process left."""
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    path = tmp_path / "file"
    real, taken = os.open, []

    def slow(name, flags, *mode):
        handle = real(name, flags, *mode)
        if flags & os.O_EXCL and not taken:
            taken.append((name, real(name, os.O_RDWR)))
            fcntl.flock(taken[0][1], fcntl.LOCK_EX)
        return handle

    def parts():
        os.unlink(taken[0][0])
        os.close(taken[0][1])
        yield b"new"

    monkeypatch.setattr(os, "open", slow)
    writing.write_file(path, parts())
    assert path.read_bytes() == b"new" and files(path) == ["file"]


def test_names_of_every_length(tmp_path, kind):
    for size in (1, 200, 255):
        path = tmp_path / ("n" * size)
        save(path)
        save(path)
        assert len(xp.load(path)["x"]) == 3
    assert len(files(path)) == 3


def test_what_is_saved_fails(tmp_path, kind):
    path = tmp_path / "file"
    save(path)
    old = path.read_bytes()

    def parts():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write_file(path, parts())
    assert path.read_bytes() == old and files(path) == ["file"]


def test_many_writers_of_one_file(tmp_path, kind):
    path = tmp_path / "file"
    save(path)
    errors = []

    def work(value):
        try:
            for _ in range(10):
                xp.save(xp.full(1000, value), path)
                assert len(set(xp.load(path).tolist())) == 1
        except BaseException as error:  # told by the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and files(path) == ["file"]


def test_standard_output_that_is_a_file(tmp_path):
    """The file behind a descriptor is written into, as the shell that opened it reads it."""
    if not os.path.exists("/dev/fd"):
        pytest.skip("this system has no /dev/fd")
    path = tmp_path / "file"
    with open(path, "w+b") as file:
        file.write(b"old" * 1000)
        file.flush()
        save(f"/dev/fd/{file.fileno()}")
        file.seek(0)
        assert len(xp.load(file)["x"]) == 3
    assert files(path) == ["file"]


class Slow(io.RawIOBase):
    """Takes ten bytes at a time."""

    def __init__(self):
        self.taken = b""

    def writable(self):
        return True

    def write(self, data):
        self.taken += bytes(data[:10])
        return min(10, len(data))


def test_a_file_object_that_takes_less_than_it_is_given():
    file = Slow()
    save(file)
    assert len(xp.load(io.BytesIO(file.taken))["x"]) == 3
    file.write = lambda data: None
    with pytest.raises(BlockingIOError):
        save(file)


def test_numbers_wider_than_the_format():
    if np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("long double is double here")
    with pytest.raises(TypeError, match=r"obj is a .*ndarray of dtype"):
        xp.save(np.ones(3, dtype=np.longdouble), io.BytesIO())
