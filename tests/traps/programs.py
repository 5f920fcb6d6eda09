"""Random programs as traps: views, writes, control flow, containers, modules, and a changing world.

A program is written as text, which `linecache` knows, so that it can be followed. Vectors have
three elements, matrices nine.
"""

import linecache
from types import SimpleNamespace

import numpy as np

import tensorxp as xp
from tensorxp import nn
from tensorxp.nn import functional as F

_UNARY = (
    "xp.sin({0})",
    "xp.tanh({0})",
    "-{0}",
    "xp.exp(-xp.abs({0}))",
    "xp.sqrt(xp.abs({0}) + 1)",
    "F.relu({0})",
    "F.sigmoid({0})",
    "F.gelu({0})",
    "xp.cumulative_sum({0}, axis=0)",
    "xp.flip({0})",
    "xp.sort({0}, axis=0)",
    "xp.where({0} > 0, {0}, 0.5 * {0})",
    "{0}.detach()",
    "xp.roll({0}, 1)",
    "F.softmax({0}, dim=0)",
    "xp.clip({0}, -1.0, 2.0)",
    "{0} ** 2",
    "w.fn({0})",
    "w.method({0})",
    "helper({0})",
    "(lambda t, k=w.k: t * k)({0})",
    "inner({0})",
    "{0}.copy()",
    "xp.round({0})",
    "xp.real(xp.astype({0}, xp.complex128))",
    "xp.maximum({0}, w.t)",
    "part({0})",
)
_BINARY = (
    "{0} + {1}",
    "{0} - {1}",
    "{0} * {1}",
    "{0} / (xp.abs({1}) + 1)",
    "xp.maximum({0}, {1})",
    "xp.atan2({0}, {1})",
    "xp.where({0} < {1}, {0}, {1})",
    "pair({0}, {1})",
)
_SCALARS = (
    "w.k",
    "2.0",
    "w.items[0]",
    "w.items[-1]",
    "len(w.items)",
    "sum(w.items)",
    "w.table['a']",
    "w.table.get('b', 3.0)",
    "GLOBAL",
    "w.box.v",
    "w.n",
    "max(w.items)",
    "w.twice",
    "cell",
    "getattr(w, 'extra', 1.5)",
    "xp.sum({0})",
    "xp.mean({0})",
    "{0}[0]",
    "w.t[1]",
    "w.p[0]",
    "{0}.shape[0]",
    "w.t.ndim",
    "float(w.n)",
    "math.sqrt(abs(w.k))",
    "w.layer.in_features",
)
_RARE = (
    "float(xp.sum({0}).detach())",
    "{0}.detach().tolist()[0]",
    "int(xp.argmax({0}.detach()))",
    "float(w.t[0])",
    "np.asarray({0}.detach())[0]",
    "xp.random.rand(3)",
    "np.random.rand()",
    "{0}[w.i]",
    "w.array[0]",
    "len({0}[{0}.detach() > 0])",
)
_MATRICES = (
    "xp.outer({0}, {1})",
    "xp.reshape(xp.concat([{0}, {1}, {0}]), (3, 3))",
    "xp.stack([{0}, {1}, {0}])",
    "xp.stack([{0}, {1}, {0}], axis=1)",
    "xp.broadcast_to({0}, (3, 3)) * 1",
)
_OF_MATRIX = (
    "xp.sum({0}, axis=0)",
    "{0}[1]",
    "{0}[:, 1]",
    "{0} @ {1}",
    "xp.diagonal({0})" if hasattr(xp, "diagonal") else "{0}[0]",
    "xp.max({0}, axis=1)",
    "{0}.T[2]",
    "xp.reshape({0}, (9,))[::3]",
    "xp.reshape({0}.T, (-1,))[3:6]",
    "w.layer({0})[0]",
    "w.model({0})[:, 0]",
    "xp.mean({0}, axis=0)",
    "xp.linalg.norm({0}, axis=1)" if hasattr(xp.linalg, "norm") else "{0}[2]",
)
_TESTS = (
    "w.flag",
    "w.k > 2",
    "w.items",
    "len(w.items) > 2",
    "'b' in w.table",
    "w.n % 2",
    "w.model.training",
    "not w.flag and w.k < 3",
    "isinstance(w.box, list)",
    "w.t.ndim == 1",
    "2.0 in w.items",
    "w.name == 'one'",
    "GLOBAL > 2 or w.flag",
    "w.p.requires_grad",
    "xp.is_grad_enabled()",
)
_RARE_TESTS = ("xp.sum({0}) > 0", "{0}[0] > w.k", "bool(xp.all({0}.detach() > 0))")
_RESULTS = (
    "return {0}",
    "return {0}, {1}",
    "return [{0}, {1} * 2]",
    "return {{'a': {0}, 'b': ({1}, w.k)}}",
    "return {0}, None, w.n",
    "return {0}[1:]",
    "return {0} * 1, {0} + {1}",
    "return xp.sum({0})",
)
_EFFECTS = (
    "loss.backward()",
    "w.optimizer.step()",
    "w.optimizer.zero_grad()",
    "w.optimizer.zero_grad(set_to_none=False)",
    "w.layer.zero_grad()",
    "xp.nn.utils.clip_grad_norm_(w.layer.parameters(), 0.5)",
)
_AFTER = (
    "return loss.detach()",
    "return loss",
    "return None",
    "return {0}",
    "return loss.detach() * 2, {0}.detach()",
    "return xp.sum(loss.detach() + w.k)",
)


