"""State of another shape, type or structure is refused before anything is changed.

Over all optimizers, schedulers and modules: a state dict is spoiled at one place after the other.
"""

import copy
import inspect
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest

import tensorxp as xp
from tests.nn.cases import MODULES

OPTIMIZERS = [
    name
    for name in xp.optim.__all__
    if inspect.isclass(getattr(xp.optim, name)) and name != "Optimizer"
]
ERRORS = (TypeError, ValueError, KeyError, RuntimeError)


def plain(value):
    """Return a state as data that can be compared."""
    if isinstance(value, xp.Tensor):
        return ("tensor", value.dtype.name, value.detach().numpy().tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return repr(value)


def trained(name, dtype="float64"):
    """Return an optimizer with a state of every parameter."""
    start = np.arange(6.0).reshape(2, 3) + 1
    params = [xp.asarray(start, dtype=dtype), xp.ones((), dtype=dtype)]
    params = [xp.asarray(p, copy=True).requires_grad_(True) for p in params]
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    if name == "RMSprop":
        options["centered"] = True
    if name.startswith("Adam") and name in ("Adam", "AdamW"):
        options["amsgrad"] = True
    optimizer = getattr(xp.optim, name)(params, lr=0.01, **options)

    def closure():
        optimizer.zero_grad()
        loss = xp.sum(xp.abs(params[0]) ** 2) + xp.abs(params[1]) ** 4
        loss.backward()
        return loss

    for _ in range(2):
        closure()
        optimizer.step(closure)
    return optimizer


def places(value, path=()):
    """Yield the path of every item in nested containers."""
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(state, path, value):
    """Return a deep copy of `state` with `value` at a place; `put` itself deletes it."""
    state = copy.deepcopy(state)
    owner = state
    for key in path[:-1]:
        if isinstance(owner[key], tuple):
            owner[key] = list(owner[key])
        owner = owner[key]
    if value is put:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return state


def at(state, path):
    for key in path:
        state = state[key]
    return state


def spoilt(value):
    """Return values that cannot stand where `value` does."""
    if isinstance(value, xp.Tensor):
        wrong = [xp.ones((7, 2)), "text", np.array(["text"]), xp.ones((*value.shape, 2))]
        if not value.dtype.is_complex:
            wrong.append(xp.ones(value.shape, dtype=xp.complex128))
        return wrong
    if isinstance(value, bool) or value is None:
        return []  # options of the implementation, and slots that are empty
    if isinstance(value, int | float):
        return ["text", [1.0, 2.0], 1j, xp.ones(3)]
    if isinstance(value, str):
        return [3]
    if isinstance(value, dict):
        return [3, [1], "text"]
    return [3, "text", {}]


def refuses(load, state, snapshot, label):
    before = plain(snapshot())
    with pytest.raises(ERRORS):
        load(state)
        pytest.fail(f"accepted: {label}")
    assert plain(snapshot()) == before, label


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, dtype):
    optimizer = trained(name, dtype)
    state = optimizer.state_dict()
    other = trained(name, dtype)
    before = [p.detach().numpy().copy() for p in other.param_groups[0]["params"]]
    count = 0
    for path in places(state):
        if path[0] == "param_groups" and len(path) > 2 and path[2] == "line_search_fn":
            continue
        if path[:1] == ("param_groups",) and "params" in path and path[-1] != "params":
            continue  # a number, which is a name
        for value in spoilt(at(state, path)):
            refuses(other.load_state_dict, put(state, path, value), other.state_dict, (path, value))
            count += 1
    assert count > 20
    missing = [("state",), ("param_groups",), ("param_groups", 0), ("param_groups", 0, "params")]
    for path in missing:
        refuses(other.load_state_dict, put(state, path, put), other.state_dict, path)
    if name not in ("SGD", "LBFGS"):  # whose states begin empty
        for entry in state["state"][0]:
            path = ("state", 0, entry)
            refuses(other.load_state_dict, put(state, path, put), other.state_dict, path)
    refuses(other.load_state_dict, put(state, ("state", 9), {}), other.state_dict, "unknown")
    for wrong in (None, 3, [], "text"):
        refuses(other.load_state_dict, wrong, other.state_dict, wrong)
    for p, value in zip(other.param_groups[0]["params"], before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value)
    other.load_state_dict(state)
    assert plain(other.state_dict()) == plain(state)
    assert plain(pickle.loads(pickle.dumps(other)).state_dict()) == plain(state)


class Factor:
    def __init__(self):
        self.base = 0.5

    def __call__(self, epoch):
        return self.base


