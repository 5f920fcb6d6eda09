"""Illegal arguments to every public function: an error of a documented type, told in our words.

Never an AttributeError, KeyError or other accident of the inside, never a change of an input. The
message names the function or the argument.
"""

import inspect
import os
from importlib import import_module
from zlib import crc32

import numpy as np
import pytest

import tensorxp as xp

MODULES = {
    "": xp, "linalg": xp.linalg, "fft": xp.fft, "special": import_module("tensorxp.special"),
    "random": import_module("tensorxp.random"),
    "nn.functional": import_module("tensorxp.nn.functional"),
}  # fmt: skip

#: Errors that the docstrings promise; LinAlgError and AxisError are ValueErrors.
ALLOWED = (TypeError, ValueError, IndexError, OverflowError, RuntimeError, xp.DeviceError,
           NotImplementedError, BufferError)  # fmt: skip

#: No functions of arrays: state, devices, files, programs; what takes any object.
APART = {
    "compile", "save", "load", "seed", "manual_seed", "set_rng_state", "get_rng_state",
    "initial_seed", "fork_rng", "default_generator", "set_default_device", "set_default_dtype",
    "no_grad", "enable_grad", "inference_mode", "set_grad_enabled", "is_grad_enabled",
    "empty_cache", "memory_stats", "devices", "default_device", "get_default_dtype",
    "random.seed", "random.manual_seed", "random.set_rng_state", "random.get_rng_state",
    "random.initial_seed", "random.fork_rng", "random.default_generator", "device",
}  # fmt: skip


def functions():
    """Return the public functions by their dotted names."""
    found = {}
    for prefix, module in MODULES.items():
        for name in module.__all__:
            function = getattr(module, name)
            dotted = f"{prefix}.{name}" if prefix else name
            if inspect.isfunction(function) and dotted not in APART and name not in APART:
                found[dotted] = function
    return found


FUNCTIONS = functions()


class Thing:
    """An object of no use to anybody."""


def good(rng):
    """Return a legal array of some kind, so that often only one argument is wrong."""
    shape = [(), (3,), (2, 3), (3, 3), (2, 3, 3), (0, 3)][rng.integers(6)]
    a = rng.random(shape) + 0.5
    kind = rng.integers(5)
    if kind == 0:
        return xp.asarray(a > 1)
    if kind == 1:
        return xp.asarray((a * 3).astype(np.int64))
    return xp.asarray(a + 1j if kind == 2 else a)


def bad(rng):
    return [
        None, "axis", b"x", object(), Thing(), 99, -99, -1, 2.5, (7, 7), (), [], {}, {"a": 1},
        (None,), ["a"], 1j, float("nan"), slice(1), xp.ones((5, 7)), np.ones(3), np.array(["a"]),
        xp.float32, True, range(3), print, 300,
    ][rng.integers(27)]  # fmt: skip


WORDS = {"keepdims": True, "dtype": xp.float64}


def arguments(rng, parameters):
    """Return arguments, of which at least one is meant to be wrong."""
    args, kwargs = [], {}
    needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    wrong = rng.integers(len(parameters) + 1)
    for i, p in enumerate(parameters):
        if p.kind is p.VAR_KEYWORD:
            continue
        value = bad(rng) if i == wrong or rng.random() < 0.15 else good(rng)
        if p.kind is p.VAR_POSITIONAL:
            args += [value, bad(rng)][: rng.integers(3)]
        elif p in needed:
            args.append(value)
        elif i == wrong or rng.random() < 0.1:
            kwargs[p.name] = bad(rng)
    for p in needed:
        if p.kind is p.KEYWORD_ONLY:
            kwargs[p.name] = args.pop()
    return args, kwargs


def named(message, name, parameters):
    """Return whether a message says which function or argument it is about."""
    words = [name.rpartition(".")[2], *(p.name for p in parameters)]
    words += ["asarray"] * (name == "tensor")
    return any(word in message for word in words)


ROUNDS = 600 if os.environ.get("TENSORXP_THOROUGH") == "1" else 40
#: They write to an argument, as they are meant to.
WRITERS = {"random.shuffle", "nn.functional.batch_norm", "nn.functional.instance_norm",
           "nn.functional.embedding"}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_illegal_arguments(name):
    function = FUNCTIONS[name]
    parameters = list(inspect.signature(function).parameters.values())
    rng = np.random.default_rng(crc32(name.encode()))
    raised, nameless = 0, []
    for _ in range(ROUNDS):
        args, kwargs = arguments(rng, parameters)
        before = [x.detach().numpy().copy() for x in args if isinstance(x, xp.Tensor)]
        told = f"{name}({args}, {kwargs})"
        try:
            with np.errstate(all="ignore"):
                function(*args, **kwargs)
        except AssertionError as error:  # as PyTorch's
            assert name == "nn.functional.multi_head_attention_forward" and str(error)
        except ALLOWED as error:
            raised += 1
            if not named(str(error), name, parameters):
                nameless.append(f"{told}: {type(error).__name__}: {error}")
        except Exception as error:
            pytest.fail(f"{told}: {type(error).__name__}: {error}")
        if name.endswith("_") or name in WRITERS or "inplace" in kwargs:
            continue
        for x, value in zip((x for x in args if isinstance(x, xp.Tensor)), before, strict=True):
            np.testing.assert_array_equal(x.detach().numpy(), value, err_msg=told)
    if not name.startswith("nn."):  # these tell of the function inside that found it
        assert not nameless, "\n".join(nameless[:3])
    assert raised or not parameters
