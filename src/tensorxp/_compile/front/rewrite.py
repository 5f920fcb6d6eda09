"""A function's code with questions put in: each read, call, test and store asks `SEEN` first.

`SEEN` is a free variable of the new code, bound to a `front.seen.Frame`. What the new code does by
itself are jumps, local variables, constants and operators on operands that were asked about; that
is held to: no global and no attribute but those of `SEEN` is named in it.
"""

import ast
from functools import lru_cache
from types import CodeType
from typing import Any

from tensorxp._compile.front.source import tree_of

SEEN = "__tensorxp_seen__"
#: The questions; `front.seen.Frame` has a method for each.
QUESTIONS = frozenset(
    ("attr", "aug", "call", "caught", "enter", "free", "glob", "has", "item", "iterable", "key",
     "leave", "loop", "made", "mapping", "owned", "owner", "scope", "stop", "store", "tested",
     "text", "told", "used")
)  # fmt: skip


def rewritten(code: CodeType) -> CodeType | str:
    """Return the code with questions for the code of a function, or why there is none."""
    return _rewritten(code, code.co_filename)  # equal code may be in several files


@lru_cache(maxsize=4096)
def _rewritten(code: CodeType, _: str) -> CodeType | str:
    tree = tree_of(code)
    if isinstance(tree, str):
        return tree
    try:
        new = _compiled(tree, code)
    except (SyntaxError, ValueError, RecursionError) as error:
        return f"{code.co_qualname} cannot be rewritten: {error}"
    if not _closed(new):
        return f"{code.co_qualname} names something that cannot be followed"
    return new


def _compiled(tree: Any, code: CodeType) -> CodeType:
    writer = _Writer(code)
    function = writer.definition(tree, root=True)
    free = dict.fromkeys((SEEN, *code.co_freevars))
    arguments = ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, [])
    result: ast.expr = function if isinstance(function, ast.Lambda) else _load(function.name)
    body = [*([] if isinstance(function, ast.Lambda) else [function]), ast.Return(result)]
    outer = ast.FunctionDef("outer", arguments, body, [], None)
    if hasattr(outer, "type_params"):
        outer.type_params = []
    module = ast.Module([outer], [])
    node: Any
    for node in ast.walk(module):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            node.lineno = node.end_lineno = code.co_firstlineno
            node.col_offset = node.end_col_offset = 0
    top = compile(module, code.co_filename, "exec", dont_inherit=True)
    return next(
        x
        for y in top.co_consts
        if isinstance(y, CodeType)
        for x in y.co_consts
        if isinstance(x, CodeType)
    )


def _closed(code: CodeType) -> bool:
    """Return whether the code names nothing but questions."""
    inner = [x for x in code.co_consts if isinstance(x, CodeType)]
    return set(code.co_names) <= QUESTIONS and all(map(_closed, inner))


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _bound(body: list[Any]) -> tuple[set[str], set[str]]:
    """Return the names that statements bind in their own scope, and those declared elsewhere."""
    names: set[str] = set()
    elsewhere: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(x, False) for x in body]
    while waiting:
        node, inside = waiting.pop()  # inside: a comprehension, whose targets are its own
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store) and not inside:
                names.add(node.id)
            continue
        if isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update([(x.asname or x.name).split(".")[0] for x in node.names])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue  # what is inside binds nothing here
        elif isinstance(node, ast.NamedExpr):
            names.add(node.target.id)
            waiting.append((node.value, inside))
            continue
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, ast.MatchStar | ast.MatchAs) and node.name:
            names.add(node.name)
        inside = inside or isinstance(
            node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        )
        waiting.extend([(x, inside) for x in ast.iter_child_nodes(node)])
    return names - elsewhere, elsewhere


def _arguments(args: ast.arguments) -> set[str]:
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {x.arg for x in every if x is not None}


def _depth(target: ast.expr) -> int:
    """Return how deep a target unpacks: 0 for a name, 1 for names, 2 where one has names itself."""
    if isinstance(target, ast.Tuple | ast.List):
        return 1 + max([_depth(x) for x in target.elts], default=0)
    return _depth(target.value) if isinstance(target, ast.Starred) else 0