class _Text:
    def __init__(self, rng):
        self.rng, self.lines, self.count = rng, [], 0
        self.vectors, self.own = ["x", "y"], []  # `own` may be written to

    def pick(self, options):
        return options[self.rng.integers(len(options))]

    def rarely(self, p=0.03):
        return self.rng.random() < p

    def vector(self):
        return self.pick(self.vectors)

    def scalar(self):
        options = _RARE if self.rarely() else _SCALARS
        return self.pick(options).format(self.vector())

    def expression(self):
        kind = self.rng.integers(5)
        if kind == 0:
            return self.pick(_UNARY).format(self.vector())
        if kind == 1:
            return self.pick(_BINARY).format(self.vector(), self.vector())
        if kind == 2:
            return f"{self.vector()} * {self.scalar()}"
        if kind == 3:
            matrix = self.pick(_MATRICES).format(self.vector(), self.vector())
            return self.pick(_OF_MATRIX).format(f"({matrix})", self.vector())
        other = self.pick(("w.t", "w.p", "TENSOR", "w.tensors[0]"))
        return f"{self.vector()} {self.pick('+-*')} {other}"

    def new(self):
        self.count += 1
        return f"v{self.count}"

    def add(self, depth, line):
        self.lines.append("    " * (depth + 1) + line)

    def test(self):
        options = _RARE_TESTS if self.rarely(0.05) else _TESTS
        return self.pick(options).format(self.vector())

    def training(self):
        """End with a training step, mostly one as they are."""
        kinds = [self.rng.integers(2, 5), 0, 1]
        if self.rarely(0.4):
            kinds = self.rng.integers(0, len(_EFFECTS), size=4)
        before = self.rng.integers(2)
        if before:
            self.add(1, _EFFECTS[kinds[0]].replace("loss.backward()", "pass"))
        total = self.pick(("w.layer({0})", "{0} * w.p", "{0}")).format(self.vectors[-1])
        self.add(1, f"loss = xp.mean(({total}) ** 2)")
        for kind in kinds[before:]:
            self.add(1, _EFFECTS[kind])
        self.add(1, self.pick(_AFTER).format(self.vector()))

    def statement(self, depth):
        kind = self.rng.integers(14)
        name = self.new()
        if kind < 4 or depth > 2:
            self.add(depth, f"{name} = {self.expression()}")
        elif kind == 4:
            self.add(depth, f"{name} = {self.vector()} * 1")
            for _ in range(self.rng.integers(1, 4)):
                place = self.pick(("[0]", "[1:]", "[::2]", "[...]", "[::-1][:2]", "[w.n % 3]"))
                sign = self.pick(("=", "+=", "*="))
                self.add(depth, f"{name}{place} {sign} {self.scalar()}")
        elif kind == 5:
            view = self.new()
            self.add(depth, f"{name} = {self.vector()} * 1")
            self.add(depth, f"{view} = {name}{self.pick(('[::-1]', '[:]', '[...]'))}")
            self.add(depth, f"{self.pick((name, view))} {self.pick(('+=', '*='))} {self.scalar()}")
            self.vectors.append(view)
        elif kind == 6:
            self.add(depth, f"if {self.test()}:")
            self.add(depth + 1, f"{name} = {self.expression()}")
            self.add(depth, "else:")
            self.add(depth + 1, f"{name} = {self.expression()}")
        elif kind == 7:
            source = self.pick(
                ("range(w.n)", "w.items", "w.table.values()", "[w.k, 2.0]", "(1, 2)")
            )
            self.add(depth, f"{name} = {self.vector()}")
            self.add(depth, f"for q in {source}:")
            self.add(depth + 1, f"{name} = {name} * 0.5 + {self.vector()} * q")
        elif kind == 8:
            self.add(depth, f"l{name} = [{self.vector()}, {self.expression()}]")
            self.add(depth, f"l{name}.append({self.expression()})")
            self.add(depth, f"{name} = l{name}[{self.pick(('0', '-1', 'w.n % 3'))}] + sum(l{name})")
        elif kind == 9:
            self.add(depth, f"d{name} = {{'a': {self.expression()}, **{{'b': {self.vector()}}}}}")
            self.add(depth, f"{name} = sum(t * 1 for t in d{name}.values())")
        elif kind == 10:
            self.add(depth, "with xp.no_grad():")
            self.add(depth + 1, f"{name} = {self.expression()}")
        elif kind == 11:
            self.add(depth, f"{name} = xp.stack([t * i for i, t in enumerate({self.vector()})])")
        elif kind == 12:
            self.add(depth, f"def f{name}(t, k={self.pick(('w.k', '2.0'))}):")
            self.add(depth + 1, f"return t * k + {self.vector()}")
            self.add(depth, f"{name} = f{name}({self.vector()})")
        else:
            what = self.pick(
                (
                    "g{0} = xp.autograd.grad(xp.sum(xp.sin(t{0}) * {1}), t{0})[0]",
                    "g{0} = xp.autograd.value_and_grad(lambda t: xp.sum(t * t * w.k))({1})[1]",
                )
            ).format(name, self.vector())
            self.add(depth, f"t{name} = {self.vector()}.detach().requires_grad_()")
            self.add(depth, what)
            self.add(depth, f"{name} = g{name} * 1")
        self.vectors.append(name)


