"""Sending batches between processes: arrays through shared memory, the rest pickled.

Pickle's protocol 5 hands out the buffers of all arrays, wherever they are in a batch. They are
put into one block of shared memory, whose descriptor goes through the socket behind the message;
the receiver maps it and builds the arrays over it without a copy. A block has no name, so the
system frees it with the last process or array that has it, in whatever way those end.
"""

import mmap
import os
import pickle
import tempfile
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
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
    os.ftruncate(block, size)
    return block


def unpack(packed: Packed) -> Any:
    """Return the batch that was packed; its arrays are writable."""
    return pickle.loads(packed.data, buffers=packed.buffers)


def send(pipe: Connection, reply: tuple[Any, ...]) -> None:
    """Send a reply, whose last item may be a packed batch; its block is given away."""
    content = reply[-1]
    block = content.block if isinstance(content, Packed) else None
    try:
        pipe.send(reply)
        if block is not None:
            send_handle(pipe, block, os.getppid())
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
        block = recv_handle(pipe)
        try:
            memory: Any = mmap.mmap(block, 0)
        finally:
            os.close(block)
    if block >= MANY:
        memory = bytearray(memory)
    view = memoryview(memory)
    buffers = [view[start:stop] for start, stop in content.places]
    return (*reply[:-1], Packed(content.data, buffers, None, []))