SCHEDULERS = {
    "LambdaLR": (Factor(),), "MultiplicativeLR": (Factor(),), "StepLR": (2,),
    "MultiStepLR": ([1, 3],), "ExponentialLR": (0.9,), "CosineAnnealingLR": (5,),
    "CosineAnnealingWarmRestarts": (3,), "CyclicLR": (0.1, 0.2), "OneCycleLR": (0.2, 10),
    "SequentialLR": None, "ChainedScheduler": None, "ConstantLR": (), "LinearLR": (),
    "PolynomialLR": (), "ReduceLROnPlateau": (),
}  # fmt: skip


def scheduler(name):
    lib = xp.optim.lr_scheduler
    optimizer = xp.optim.SGD([xp.ones(2, requires_grad=True)], lr=0.1, momentum=0.9)
    if name == "SWALR":
        return xp.optim.swa_utils.SWALR(optimizer, 0.05)
    if name == "SequentialLR":
        return lib.SequentialLR(
            optimizer, [lib.StepLR(optimizer, 1), lib.ExponentialLR(optimizer, 0.5)], [2]
        )
    if name == "ChainedScheduler":
        return lib.ChainedScheduler([lib.StepLR(optimizer, 1), lib.ExponentialLR(optimizer, 0.5)])
    return getattr(lib, name)(optimizer, *SCHEDULERS[name])


def test_every_scheduler_is_in_the_sweep():
    assert set(SCHEDULERS) == set(xp.optim.lr_scheduler.__all__) - {"LRScheduler"}


@pytest.mark.parametrize("name", [*SCHEDULERS, "SWALR"])
def test_schedulers(name):
    first, other = scheduler(name), scheduler(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            first.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    state = first.state_dict()
    for path in places(state):
        value = at(state, path)
        if isinstance(at(state, path[:-1]), Counter):
            wrong = ["text"]
        elif path[-1] == "base" or "lr_lambdas" in path[:-1]:
            wrong = [3, "text"] if len(path) == 2 else []
        else:
            wrong = spoilt(value)
        for bad in wrong:
            refuses(other.load_state_dict, put(state, path, bad), other.state_dict, (path, bad))
        if (len(path) == 1 and not path[0].startswith("_")) or path == ("_schedulers",):
            refuses(other.load_state_dict, put(state, path, put), other.state_dict, path)
        if isinstance(value, list) and value and not isinstance(value[0], dict):
            longer = put(state, path, [*value, value[0]])
            refuses(other.load_state_dict, longer, other.state_dict, (path, "longer"))
    for wrong in (None, 3, [], "text", {}, {3: 4}):
        refuses(other.load_state_dict, wrong, other.state_dict, wrong)
    other.load_state_dict(state)
    assert plain(other.state_dict()) == plain(state)


WITH_STATE = [case for case in MODULES if case.target(xp, "float64", "float64").state_dict()]


@pytest.mark.parametrize("case", WITH_STATE, ids=lambda case: case.id)
def test_modules(case):
    module, state = (
        case.target(xp, "float64", "float64"),
        case.target(xp, "float64", "float64").state_dict(),
    )
    for assign in (False, True):

        def load(state, assign=assign):
            module.load_state_dict(state, assign=assign)

        for key in state:
            for bad in spoilt(state[key]):
                refuses(load, put(state, (key,), bad), module.state_dict, (key, bad))
            if not key.endswith("num_batches_tracked"):  # which old files do not have
                refuses(load, put(state, (key,), put), module.state_dict, key)
        refuses(load, put(state, ("more",), xp.ones(1)), module.state_dict, "more")
    for wrong in (None, 3, [], "text"):
        refuses(module.load_state_dict, wrong, module.state_dict, wrong)


@pytest.mark.parametrize("device", ["cpu", "sim:0"])
def test_generators(device):
    generator = xp.random.Generator(device).manual_seed(3)
    state = generator.get_state()
    values = state.numpy()
    even, flag = values.copy(), values.copy()
    even[25] &= 0xFE
    flag[41] = 2
    for wrong in (
        None, 3, values, "text", xp.zeros(46), state[:-1], xp.concat([state, state]),
        state.reshape(2, -1), xp.zeros(46, dtype=xp.uint8) + 9, xp.asarray(even), xp.asarray(flag),
        xp.zeros(0, dtype=xp.uint8),
    ):  # fmt: skip
        refuses(generator.set_state, wrong, generator.get_state, wrong)
    generator.set_state(state)
