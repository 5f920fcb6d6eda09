"""A compiled training step does what the plain one does, whatever changes between its calls."""

import copy
import itertools
import os
import threading
import warnings

import pytest

import tensorxp as xp
from tensorxp import nn
from tensorxp._core.views import cell_of
from tensorxp.nn import functional as F
from tests.traps import described, differences

THOROUGH = os.environ.get("TENSORXP_THOROUGH") == "1"
OPTIMIZERS = {
    "sgd": lambda params: xp.optim.SGD(params, lr=0.1),
    "momentum": lambda params: xp.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda params: xp.optim.Adam(params, lr=0.01, weight_decay=0.1),
    "adamw": lambda params: xp.optim.AdamW(params, lr=0.01, amsgrad=True),
    "rmsprop": lambda params: xp.optim.RMSprop(params, lr=0.01),
}


class World:
    """A model, its optimizer, and the steps of training."""

    def __init__(self, optimizer="sgd"):
        self.model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        for i, p in enumerate(self.model.parameters()):
            p.data = xp.reshape(xp.sin(xp.arange(float(p.size)) + i), p.shape)
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.views = [p.detach()[0] for p in self.model.parameters()]
        self.scheduler = xp.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.5)
        self.log, self.factor = [], 1.0

    def loss(self, x, y):
        return xp.mean((self.model(x) - y) ** 2) * self.factor

    def first(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def zeros(self, x, y):
        self.optimizer.zero_grad(set_to_none=False)
        loss = self.loss(x, y)
        xp.autograd.backward(loss)
        self.optimizer.step()

    def last(self, x, y):
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss, {"batch": x.shape[0]}

    def between(self, x, y):
        out = self.model(x)
        loss = F.mse_loss(out, y)
        self.model.zero_grad(set_to_none=False)
        loss.backward()
        self.optimizer.step()
        return loss.detach() * 2, out.detach()

    def clipped(self, x, y):
        self.model.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 0.1)
        nn.utils.clip_grad_value_(self.model.parameters(), 0.05)
        self.optimizer.step()
        return [loss.detach()]

    def added_up(self, x, y):
        self.loss(x, y).backward()

    def step_first(self, x, y):
        self.optimizer.step()
        self.optimizer.zero_grad()

    def seen(self):
        """Return all that can be seen of it."""
        params = list(self.model.parameters())
        return [
            [described(p) for p in params],
            [None if p.grad is None else described(p.grad) for p in params],
            described(self.views),
            [cell_of(p)[0] for p in params],
            described(self.optimizer.state_dict()),
            described(self.log),
        ]


def _as_it_is(fn):
    return fn


STEPS = [n for n in vars(World) if not n.startswith("_") and n not in ("loss", "seen")]


def calls(world, step, changes=lambda world, i: None, count=6, compiler=_as_it_is):
    """Return what is seen of several calls of a step, with changes before each."""
    fn = compiler(getattr(world, step))
    found = []
    for i in range(count):
        changes(world, i)
        x = xp.reshape(xp.cos(xp.arange(12.0) * (i + 1)), (3, 4))
        y = xp.reshape(xp.sin(xp.arange(6.0) + i), (3, 2))
        try:
            out = described(fn(x, y))
        except Exception as error:
            out = type(error).__name__, str(error)
        found.append([out, world.seen()])
    return found, fn


@pytest.mark.parametrize(
    ("step", "optimizer"),
    list(itertools.product(STEPS, OPTIMIZERS))
    if THOROUGH
    else list(zip(STEPS, itertools.cycle(OPTIMIZERS), strict=False)),
)
def test_steps(step, optimizer):
    expected, _ = calls(World(optimizer), step)
    seen, fn = calls(World(optimizer), step, compiler=lambda fn: xp.compile(fn, fullgraph=True))
    assert not differences(expected, seen)
    assert fn.reason is None


def test_twenty_steps_agree_to_rounding():
    for optimizer in OPTIMIZERS if THOROUGH else ("adamw",):
        plain, compiled = [
            calls(World(optimizer), "first", count=20, compiler=c)[0]
            for c in (_as_it_is, xp.compile)
        ]
        for (a, _), (b, _) in zip(plain, compiled, strict=True):
            assert abs(a[-1] - b[-1]) <= 1e-14 * (1 + abs(a[-1]))


def _hook(world, i):
    if i == 2:
        world.model[0].weight.register_hook(lambda g: g * 2)


