"""Interrupts (Ctrl-C) at any moment of backward and of the scopes leave everything as it was.

CPython delivers an interrupt where a Python function begins and where a call of a C function
returns. A profile function sees just these moments, so it raises at each of them in turn. The
beginning of a scope's own `__exit__` is left out: no scope written in Python can help there.
"""

import sys
import threading

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import device as devices
from tensorxp._backend.quiet import quiet
from tensorxp._core import engine
from tensorxp._core.allocation import COMPILED
from tensorxp._core.modes import modes, suspended
from tensorxp._core.watchers import Watcher, only, stack, watch, watching
from tensorxp.autograd import Function, checkpoint, detect_anomaly, grad, hessian, jvp


class Interrupt(BaseException):
    """What stands for KeyboardInterrupt, so that a true one still ends the tests."""


def interrupted_at(moment, call):
    """Run `call`, interrupted at its moment of this number; return whether that came."""
    left = moment

    def profile(frame, event, argument):
        nonlocal left
        if event not in ("call", "c_return"):
            return
        if event == "call" and frame.f_code in UNAVOIDABLE:
            return
        left -= 1
        if left == 0:
            sys.setprofile(None)
            raise Interrupt

    sys.setprofile(profile)
    try:
        call()
    except Interrupt:
        pass
    finally:
        sys.setprofile(None)
    return left <= 0


def scope_of_devices():
    return devices._local.default, devices._local.scopes


def state():
    """Return all that an interrupt must not change."""
    free = []

    def try_lock():
        free.append(engine._lock.acquire(blocking=False))
        if free[0]:
            engine._lock.release()

    other = threading.Thread(target=try_lock)
    other.start()
    other.join()
    return (modes.grad, dict(suspended), np.geterr(), stack(), dict(watching), scope_of_devices(),
            xp.random.get_rng_state().tolist(), free)  # fmt: skip


def quiet_scopes(x):
    with xp.no_grad(), xp.enable_grad(), xp.set_grad_enabled(False):
        (x * 2).sum()
    with xp.inference_mode(), xp.device("cpu"):
        xp.sin(x)


@xp.no_grad()
def decorated(x):
    return x * 2


def watchers(x):
    with watch(Watcher()), watch(Watcher()), only(()), watch(Watcher()):
        (x * 2).sum()


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        with np.errstate(all="raise"):
            return ct * 3 * x**2


def anomalous(x):
    with detect_anomaly():
        xp.exp(x).sum().backward()


def hooked(x):
    y = x * 2
    y.register_hook(lambda g: g + 1)
    y.sum().backward()


def viewed(x):
    y = x * 1
    v = y[1:]
    y *= 3
    v.sum().backward()


CALLS = {
    "backward": lambda x: xp.sum(xp.sqrt(x) * xp.tanh(x) + xp.max(x)).backward(),
    "create_graph": lambda x: grad(xp.sum(xp.exp(x) ** 2), x, create_graph=True),
    "scopes": quiet_scopes,
    "decorated": decorated,
    "watchers": watchers,
    "function": lambda x: Cube.apply(x).sum().backward(),
    "checkpoint": lambda x: checkpoint(
        lambda y: xp.sum(xp.sin(y) * xp.random.rand(3)), x
    ).backward(),
    "anomaly": anomalous,
    "hooks": hooked,
    "views": viewed,
    "jvp": lambda x: jvp(lambda y: xp.sum(xp.sqrt(y) * y), x.detach(), xp.ones(3)),
    "hessian": lambda x: hessian(lambda y: xp.sum(xp.exp(y)), x.detach()),
    "softmax": lambda x: xp.special.entr(x).sum().backward(),
}


#: The end of a scope; and where the mode is set by a call, the beginning of the scope.
UNAVOIDABLE = {
    scope.__exit__.__code__ for scope in (xp.no_grad, watch, only, quiet, detect_anomaly)
} | {xp.set_grad_enabled.__enter__.__code__, interrupted_at.__code__}
if not COMPILED:
    UNAVOIDABLE.add(devices.Device.__exit__.__code__)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_at_any_moment(name):
    """The state is as before, and the same call works afterwards."""
    expected, before = xp.asarray([0.5, 1.5, 2.0], requires_grad=True), None
    xp.random.manual_seed(0)
    CALLS[name](expected)
    moment = 0
    while True:
        moment += 1 if moment < 150 else 17
        xp.random.manual_seed(0)
        before = state()
        x = xp.asarray([0.5, 1.5, 2.0], requires_grad=True)
        came = interrupted_at(moment, lambda: CALLS[name](x))  # noqa: B023
        if not came:
            break
        if name == "checkpoint":  # numbers that the forward drew are drawn
            after, before = (s[:6] + s[7:] for s in (state(), before))
        else:
            after = state()
        assert after == before, (name, moment)
        if moment % 10 == 1:
            xp.random.manual_seed(0)
            x.grad = None
            CALLS[name](x)
            assert (x.grad is None) == (expected.grad is None)
            assert x.grad is None or xp.all(x.grad == expected.grad)
    assert moment > 3


def test_a_graph_whose_backward_was_interrupted():
    """A second backward is right or says what is missing; with retain_graph it is right."""
    for retain in (False, True):
        moment = 0
        while True:
            moment += 1
            x = xp.asarray([0.5, 1.5, 2.0], requires_grad=True)
            y = xp.sum(xp.sqrt(x) * xp.tanh(x))
            came = interrupted_at(moment, lambda: y.backward(retain_graph=retain))  # noqa: B023
            if not came:
                expected = x.grad
                break
        for k in range(1, moment):
            x = xp.asarray([0.5, 1.5, 2.0], requires_grad=True)
            y = xp.sum(xp.sqrt(x) * xp.tanh(x))
            interrupted_at(k, lambda: y.backward(retain_graph=retain))  # noqa: B023
            x.grad = None
            try:
                y.backward()
            except RuntimeError as error:
                assert "are freed" in str(error) and not retain
            else:
                assert xp.all(x.grad == expected)
