"""The worker processes of a loader, seen from the parent: tasks out, replies in, the end."""

import os
import time
import weakref
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from tensorxp.utils.data import _worker
from tensorxp.utils.data._transport import discard

PATIENCE = 5.0  # seconds that workers have to end by themselves


class Pool:
    """Worker processes with a pipe for tasks and one for replies each.

    They are ended by `close`, when the pool is forgotten, or at the end of the program.
    """

    def __init__(self, context: Any, jobs: list[_worker.Job]) -> None:
        resource_tracker.ensure_running()  # shared by all, so that it sees blocks come and go
        self.owner = os.getpid()
        self.processes: list[Any] = []
        self.tasks: list[Connection] = []
        self.replies: list[Connection] = []
        # a plain byte: a lock could be held by a worker that is killed
        self._stop = context.RawValue("b", 0)
        self._end = weakref.finalize(
            self, _close, self.owner, self.processes, self.tasks, self.replies, self._stop
        )
        try:
            for job in jobs:
                self._start(context, job)
        except BaseException:
            self.close()
            raise

    def _start(self, context: Any, job: _worker.Job) -> None:
        task_reader, task_writer = context.Pipe(duplex=False)
        reply_reader, reply_writer = context.Pipe(duplex=False)
        process = context.Process(
            target=_worker.run,
            args=(job, task_reader, reply_writer, self._stop),
            name=f"tensorxp-loader-{job.number}",
            daemon=True,
        )
        try:
            process.start()
        finally:
            task_reader.close()
            reply_writer.close()
        self.processes.append(process)
        self.tasks.append(task_writer)
        self.replies.append(reply_reader)

    def send(self, worker: int, task: Any) -> None:
        """Send a task to a worker; RuntimeError where it is no more."""
        try:
            self.tasks[worker].send(task)
        except OSError:
            raise self._dead(worker) from None

    def receive(self, timeout: float | None) -> tuple[int, Any]:
        """Return the number of a worker and its reply; TimeoutError after `timeout` seconds."""
        sentinels = {process.sentinel: i for i, process in enumerate(self.processes)}
        by_pipe = {id(pipe): i for i, pipe in enumerate(self.replies)}
        ready = wait([*self.replies, *sentinels], timeout)
        if not ready:
            raise TimeoutError
        dead = [sentinels[item] for item in ready if isinstance(item, int)]
        for item in ready:
            if isinstance(item, Connection):
                worker = by_pipe[id(item)]
                try:
                    return worker, item.recv()
                except EOFError:
                    dead.append(worker)
        raise self._dead(dead[0])

    def _dead(self, worker: int) -> RuntimeError:
        process = self.processes[worker]
        process.join(PATIENCE)
        return RuntimeError(
            f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code "
            f"{process.exitcode}; a negative code is a signal (-9: killed, perhaps for memory)"
        )

    def close(self) -> None:
        """End the workers and free what they have sent; a second call does nothing."""
        self._end()

    @property
    def closed(self) -> bool:
        """Whether the workers were ended."""
        return not self._end.alive


def drop(reply: Any) -> None:
    """Free a reply that nobody wants."""
    if reply[2] == "batch":
        discard(reply[3])


def _close(
    owner: int,
    processes: list[Any],
    tasks: list[Connection],
    replies: list[Connection],
    stop: Any,
) -> None:
    if os.getpid() != owner:  # a forked child that forgets the pool of its parent
        return
    stop.value = 1
    for pipe in tasks:
        try:
            pipe.send(None)
        except OSError:
            pass
        pipe.close()
    deadline = time.monotonic() + PATIENCE
    # workers may be sending: read on until each has ended, then what is left in the pipes
    while alive := [p.sentinel for p in processes if p.is_alive()]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        wait([*[pipe for pipe in replies if not pipe.closed], *alive], left)
        _drain(replies)
    for process in processes:
        if process.is_alive():
            process.terminate()
        process.join(1.0)
        if process.is_alive():
            process.kill()
            process.join()
    _drain(replies)
    for pipe in replies:
        pipe.close()
    for process in processes:
        process.close()


def _drain(replies: list[Connection]) -> None:
    for pipe in replies:
        try:
            while not pipe.closed and pipe.poll(0):
                drop(pipe.recv())
        except (EOFError, OSError):
            pipe.close()
        except Exception:  # a message that was cut off
            pipe.close()