def _accumulated(world, i):
    if i == 2:
        weight = world.model[0].weight
        weight.register_post_accumulate_grad_hook(lambda p: world.log.append(p.grad.copy()))


def _step_hook(world, i):
    if i == 2:
        world.optimizer.register_step_post_hook(lambda o, a, k: setattr(world, "factor", 0.5))


def _pre_hook(world, i):
    if i == 3:
        handle = world.optimizer.register_step_pre_hook(lambda o, a, k: world.log.append(1))
        world.handle = handle
    if i == 5:
        world.handle.remove()


def _frozen(world, i):
    world.model[0].weight.requires_grad_(i % 3 != 1)


def _group(world, i):
    if i == 2:
        world.extra = nn.Parameter(xp.ones(3))
        world.extra.grad = xp.ones(3)
        world.optimizer.add_param_group({"params": [world.extra], "lr": 0.5})
        world.log = [world.extra]


def _evaluated(world, i):
    with xp.no_grad():
        world.log.append(world.model(xp.ones((1, 4))))


def _unhooked(world, i):
    if i == 2:
        world.handle = world.model[2].bias.register_hook(lambda g: g * 3)
    if i == 4:
        world.handle.remove()


CHANGES = {
    "lr": lambda w, i: w.optimizer.param_groups[0].__setitem__("lr", 0.1 / (i + 1)),
    "lr_is_a_tensor": lambda w, i: w.optimizer.param_groups[0].__setitem__("lr", xp.asarray(0.05)),
    "bad_lr": lambda w, i: i == 3 and w.optimizer.param_groups[0].__setitem__("lr", "much"),
    "frozen": _frozen,
    "grad_none": lambda w, i: setattr(w.model[0].weight, "grad", None),
    "grad_set": lambda w, i: setattr(w.model[0].bias, "grad", xp.ones(5) * i),
    "hook": _hook,
    "unhooked": _unhooked,
    "accumulated_hook": _accumulated,
    "step_hook": _step_hook,
    "pre_hook": _pre_hook,
    "scheduler": lambda w, i: i and w.scheduler.step(),
    "new_group": _group,
    "evaluated": _evaluated,
    "no_grad": lambda w, i: xp.set_grad_enabled(i != 3),
    "factor": lambda w, i: setattr(w, "factor", 1.0 + i),
    "another_optimizer": lambda w, i: (
        i == 3 and setattr(w, "optimizer", xp.optim.SGD(w.model.parameters(), lr=0.3))
    ),
    "another_part": lambda w, i: i == 3 and w.model.__setitem__(1, nn.ReLU()),
    "another_parameter": lambda w, i: (
        i == 3 and setattr(w.model[0], "weight", nn.Parameter(xp.ones((5, 4))))
    ),
    "written": lambda w, i: w.views[0].__setitem__(0, 0.5),
    "data": lambda w, i: setattr(w.model[0].weight, "data", xp.full((5, 4), 0.1 * i)),
    "state_loaded": lambda w, i: w.optimizer.load_state_dict(
        copy.deepcopy(w.optimizer.state_dict())
    ),
    "half_of_it_in_double": lambda w, i: i == 3 and w.model.double(),
    "own_step": lambda w, i: (
        i == 3 and setattr(w.optimizer, "step", lambda: w.log.append("stepped"))
    ),
    "own_class": lambda w, i: i == 3 and setattr(w.optimizer, "__class__", Own),
    "retained": lambda w, i: w.model[0].weight.retain_grad(),
    "anomaly": lambda w, i: i == 3 and w.model[0].weight.data.__setitem__((0, 0), float("nan")),
    "thread": lambda w, i: _in_a_thread(w),
}


class Own(xp.optim.SGD):
    """An optimizer of one's own."""

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = p.data * 0.5


def _in_a_thread(world):
    other = World()
    thread = threading.Thread(target=lambda: calls(other, "first", count=1))
    thread.start()
    thread.join()
    world.log.append(other.views[0])


@pytest.mark.parametrize("change", CHANGES)
def test_steps_in_a_changing_world(change):
    steps = (("first", "momentum"), ("last", "adam"), ("added_up", "sgd"))
    for step, optimizer in steps if THOROUGH else steps[:1]:
        seen = []
        for compiler in (_as_it_is, xp.compile):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    seen.append(calls(World(optimizer), step, CHANGES[change], 6, compiler)[0])
            finally:
                xp.set_grad_enabled(True)
        assert not differences(*seen), step


