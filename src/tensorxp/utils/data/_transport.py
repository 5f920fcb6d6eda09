"""Sending batches between processes: arrays through shared memory, the rest pickled.

Pickle's protocol 5 hands out the buffers of all arrays, wherever they are in a batch. They are
put into one block of shared memory, whose descriptor goes through the socket behind the message;
the receiver maps it and builds the arrays over it without a copy. A block has no name, so the
system frees it with the last process or array that has it, in whatever way those end.
"""

import errno
import mmap
import os
import pickle
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from tensorxp.utils.data._interrupts import Uninterrupted

SHARES = os.name == "posix"  # elsewhere everything is pickled
SMALL = 1 << 15  # below this, a socket is cheaper than a block
MANY = 128  # a mapped block keeps a descriptor, of which a process may have 256 or 1024
ALIGNMENT = 64


class Packed(NamedTuple):
    """A pickled batch: its bytes, and its buffers or the places of them in a block."""

    data: bytes
    buffers: list[Any]
    block: int | None
    places: list[tuple[int, int]]


def pack(batch: Any) -> Packed:
    """Return `batch` ready to be sent; large buffers are in a new block of shared memory."""
    found: list[pickle.PickleBuffer] = []
    data = pickle.dumps(batch, protocol=5, buffer_callback=found.append)
    views = [buffer.raw() for buffer in found]
    places, end = [], 0
    for view in views:
        places.append((end, end + view.nbytes))
        end += -(-view.nbytes // ALIGNMENT) * ALIGNMENT
    block = _new_block(end) if SHARES and end >= SMALL else None
    if block is None:
        return Packed(data, [bytearray(view) for view in views], None, [])
    try:
        with mmap.mmap(block, end) as memory:
            for view, (start, stop) in zip(views, places, strict=True):
                memory[start:stop] = view
    except BaseException:
        os.close(block)
        raise
    return Packed(data, [], block, places)


def _new_block(size: int) -> int | None:
    """Return the descriptor of new memory, None where the system has none to give."""
    try:
        if hasattr(os, "memfd_create"):
            block = os.memfd_create("tensorxp")
        else:
            block, path = tempfile.mkstemp()
            os.unlink(path)
    except OSError:
        return None
    try:
        os.ftruncate(block, size)
    except BaseException:
        os.close(block)
        raise
    return block


def unpack(packed: Packed) -> Any:
    """Return the batch that was packed; its arrays are writable."""
    return pickle.loads(packed.data, buffers=packed.buffers)


@contextmanager
def as_socket(pipe: Connection) -> Iterator[socket.socket]:
    """Give the socket that a pipe is, without another descriptor, of which there may be none."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=pipe.fileno())
    try:
        end.settimeout(None)  # whatever the program's default is
        yield end
    finally:
        end.detach()


class Message(NamedTuple):
    """A reply as bytes, and the block that goes with it."""

    data: Any
    block: int | None


def as_message(reply: tuple[Any, ...]) -> Message:
    """Return a reply, whose last item may be a packed batch, ready to be sent."""
    content = reply[-1]
    block = content.block if isinstance(content, Packed) else None
    try:
        return Message(ForkingPickler.dumps(reply), block)
    except BaseException:
        if block is not None:
            os.close(block)
        raise


def send(pipe: Connection, message: Message) -> None:
    """Send a message; its block is given away."""
    data, block = message
    try:
        pipe.send_bytes(data)
        if block is not None:
            with as_socket(pipe) as end:
                socket.send_fds(end, [b"B"], [block])
    finally:
        if block is not None:
            os.close(block)


def receive(pipe: Connection) -> tuple[Any, ...]:
    """Return a reply that was sent, a block mapped; EOFError or OSError where that has ended."""
    reply: tuple[Any, ...] = pipe.recv()
    content = reply[-1]
    if not isinstance(content, Packed) or content.block is None:
        return reply
    pipe.poll(None)  # wait here, where Ctrl-C is heard
    with Uninterrupted():
        block = _receive_block(pipe)
        try:
            memory: Any = mmap.mmap(block, 0)
        finally:
            os.close(block)
    if block >= MANY:
        memory = bytearray(memory)
    view = memoryview(memory)
    buffers = [view[start:stop] for start, stop in content.places]
    return (*reply[:-1], Packed(content.data, buffers, None, []))


def _receive_block(pipe: Connection) -> int:
    """Return the descriptor that follows a message."""
    with as_socket(pipe) as end:
        data, found, flags, _ = socket.recv_fds(end, 1, 1)
    if not data:
        raise EOFError
    if not found or flags & socket.MSG_CTRUNC:  # it came, but could not be opened here
        for block in found:
            os.close(block)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return found[0]
