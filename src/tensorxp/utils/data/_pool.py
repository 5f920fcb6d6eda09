"""The worker processes of a loader, seen from the parent: tasks out, replies in, the end.

Ctrl-C reaches the whole process group: a worker begins with SIGINT blocked and then ignores it,
and the parent puts it off while it starts or ends workers or takes a block of memory.
"""

import os
import socket
import time
import weakref
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from tensorxp.utils.data import _transport, _worker
from tensorxp.utils.data._interrupts import Uninterrupted
from tensorxp.utils.data._limits import explained, reserve_descriptors

PATIENCE = 5.0  # seconds that workers have to end by themselves


class Pool:
    """Worker processes with a pipe for tasks and one for replies each.

    They are ended by `close`, when the pool is forgotten, or at the end of the program.
    """

    def __init__(self, context: Any, jobs: list[_worker.Job]) -> None:
        method = context.get_start_method()
        self.owner = os.getpid()
        self.processes: list[Any] = []
        self.tasks: list[Connection] = []
        self.replies: list[Connection] = []
        self._halfway = False  # whether a message was sent or received in part
        # a server that forks workers, and perhaps others, would keep the mask
        self._masks = method != "forkserver"
        with Uninterrupted():
            if os.name == "posix" and method != "fork":
                resource_tracker.ensure_running()  # not later: it would unblock SIGINT
            # a plain byte: a lock could be held by a worker that is killed
            self._stop = context.RawValue("b", 0)
            self._end = weakref.finalize(
                self, _close, self.owner, self.processes, self.tasks, self.replies, self._stop
            )
        try:
            for job in jobs:
                with Uninterrupted(self._masks):
                    self._start(context, job)
        except BaseException as error:
            self.close()
            if not isinstance(error, OSError | MemoryError):
                raise
            raise explained(error, f"worker {len(self.processes)} of {len(jobs)}") from error

    def _start(self, context: Any, job: _worker.Job) -> None:
        reserve_descriptors()
        sockets = os.name == "posix"  # they can be hung up, and carry descriptors
        pipes = [context.Pipe(duplex=sockets), context.Pipe(duplex=sockets)]
        (task_reader, task_writer), (reply_reader, reply_writer) = pipes
        process = context.Process(
            target=_worker.run,
            args=(job, task_reader, reply_writer, self._stop),
            name=f"tensorxp-loader-{job.number}",
            daemon=True,
        )
        try:
            process.start()
        except BaseException:
            task_writer.close()
            reply_reader.close()
            raise
        finally:
            task_reader.close()
            reply_writer.close()
        self.processes.append(process)
        self.tasks.append(task_writer)
        self.replies.append(reply_reader)

    def send(self, worker: int, task: Any) -> None:
        """Send a task to a worker; RuntimeError where it is no more."""
        self._halfway = True
        try:
            self.tasks[worker].send(task)
        except ConnectionError:
            raise self._dead(worker) from None
        except (OSError, MemoryError) as error:
            raise explained(error, "a task") from error
        self._halfway = False

    def receive(self, timeout: float | None) -> tuple[int, Any]:
        """Return the number of a worker and its reply; TimeoutError after `timeout` seconds."""
        sentinels = {process.sentinel: i for i, process in enumerate(self.processes)}
        by_pipe = {id(pipe): i for i, pipe in enumerate(self.replies)}
        ready: list[Any] = wait([*self.replies, *sentinels], timeout)
        if not ready:
            raise TimeoutError
        dead = [sentinels[item] for item in ready if isinstance(item, int)]
        for item in ready:
            if not isinstance(item, int):
                worker = by_pipe[id(item)]
                self._halfway = True
                try:
                    reply = _transport.receive(item)
                except (EOFError, ConnectionError):
                    dead.append(worker)
                except (OSError, MemoryError) as error:
                    raise explained(error, "a batch that has arrived") from error
                else:
                    self._halfway = False
                    return worker, reply
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
        with Uninterrupted():
            self._end()

    def __del__(self) -> None:
        if hasattr(self, "_end"):
            self.close()

    @property
    def closed(self) -> bool:
        """Whether the workers were ended, or cannot be understood any more."""
        return self._halfway or not self._end.alive


def _close(
    owner: int,
    processes: list[Any],
    tasks: list[Connection],
    replies: list[Connection],
    stop: Any,
) -> None:
    if os.getpid() != owner:  # a forked child that forgets the pool of its parent
        return
    with Uninterrupted():
        stop.value = 1
        for pipe in (*tasks, *replies):
            _hang_up(pipe)
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            process.join(1.0)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _hang_up(pipe: Connection) -> None:
    """Close a pipe, and end it for the workers too, which may have copies of each other's."""
    if os.name == "posix":
        try:
            with _transport.as_socket(pipe) as end:
                end.shutdown(socket.SHUT_RDWR)
        except OSError:  # the worker is gone
            pass
    pipe.close()