def _again(w, x, y):
    loss = w.loss(x, y)
    loss.backward()
    loss.backward()


def _kept(w, x, y):
    loss = w.loss(x, y)
    loss.backward(retain_graph=True)
    return loss


def _twice(w, x, y):
    w.first(x, y)
    return w.first(x, y)


def _model_after(w, x, y):
    w.first(x, y)
    return w.model(x)


def _view_before(w, x, y):
    weight = w.model[0].weight.detach()[0]
    w.first(x, y)
    return weight * 2


def _rate_after(w, x, y):
    w.optimizer.step()
    w.scheduler.step()
    return x * w.optimizer.param_groups[0]["lr"]


def _rates_after(w, x, y):
    groups = w.optimizer.param_groups
    rate = groups[0]["lr"]
    w.first(x, y)
    return x * rate, x * groups[0]["lr"], x * len(w.optimizer.state)


def _gradient_after(w, x, y):
    w.first(x, y)
    return w.model[0].weight.grad * 2


def _norm(w, x, y):
    w.added_up(x, y)
    norm = nn.utils.clip_grad_norm_(w.model.parameters(), 0.1)
    return norm


def _norm_tested(w, x, y):
    w.added_up(x, y)
    norm = nn.utils.clip_grad_norm_(w.model.parameters(), 0.1)
    return x * 2 if norm else x * 3


def _norm_of_a_kind(w, x, y):
    w.added_up(x, y)
    norm = nn.utils.clip_grad_norm_(w.model.parameters(), 0.1)
    return x * 2 if isinstance(norm, xp.Tensor) else x * 3


def _tried(w, x, y):
    w.added_up(x, y)
    try:
        w.optimizer.step()
    except TypeError:
        return x * 2
    finally:
        x = x * 3
    return x


def _raises(w, x, y):
    w.added_up(x, y)
    raise ValueError("of its own")


def _of_no_grad(w, x, y):
    with xp.no_grad():
        w.zeros(x, y)


def _read(w, x, y):
    w.first(x, y)
    return float(w.loss(x, y).detach())


def _other_history(w, x, y):
    other = xp.sum(w.model[2].bias ** 2)
    w.added_up(x, y)
    return other


def _zeroed_between(w, x, y):
    out = xp.sum(x) * 2
    w.optimizer.zero_grad(set_to_none=False)
    return out, w.loss(x, y).detach()


def _closure(w, x, y):
    def closure():
        w.optimizer.zero_grad()
        loss = w.loss(x, y)
        loss.backward()
        return loss

    return w.optimizer.step(closure).detach()


def _by_hand(w, x, y):
    w.added_up(x, y)
    with xp.no_grad():
        for p in w.model.parameters():
            p -= 0.1 * p.grad
            p.grad = None


def _with_a_gradient(w, x, y):
    out = w.model(x)
    out.backward(y)
    return out.detach()


def _loss_written(w, x, y):
    loss = w.loss(x, y)
    loss.backward()
    loss *= 2
    return loss.detach()


def _seen_through_the_loss(w, x, y):
    out = w.model(x) * 1
    loss = out[0, 0]
    loss.backward()
    out *= 3
    return out.detach()


ODD = [_again, _kept, _twice, _model_after, _view_before, _rate_after, _rates_after, _norm,
       _gradient_after, _norm_tested, _norm_of_a_kind, _tried, _raises, _of_no_grad, _read,
       _other_history, _zeroed_between, _closure, _by_hand, _with_a_gradient,
       _loss_written, _seen_through_the_loss]  # fmt: skip


@pytest.mark.parametrize("step", ODD)
def test_odd_steps(step):
    def change(world, i):
        if step is _tried and i == 3:
            world.optimizer.param_groups[0]["lr"] = "much"
        World.odd = lambda self, x, y: step(self, x, y)

    seen = []
    World.odd = lambda self, x, y: step(self, x, y)
    for compiler in (_as_it_is, xp.compile):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen.append(calls(World("momentum"), "odd", change, 4, compiler)[0])
    assert not differences(*seen)


def test_a_returned_loss_cannot_be_walked_again():
    world = World()
    for fn in (world.last, xp.compile(world.last)):
        loss, _ = fn(xp.ones((3, 4)), xp.ones((3, 2)))
        with pytest.raises(RuntimeError, match="already walked"):
            loss.backward()
        assert loss.requires_grad
