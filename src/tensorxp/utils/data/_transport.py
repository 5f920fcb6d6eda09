"""Sending batches between processes: arrays through shared memory, the rest pickled.

Pickle's protocol 5 hands out the buffers of all arrays, wherever they are in a batch. They are
put into one block of shared memory; the receiver maps it, takes its name away, and builds the
arrays over it without a copy. The block is freed with the last of them.
"""

import ctypes
import multiprocessing
import os
import pickle
import secrets
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

SMALL = 1 << 15  # below this, a pipe is cheaper than a block
ALIGNMENT = 64


class Packed(NamedTuple):
    """A pickled batch: its bytes, and where its buffers are."""

    data: bytes
    buffers: list[bytes]
    block: str | None
    places: list[tuple[int, int]]


def pack(batch: Any) -> Packed:
    """Return `batch` ready to be sent; large buffers are in a new block of shared memory."""
    found: list[pickle.PickleBuffer] = []
    data = pickle.dumps(batch, protocol=5, buffer_callback=found.append)
    views = [buffer.raw() for buffer in found]
    total = sum(view.nbytes for view in views)
    if total < SMALL:
        return Packed(data, [bytes(view) for view in views], None, [])
    places, end = [], 0
    for view in views:
        places.append((end, view.nbytes))
        end += -(-view.nbytes // ALIGNMENT) * ALIGNMENT
    block = SharedMemory(_block_name(), create=True, size=end)
    memory: Any = block.buf
    try:
        for view, (start, size) in zip(views, places, strict=True):
            memory[start : start + size] = view
    except BaseException:
        block.close()
        block.unlink()
        raise
    block.close()
    return Packed(data, [], block.name, places)


def _block_name() -> str:
    """Return a new name, which tells the process that reads the block (at most 30 characters)."""
    parent = multiprocessing.parent_process()
    return f"tensorxp-{os.getpid() if parent is None else parent.pid}-{secrets.token_hex(6)}"


class _Owner:
    """Keeps a block mapped for the arrays over it.

    NumPy refers to the object whose `__array_interface__` it reads, not to the block's memoryview,
    which therefore can be closed when the last array is gone.
    """

    def __init__(self, block: SharedMemory) -> None:
        self._block = block
        memory: Any = block.buf
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self.__array_interface__ = {
            "shape": (block.size,),
            "typestr": "|u1",
            "data": (start, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self._block.close()


def unpack(packed: Packed) -> Any:
    """Return the batch that was packed; its arrays are writable."""
    if packed.block is None:
        buffers: list[Any] = [bytearray(buffer) for buffer in packed.buffers]
    else:
        block = SharedMemory(name=packed.block)
        block.unlink()
        whole = np.asarray(_Owner(block))
        buffers = [whole[start : start + size] for start, size in packed.places]
    return pickle.loads(packed.data, buffers=buffers)


def discard(packed: Packed) -> None:
    """Free the shared memory of a batch that nobody wants."""
    if packed.block is not None:
        block = SharedMemory(name=packed.block)
        block.close()
        block.unlink()