class _World:
    def __init__(self):
        self.k, self.n, self.flag, self.name = 2.0, 2, True, "one"
        self.items, self.table = [1.0, 2.0], {"a": 2.0}
        self.box = SimpleNamespace(v=1.5)
        self.t = xp.asarray([0.5, -1.0, 2.0])
        self.p = xp.asarray([1.0, 0.5, -0.5], requires_grad=True)
        self.tensors = [xp.asarray([1.0, 2.0, 3.0])]
        self.i = xp.asarray(1)
        self.array = np.array([1.5, 2.5])
        self.fn = xp.cos
        self.layer = nn.Linear(3, 3).double()
        self.model = nn.Sequential(nn.Linear(3, 2), nn.Tanh()).double().eval()
        for j, p in enumerate([*self.layer.parameters(), *self.model.parameters()]):
            with xp.no_grad():
                p[...] = xp.reshape(xp.sin(xp.arange(float(p.size)) + j), p.shape)

        params = [self.p, *self.layer.parameters()]
        self.optimizer = xp.optim.SGD(params, lr=0.05, momentum=0.5)

    @property
    def twice(self):
        return self.k * 2

    def method(self, x):
        return x * self.k + self.box.v


def _write(t, value):
    with xp.no_grad():
        t[...] = value


_CHANGES = (
    lambda w, g, i: setattr(w, "k", (2.0, 3, 3.0, -1.5)[i % 4]),
    lambda w, g, i: setattr(w, "n", 1 + i % 4),
    lambda w, g, i: setattr(w, "flag", i % 2 == 0),
    lambda w, g, i: setattr(w, "name", ("one", "two")[i % 2]),
    lambda w, g, i: w.items.append(float(i)),
    lambda w, g, i: w.items.__setitem__(0, 2.0 + i),
    lambda w, g, i: setattr(w, "items", [2.0, float(i)]),
    lambda w, g, i: w.table.__setitem__("a", 1.0 + i),
    lambda w, g, i: w.table.__setitem__("b", 1.0 + i),
    lambda w, g, i: setattr(w.box, "v", 1.0 + i),
    lambda w, g, i: setattr(w, "box", SimpleNamespace(v=2.0 + i)),
    lambda w, g, i: setattr(w, "extra", 1.0 + i),
    lambda w, g, i: _write(w.t, 0.5 * i),
    lambda w, g, i: setattr(w, "t", xp.asarray([1.0, float(i), -1.0])),
    lambda w, g, i: _write(w.p, 0.5 * i),
    lambda w, g, i: setattr(w, "p", xp.asarray([1.0, float(i), -1.0], requires_grad=i % 3 != 0)),
    lambda w, g, i: w.p.requires_grad_(i % 2 == 0),
    lambda w, g, i: w.tensors.__setitem__(0, xp.asarray([float(i), 2.0, 3.0])),
    lambda w, g, i: _write(w.tensors[0], float(i)),
    lambda w, g, i: setattr(w, "fn", (xp.sin, xp.cos, lambda x: x * i)[i % 3]),
    lambda w, g, i: setattr(w, "method", lambda x: x * i),
    lambda w, g, i: g.__setitem__("GLOBAL", 1.0 + i),
    lambda w, g, i: g.__setitem__("TENSOR", xp.asarray([1.0, 2.0, float(i)])),
    lambda w, g, i: g.__setitem__("helper", lambda x: x + i),
    lambda w, g, i: w.model.train(i % 2 == 0),
    lambda w, g, i: w.model.__setitem__(1, (nn.ReLU(), nn.Sigmoid())[i % 2]),
    lambda w, g, i: w.layer.register_forward_hook(lambda m, a, y: y * 1.5),
    lambda w, g, i: _write(w.layer.weight, 0.1 * i),
    lambda w, g, i: setattr(w.layer, "bias", None),
    lambda w, g, i: setattr(w.layer, "weight", nn.Parameter(xp.full((3, 3), 0.2 * i))),
    lambda w, g, i: w.i.__setitem__(..., i % 3),
    lambda w, g, i: w.array.__setitem__(0, float(i)),
    lambda w, g, i: g["set_cell"](1.0 + i),
    lambda w, g, i: xp.set_grad_enabled(i % 2 == 0),
    lambda w, g, i: xp.set_default_dtype((xp.float32, xp.float64)[i % 2]),
    lambda w, g, i: setattr(
        w, "t", xp.asarray([1.0, 2.0, 3.0], dtype=(xp.int64, xp.float64)[i % 2])
    ),
    lambda w, g, i: w.optimizer.param_groups[0].__setitem__("lr", 0.01 * i),
    lambda w, g, i: w.optimizer.zero_grad(),
    lambda w, g, i: (
        i == 4 and w.p.is_leaf and w.p.requires_grad and w.p.register_hook(lambda ct: ct * 2)
    ),
    lambda w, g, i: setattr(w, "optimizer", xp.optim.Adam(w.layer.parameters(), lr=0.01)),
    lambda w, g, i: None,
    lambda w, g, i: None,
)