class _Writer(ast.NodeTransformer):
    """Writes the new tree; `scopes` are the names bound in each function around the place."""

    def __init__(self, code: CodeType) -> None:
        self.free = set(code.co_freevars)
        self.names = set(code.co_names)
        self.scopes: list[set[str]] = []
        self.first = code.co_varnames[0] if code.co_argcount else None
        self.depth = 0  # of functions

    # what asks

    def ask(self, question: str, node: ast.AST, *args: ast.expr) -> ast.Call:
        """Return `SEEN.question(*args)` at the place of `node`."""
        where = ast.Attribute(_load(SEEN), question, ast.Load())
        return self._placed(ast.Call(where, list(args), []), node)  # type: ignore[no-any-return]

    @staticmethod
    def _placed(new: Any, node: ast.AST) -> Any:
        for x in ast.walk(new):
            if "lineno" in x._attributes and not hasattr(x, "lineno"):
                ast.copy_location(x, node)
        return new

    def stop(self, node: ast.AST, reason: str) -> ast.expr:
        return self.ask("stop", node, ast.Constant(reason))

    def stopped(self, node: ast.AST, reason: str) -> ast.stmt:
        return self._placed(ast.Expr(self.stop(node, reason)), node)  # type: ignore[no-any-return]

    def expr(self, node: Any) -> Any:
        return self.visit(node)

    def body(self, statements: list[Any]) -> list[Any]:
        found: list[Any] = []
        for x in statements:
            new = self.visit(x)
            found += new if isinstance(new, list) else [new]
        return found

    def generic_visit(self, node: Any) -> Any:
        """Refuse what no method below knows."""
        if isinstance(node, ast.expr):
            return self.stop(node, f"it has {_said(node)}")
        if isinstance(node, ast.stmt):
            return self.stopped(node, f"it has {_said(node)}")
        raise ValueError(f"it has {_said(node)}")

    # functions

    def definition(self, node: Any, root: bool = False) -> Any:
        """Return a function or lambda rewritten; the root gets its defaults otherwise."""
        lambda_ = isinstance(node, ast.Lambda)
        body = [ast.Expr(node.body)] if lambda_ else node.body
        names, elsewhere = _bound(body)
        if root and elsewhere:
            raise ValueError("it sets variables of a scope outside")
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                raise ValueError("it sets global variables")
            if isinstance(inner, ast.Nonlocal) and self.free.intersection(inner.names):
                raise ValueError("it sets variables of a scope outside")
        args = node.args
        defaults = [] if root else [self.expr(x) for x in args.defaults]
        kw_defaults = [
            None if root or x is None else self.expr(x) for x in args.kw_defaults
        ]  # fmt: skip
        bare = ast.arguments(
            [ast.arg(x.arg) for x in args.posonlyargs], [ast.arg(x.arg) for x in args.args],
            ast.arg(args.vararg.arg) if args.vararg else None,
            [ast.arg(x.arg) for x in args.kwonlyargs], kw_defaults,
            ast.arg(args.kwarg.arg) if args.kwarg else None, defaults,
        )  # fmt: skip
        self.scopes.append(names | _arguments(args))
        self.depth += 1
        if lambda_:
            new: Any = ast.Lambda(bare, self.expr(node.body))
        else:
            body = self.body(node.body)
            if args.kwarg:  # the dict is the call's own
                name = _load(args.kwarg.arg)
                body.insert(0, self._placed(ast.Expr(self.ask("made", node.body[0], name)),
                                            node.body[0]))  # fmt: skip
            new = ast.FunctionDef(node.name, bare, body, [], None)
            if hasattr(node, "type_params"):
                new.type_params = []
        self.depth -= 1
        self.scopes.pop()
        return ast.copy_location(new, node)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return self.definition(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        new = self.definition(node)
        value: Any = None
        for decorator in reversed(node.decorator_list):
            value = self.ask("call", decorator, self.expr(decorator), value or _load(node.name))
        if value is None:
            return new
        target = ast.Name(node.name, ast.Store())
        return [new, self._placed(ast.Assign([target], value), node)]

    # names

    def visit_Name(self, node: ast.Name) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        if any(node.id in scope for scope in self.scopes):
            return node
        if node.id in self.free:
            return self.ask("free", node, ast.Constant(node.id), node)
        return self.ask("glob", node, ast.Constant(node.id))

    # expressions

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node

    def _attribute(self, name: str) -> str:
        """Return the name of an attribute as the class that it stands in mangles it."""
        if name.startswith("__") and not name.endswith("__") and name not in self.names:
            found = [x for x in self.names if x.startswith("_") and x.endswith(name)]
            if len(found) != 1:
                raise ValueError(f"it has the private name {name}")
            return found[0]
        return name

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        name = ast.Constant(self._attribute(node.attr))
        return self.ask("attr", node, self.expr(node.value), name)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return self.ask("item", node, self.expr(node.value), self.expr(node.slice))

    def visit_Slice(self, node: ast.Slice) -> Any:
        parts = [None if x is None else self.expr(x) for x in (node.lower, node.upper, node.step)]
        return ast.copy_location(ast.Slice(*parts), node)

    def visit_Call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "super" and not node.args and not node.keywords:
            if "__class__" not in self.free or self.first is None or self.depth != 1:
                return self.stop(node, "it has super() in an inner function")
            owner = self.ask("free", node, ast.Constant("__class__"), _load("__class__"))
            return self.ask("call", node, self.expr(node.func), owner, _load(self.first))
        new = self.ask("call", node, self.expr(node.func))
        new.args += [self._part(x) for x in node.args]
        for x in node.keywords:
            value = self.expr(x.value)
            if x.arg is None:
                value = self.ask("mapping", x.value, value)
            new.keywords.append(ast.keyword(x.arg, value))
        return new

    def _part(self, node: ast.expr) -> Any:
        """Return an element of a display or a call, whose star reads what it is given."""
        if isinstance(node, ast.Starred):
            value = self.ask("iterable", node, self.expr(node.value))
            return ast.copy_location(ast.Starred(value, ast.Load()), node)
        return self.expr(node)

    def _used(self, node: ast.expr) -> Any:
        new = self.expr(node)
        return new if isinstance(node, ast.Constant) else self.ask("used", node, new)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        new = ast.BinOp(self._used(node.left), node.op, self._used(node.right))
        return self.ask("made", node, ast.copy_location(new, node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            value = self.ask("tested", node, self.expr(node.operand))
        else:
            value = self._used(node.operand)
        return ast.copy_location(ast.UnaryOp(node.op, value), node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        parts = [self.ask("tested", x, self.expr(x)) for x in node.values[:-1]]
        return ast.copy_location(ast.BoolOp(node.op, [*parts, self.expr(node.values[-1])]), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(x, ast.Constant) for x in sides):  # `is None`, say
                left, *rest = map(self.expr, sides)
            else:
                left, *rest = [self.ask("told", x, self.expr(x)) for x in sides]
            return ast.copy_location(ast.Compare(left, node.ops, rest), node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            # in the order in which Python evaluates them
            left, right = self.expr(node.left), self.expr(node.comparators[0])
            new = self.ask("has", node, left, right)
            if isinstance(node.ops[0], ast.In):
                return new
            return ast.copy_location(ast.UnaryOp(ast.Not(), new), node)
        rest = [self._used(x) for x in node.comparators]
        return ast.copy_location(ast.Compare(self._used(node.left), node.ops, rest), node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        test = self.ask("tested", node.test, self.expr(node.test))
        return ast.copy_location(
            ast.IfExp(test, self.expr(node.body), self.expr(node.orelse)), node
        )

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        return ast.copy_location(ast.NamedExpr(node.target, self.expr(node.value)), node)

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return self.target(node)
        return ast.copy_location(ast.Tuple([self._part(x) for x in node.elts], node.ctx), node)

    def visit_List(self, node: ast.List) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return self.target(node)
        new = ast.copy_location(ast.List([self._part(x) for x in node.elts], node.ctx), node)
        return self.ask("made", node, new)

    def visit_Set(self, node: ast.Set) -> Any:
        if any(isinstance(x, ast.Starred) for x in node.elts):
            return self.stop(node, "it has a set with a star")
        parts: list[Any] = [self.ask("key", x, self.expr(x)) for x in node.elts]
        return self.ask("made", node, ast.copy_location(ast.Set(parts), node))

    def visit_Dict(self, node: ast.Dict) -> Any:
        keys: list[Any] = []
        values: list[Any] = []
        for k, v in zip(node.keys, node.values, strict=True):
            keys.append(None if k is None else self.ask("key", k, self.expr(k)))
            values.append(self.ask("mapping", v, self.expr(v)) if k is None else self.expr(v))
        return self.ask("made", node, ast.copy_location(ast.Dict(keys, values), node))

    def visit_Starred(self, node: ast.Starred) -> Any:
        return self._part(node)

    def _comprehension(self, node: Any, *parts: str) -> Any:
        names: set[str] = set()
        for generator in node.generators:
            names |= {
                x.id for x in ast.walk(generator.target)
                if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
            }  # fmt: skip
            if generator.is_async:
                return self.stop(node, "it has an asynchronous comprehension")
        generators = []
        for i, generator in enumerate(node.generators):
            if i == 0:  # the first is evaluated outside
                source = self.expr(generator.iter)
                self.scopes.append(names)
            else:
                source = self.expr(generator.iter)
            source = self._looped(generator.target, generator.iter, source)
            tests: list[Any] = [self.ask("tested", x, self.expr(x)) for x in generator.ifs]
            generators.append(ast.comprehension(self.target(generator.target), source, tests, 0))
        values = [self.expr(getattr(node, part)) for part in parts]
        if isinstance(node, ast.DictComp | ast.SetComp):
            values[0] = self.ask("key", node, values[0])
        self.scopes.pop()
        new = ast.copy_location(type(node)(*values, generators), node)
        return new if isinstance(node, ast.GeneratorExp) else self.ask("made", node, new)

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        return self._comprehension(node, "elt")

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        return self._comprehension(node, "elt")

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        return self._comprehension(node, "elt")

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        return self._comprehension(node, "key", "value")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        return ast.copy_location(ast.JoinedStr([self.expr(x) for x in node.values]), node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:
        spec = None if node.format_spec is None else self.expr(node.format_spec)
        value = self.ask("text", node, self.expr(node.value))
        return ast.copy_location(ast.FormattedValue(value, node.conversion, spec), node)

    def visit_Yield(self, node: ast.Yield) -> Any:
        value = None if node.value is None else self.expr(node.value)
        return ast.copy_location(ast.Yield(value), node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        value = self.ask("iterable", node, self.expr(node.value))
        return ast.copy_location(ast.YieldFrom(value), node)

    # statements

    def target(self, node: Any) -> Any:
        """Return a target of an assignment; what is no name is asked about."""
        if isinstance(node, ast.Name):
            return node
        if isinstance(node, ast.Tuple | ast.List):
            new = type(node)([self.target(x) for x in node.elts], ast.Store())
            return ast.copy_location(new, node)
        if isinstance(node, ast.Starred):
            return ast.copy_location(ast.Starred(self.target(node.value), ast.Store()), node)
        if isinstance(node, ast.Subscript):
            owner = self.ask("owner", node, self.expr(node.value))
            key = self.ask("key", node.slice, self._slice(node.slice))
            return ast.copy_location(ast.Subscript(owner, key, ast.Store()), node)
        raise ValueError(f"it assigns to {_said(node)} among others")

    def _slice(self, node: ast.expr) -> Any:
        """Return a key as an expression: a slice by name, so that it can be asked about."""
        if isinstance(node, ast.Slice):
            parts: list[Any] = [
                ast.Constant(None) if x is None else self.expr(x)
                for x in (node.lower, node.upper, node.step)
            ]
            return self.ask("call", node, self.ask("glob", node, ast.Constant("slice")), *parts)
        if isinstance(node, ast.Tuple):
            new = ast.Tuple([self._slice(x) for x in node.elts], ast.Load())
            return ast.copy_location(new, node)
        return self._part(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.expr(node.value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute):
            return self._stored(node.targets[0], value, node)
        if any(isinstance(x, ast.Attribute) for t in node.targets for x in _parts(t)):
            return self.stopped(node, "it sets an attribute among others")
        depth = max([_depth(x) for x in node.targets])
        if depth:
            value = self.ask("iterable", node, value, ast.Constant(depth - 1))
        targets = [self.target(x) for x in node.targets]
        return ast.copy_location(ast.Assign(targets, value), node)

    def _stored(self, target: ast.Attribute, value: Any, node: ast.AST) -> Any:
        name = ast.Constant(self._attribute(target.attr))
        call = self.ask("store", node, self.expr(target.value), name, value)
        return self._placed(ast.Expr(call), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        target = node.target
        if isinstance(target, ast.Name):
            check = self.ask("owned", node, _load(target.id))
            new = ast.AugAssign(target, node.op, self._used(node.value))
            return [
                self._placed(ast.Expr(check), node), ast.copy_location(new, node),
                self._placed(ast.Expr(self.ask("made", node, _load(target.id))), node),
            ]  # fmt: skip
        if isinstance(target, ast.Subscript):
            owner = self.ask("aug", node, self.expr(target.value))
            place = ast.Subscript(owner, self.ask("key", target.slice, self._slice(target.slice)),
                                  ast.Store())  # fmt: skip
            new = ast.AugAssign(ast.copy_location(place, target), node.op, self._used(node.value))
            return ast.copy_location(new, node)
        return self.stopped(node, "it changes an attribute")

    def visit_Expr(self, node: ast.Expr) -> Any:
        return ast.copy_location(ast.Expr(self.expr(node.value)), node)

    def visit_Return(self, node: ast.Return) -> Any:
        value = None if node.value is None else self.expr(node.value)
        return ast.copy_location(ast.Return(value), node)

    def visit_Pass(self, node: Any) -> Any:
        return node

    visit_Break = visit_Continue = visit_Nonlocal = visit_Pass

    def visit_If(self, node: ast.If) -> Any:
        test = self.ask("tested", node.test, self.expr(node.test))
        return ast.copy_location(ast.If(test, self.body(node.body), self.body(node.orelse)), node)

    def visit_While(self, node: ast.While) -> Any:
        test = self.ask("tested", node.test, self.expr(node.test))
        return ast.copy_location(
            ast.While(test, self.body(node.body), self.body(node.orelse)), node
        )

    def _looped(self, target: Any, at: ast.AST, source: Any) -> Any:
        depth = _depth(target)
        if depth:
            return self.ask("loop", at, source, ast.Constant(depth))
        return self.ask("iterable", at, source)

    def visit_For(self, node: ast.For) -> Any:
        if any(isinstance(x, ast.Attribute | ast.Subscript) for x in _parts(node.target)):
            return self.stopped(node, "it has a loop that sets what is no variable")
        source = self._looped(node.target, node.iter, self.expr(node.iter))
        new = ast.For(self.target(node.target), source, self.body(node.body),
                      self.body(node.orelse))  # fmt: skip
        return ast.copy_location(new, node)

    def visit_With(self, node: ast.With) -> Any:
        items = []
        for item in node.items:
            scope = self.ask("scope", item.context_expr, self.expr(item.context_expr))
            if item.optional_vars is not None and not isinstance(item.optional_vars, ast.Name):
                return self.stopped(node, "it has a with that sets what is no variable")
            items.append(ast.withitem(scope, item.optional_vars))
        return ast.copy_location(ast.With(items, self.body(node.body)), node)

    def visit_Raise(self, node: ast.Raise) -> Any:
        parts = [None if x is None else self.expr(x) for x in (node.exc, node.cause)]
        return ast.copy_location(ast.Raise(*parts), node)

    def visit_Try(self, node: ast.Try) -> Any:
        handlers = []
        for x in node.handlers:
            kind = None if x.type is None else self.expr(x.type)
            first = self._placed(ast.Expr(self.ask("caught", x)), x)
            new = ast.ExceptHandler(kind, x.name, [first, *self.body(x.body)])
            handlers.append(ast.copy_location(new, x))
        new_try = ast.Try(self.body(node.body), handlers, self.body(node.orelse),
                          self.body(node.finalbody))  # fmt: skip
        enter, leave = [self._placed(ast.Expr(self.ask(x, node)), node) for x in ("enter", "leave")]
        around = ast.Try([enter, ast.copy_location(new_try, node)], [], [], [leave])
        return ast.copy_location(around, node)

    def visit_Assert(self, node: ast.Assert) -> Any:
        test = self.ask("tested", node.test, self.expr(node.test))
        message = None if node.msg is None else self.expr(node.msg)
        return ast.copy_location(ast.Assert(test, message), node)

    def visit_Delete(self, node: ast.Delete) -> Any:
        if all(isinstance(x, ast.Name) for x in node.targets):
            return node
        return self.stopped(node, "it deletes what is no variable")


def _parts(target: Any) -> list[Any]:
    """Return what a target assigns to, tuples taken apart."""
    if isinstance(target, ast.Tuple | ast.List):
        return [x for part in target.elts for x in _parts(part)]
    return _parts(target.value) if isinstance(target, ast.Starred) else [target]


_SAID = {
    "Await": "an await", "ClassDef": "a class definition", "Import": "an import",
    "ImportFrom": "an import", "Match": "a match statement", "AsyncFor": "an asynchronous loop",
    "AsyncWith": "an asynchronous with", "AsyncFunctionDef": "an asynchronous function",
    "Global": "a global statement",
}  # fmt: skip


def _said(node: ast.AST) -> str:
    name = type(node).__name__
    return _SAID.get(name, f"the syntax {name}")