_HEAD = """
def make(w, cell):
    def set_cell(value):
        nonlocal cell
        cell = value

    def inner(t):
        return t * cell

    def program(x, y):
"""


def text_of(seed):
    """Return the text of the program of a seed."""
    text = _Text(np.random.default_rng(seed))
    for _ in range(text.rng.integers(2, 8)):
        text.statement(1)
    if text.rarely(0.2):
        text.training()
    else:
        text.add(1, text.pick(_RESULTS).format(text.vectors[-1], text.vector()))
    return _HEAD + "\n".join(text.lines) + "\n\n    return program, set_cell\n"


def _argument(rng, like):
    values = rng.normal(size=3)
    if like == 1:
        x = xp.asarray(np.stack([values, values], axis=1)[:, 0], copy=False)
    elif like == 2:
        x = xp.asarray(values[::-1], copy=False)
    else:
        x = xp.asarray(values)
    return x


def program(seed, calls=6):
    """Return the trap of a random program and random changes of its world between the calls."""
    source, name = text_of(seed), f"<program {seed}>"

    def make():
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        scope = {
            "xp": xp,
            "F": F,
            "np": np,
            "GLOBAL": 2.0,
            "TENSOR": xp.asarray([1.0, 2.0, 3.0]),
            "__name__": "programs",
        }
        exec("import math\nfrom functools import partial\n", scope)
        more = f"<helpers {seed}>"
        helpers = (
            "def helper(x):\n    return x * GLOBAL\n"
            "def pair(a, b, *rest, k=1.5):\n    return a * k + b\n"
            "def _part(k, x):\n    return x * k\n"
            "part = partial(_part, 2.5)\n"
        )
        linecache.cache[more] = (len(helpers), None, helpers.splitlines(True), more)
        exec(compile(helpers, more, "exec"), scope)
        exec(compile(source, name, "exec"), scope)
        world = _World()
        fn, scope["set_cell"] = scope["make"](world, 2.0)
        rng = np.random.default_rng(seed + 1)

        def run():
            layout = rng.integers(3)
            for i in range(calls):
                recorded = rng.random(2) < 0.5
                layout = layout if rng.random() < 0.8 else rng.integers(3)
                x, y = (_argument(rng, layout if j else 0) for j in range(2))
                if recorded[0]:
                    x.requires_grad_()
                if recorded[1]:
                    y.requires_grad_()
                yield (x, y)
                for _ in range(rng.integers(0, 3)):
                    _CHANGES[rng.integers(len(_CHANGES))](world, scope, i + 1)

        leaves = lambda: [world.p, *world.layer.parameters(), *world.model.parameters()]  # noqa: E731
        return fn, run, leaves

    return make
