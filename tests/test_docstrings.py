"""Every public name has a docstring with its shapes, dtypes and errors, and what it says is true.

Docstrings are numpydoc, terse, in this order:

1. One imperative sentence; then what it computes, if that needs more, and gradients at kinks.
2. An example, `>>> xp.sin(...)`, with short values: every public function has one, and all run.
   `xp` is there; what else an example needs, it imports.
3. `Parameters`: every parameter of the signature, `x1, x2 : Tensor, real, broadcast` with
   one line below it where the name does not say all. The dtypes a Tensor may have are told by the
   words of `KINDS`, "but float16" after them where that is refused; they are tried out.
   "Tensor or scalar" takes Python numbers beside a Tensor (weak: they don't change the dtype).
   Common words: `axis : int, tuple or None`, `dtype : dtype or None`,
   `device : Device, str or None`.
4. `Returns` (or `Yields`): shape, dtype, view or copy; usual words are tried out. Not for None.
5. `Raises`: classes over one line that says when, several in the order of its parts between ";".
   AxisError is NumPy's, a ValueError and an IndexError; LinAlgError is a ValueError. What cannot
   raise stands in `NEVER`. A call with `object()` must raise what is listed.
6. `See Also`: siblings, names of the same module or full ones.

What the members of a family have in common stands once, in a `Family` (`_backend/families.py`)
that decorates them: `@unary_float.see("cos, asin")`. It adds sections 3 to 6 when the module is
loaded, so that the tests here try them out for every member. `@see("sort")` adds but the last.

Functions of Tensors say "shape" and "dtype" in `Parameters` or `Returns`; layers say "shape".
Exceptions, result tuples and dataclasses tell fields under `Attributes`. A method has a docstring
that names each parameter in backticks or a section, or is "See :func:`tensorxp.sum`.".
`python -m pytest tests/test_docstrings.py -q -k "nn or optim or utils"` runs a part.
"""

import doctest
import inspect
import io
import re
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import tensorxp as xp
from tensorxp._backend.families import Family

MODULES = (
    "", "linalg", "fft", "autograd", "special", "random", "nn", "nn.functional", "nn.init",
    "nn.utils", "optim", "optim.lr_scheduler", "utils", "utils.data", "cuda", "profiler",
    "optimize", "integrate", "interpolate", "nn.utils.rnn", "optim.swa_utils", "autograd.testing",
    "utils.progress", "utils.tensorboard",
)  # fmt: skip
every_module = pytest.mark.parametrize("name", MODULES, ids=lambda name: name or "main")

#: The dtypes (a letter each, see LETTERS) that a docstring's words stand for.
KINDS = {
    "any dtype": "biufec", "numeric": "iufec", "real or bool": "biufe", "real": "iufe",
    "floating": "fec", "real floating": "fe", "complex": "c", "integer": "iu",
    "integer or bool": "biu", "bool": "b",
}  # fmt: skip
LETTERS = {
    "b": "bool",
    "i": "int32",
    "u": "uint8",
    "f": "float32",
    "e": "float16",
    "c": "complex64",
}

#: What takes parameters and cannot raise: any value is kept or passed on as it is.
NEVER = {
    "tensorxp.autograd.detect_anomaly",
    "tensorxp.autograd.nondifferentiable",
    "tensorxp.autograd.once_differentiable",
    "tensorxp.utils.data.default_convert",
    *[f"tensorxp.autograd.testing.{name}" for name in (
        "booleans", "checks", "integers", "nonzero", "normal", "spaced", "uniform",
    )],
}  # fmt: skip

#: What subclasses override, and the library calls.
PLUMBING = ("forward", "extra_repr", "before", "after", "rebind", "enter_node", "leave_node")


def optional(name):
    """Import a public module of tensorxp; skip where it needs a package that is not here."""
    try:
        return import_module(f"tensorxp.{name}".rstrip("."))
    except ModuleNotFoundError as error:
        if str(error.name).startswith("tensorxp"):
            raise
        pytest.skip(f"{error.name} is not installed")


@cache
def public(name):
    """Return the public functions and classes of a module, by full name."""
    module = optional(name)
    names = getattr(module, "__all__", None) or [
        n for n, v in vars(module).items()
        if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__
    ]  # fmt: skip
    found = {}
    for each in dict.fromkeys([*names, *getattr(module, "_LAZY_FUNCTIONS", {})]):
        value = getattr(module, each)
        if inspect.isclass(value) or inspect.isroutine(value):
            found[f"{module.__name__}.{each}"] = value
    return found


@cache
def members(cls):
    """Return the public methods and properties that a class of ours defines, by name."""
    found = {}
    for base in cls.__mro__:
        if base.__module__.startswith("tensorxp"):
            for name, value in vars(base).items():
                if name.startswith("_") or name in found:
                    continue
                if isinstance(value, (staticmethod, classmethod)):
                    value = value.__func__
                if inspect.isfunction(value) or isinstance(value, property):
                    found[name] = value
    return found


def documented(cls, name, value):
    """Return whether a member has a docstring, its own or that of what it overrides."""
    if inspect.getdoc(value):
        return True
    if name == "forward":  # what a layer computes stands in the docstring of its class
        return bool(inspect.getdoc(cls))
    return any(inspect.getdoc(vars(base)[name]) for base in cls.__mro__ if name in vars(base))


@every_module
def test_public_names_have_docstrings(name):
    missing = []
    for full, value in public(name).items():
        if not inspect.getdoc(value) or (inspect.isclass(value) and not vars(value).get("__doc__")):
            missing.append(full)
        if inspect.isclass(value):
            missing += [
                f"{full}.{key}"
                for key, member in members(value).items()
                if not documented(value, key, member)
            ]
    assert not missing, "\n".join(missing)


@every_module
def test_first_lines_are_sentences(name):
    wrong = []
    for full, value in public(name).items():
        first = (inspect.getdoc(value) or "").partition("\n")[0]
        if isinstance(value, type) and issubclass(value, tuple):
            continue
        if not first.endswith((".", ":", ";", ",")) and len(first) < 60:
            wrong.append(f"{full}: {first!r}")
        if len(first) > 100:
            wrong.append(f"{full}: {len(first)} characters")
    assert not wrong, "\n".join(wrong)


def test_public_names_are_there():
    for name in MODULES:
        module = optional(name)
        for each in getattr(module, "__all__", ()):
            assert hasattr(module, each), f"{module.__name__}.{each}"


PARSER = doctest.DocTestParser()


def examples(found):
    """Return the examples in the docstrings of functions, classes and what these hold, by name."""
    tests = {}
    for full, value in found.items():
        if not getattr(value, "__module__", "tensorxp").startswith("tensorxp"):
            continue
        inner = members(value) if inspect.isclass(value) else {}
        for name, each in [(full, value), *((f"{full}.{key}", one) for key, one in inner.items())]:
            text = getattr(each, "__doc__", None)
            if isinstance(text, str) and ">>> " in text:
                tests[name] = PARSER.get_doctest(text, {"xp": xp}, name, None, 0)
    return tests


def wrong_examples(tests):
    """Run examples; return what is not as it stands there."""
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    state, out = xp.random.get_rng_state(), io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for test in tests.values():
            runner.run(test, out=out.write)
    xp.random.set_rng_state(state)
    return out.getvalue()


@every_module
def test_examples_run(name, tmp_path, monkeypatch):
    if name == "special":
        pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    assert not (wrong := wrong_examples(examples(public(name)))), wrong


def test_other_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = set()
    for name in MODULES:
        with suppress(pytest.skip.Exception):
            done |= {test.docstring for test in examples(public(name)).values()}
    tests, root = {}, Path(xp.__file__).parent
    for path in root.rglob("*.py"):
        if path.stem == "__main__" or ">>> " not in path.read_text(encoding="utf-8"):
            continue
        dotted = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix("__init__")
        module = optional(dotted.removesuffix("."))
        own = {
            f"{module.__name__}.{key}": value
            for key, value in vars(module).items()
            if (inspect.isclass(value) or inspect.isroutine(value))
            and getattr(value, "__module__", "") == module.__name__
        }
        tests |= examples({module.__name__: module} | own)
    tests = {name: test for name, test in tests.items() if test.docstring not in done}
    assert "tensorxp" in tests  # that of the package itself
    assert not (wrong := wrong_examples(tests)), wrong


#: Public functions that have no example yet: it may only shrink.
WITHOUT_EXAMPLE = set()


@every_module
def test_functions_have_examples(name):
    found = public(name)
    without = {
        full
        for full, value in found.items()
        if not inspect.isclass(value) and ">>> " not in inspect.getdoc(value)
    }
    assert without == WITHOUT_EXAMPLE & set(found)


def target(full, name):
    """Return what `name` stands for in the docstring of `full`: in its module, or a full name."""
    home = import_module(full.rpartition(".")[0])
    if hasattr(home, name):
        return getattr(home, name)
    place = xp
    for each in name.removeprefix("tensorxp.").split("."):
        place = getattr(place, each, None)
    return place


@every_module
def test_siblings_are_there(name):
    wrong = []
    for full, value in public(name).items():
        for each in sections(value).get("See Also", "").replace("\n", " ").split(", "):
            if each.strip() and (found := target(full, each.strip())) in (None, value):
                wrong.append(f"{full}: {each}: {found}")
    assert not wrong, "\n".join(wrong)


HEADER = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.M)


@cache
def sections(value):
    """Return the sections of a docstring by title, what stands before them under ""."""
    parts = HEADER.split(inspect.getdoc(value) or "")
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def entries(text):
    """Yield (name, type, text) of each parameter or error of a section."""
    for item in re.split(r"^(?=\S)", text.strip("\n"), flags=re.M):
        head, _, body = item.partition("\n")
        names, _, kind = head.partition(" : ")
        for each in names.split(", "):
            if each:
                yield each.strip(), kind, body


@cache
def parameters(value):
    """Return the parameters of a call of `value` by name, stars included; None if unknown."""
    try:
        found = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return None
    if found and found[0].name in ("self", "cls"):
        del found[0]
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return {stars.get(each.kind, "") + each.name: each for each in found}


def plain(value):
    """Return whether a class is documented by its fields: an exception, a record, an enum."""
    return inspect.isclass(value) and (
        issubclass(value, (BaseException, tuple, dict)) or hasattr(value, "__dataclass_fields__")
    )


def unlike(full, found, told):
    """Yield how the documented parameters differ from those of the signature."""
    missing = [name for name in found if name not in told]
    extra = [name for name in told if name not in found]
    if missing:
        yield f"{full}: parameters without a line: {', '.join(missing)}"
    if extra:
        yield f"{full}: no such parameters: {', '.join(extra)}"


def faults(full, value):
    """Yield what the docstring of a function or a class lacks."""
    parts, found = sections(value), parameters(value)
    if found is None or plain(value):
        fields = getattr(value, "__dataclass_fields__", getattr(value, "_fields", ()))
        yield from unlike(full, fields, [n for n, *_ in entries(parts.get("Attributes", ""))])
        return
    told = [name for name, *_ in entries(parts.get("Parameters", ""))]
    yield from unlike(full, found, told)
    if found and not parts.get("Raises") and full not in NEVER:
        yield f"{full}: no Raises"
    if inspect.isclass(value):
        layer = issubclass(value, import_module("tensorxp.nn").Module)
        if layer and "shape" not in str(parts).lower():
            yield f"{full}: no shape"
        return
    result = inspect.signature(value).return_annotation
    if result not in (None, "None") and not (parts.get("Returns") or parts.get("Yields")):
        yield f"{full}: no Returns"
    hints = [str(each.annotation) for each in found.values()] + [str(result)]
    if any("Tensor" in hint for hint in hints):
        text = (parts.get("Parameters", "") + parts.get("Returns", "")).lower()
        yield from (f"{full}: no word on {w}" for w in ("shape", "dtype") if w not in text)


def method_faults(full, value):
    """Yield what the docstring of a method lacks."""
    text = inspect.getdoc(value) or ""
    for target in re.findall(r"See :func:`tensorxp\.([\w.]+)`", text):
        place = xp
        for each in target.split("."):
            place = getattr(place, each, None)
        if place is None:
            yield f"{full}: tensorxp.{target} is not there"
    if isinstance(value, property) or not text or text.startswith("See :func:`"):
        return
    found, parts = parameters(value) or {}, sections(value)
    if "Parameters" in parts:
        yield from unlike(full, found, [name for name, *_ in entries(parts["Parameters"])])
    else:
        for name in found:
            if not re.search(rf"`[^`]*\b{re.escape(name.lstrip('*'))}\b[^`]*`", text):
                yield f"{full}: nothing on {name}"


@every_module
def test_docstrings_tell_parameters_results_and_errors(name):
    wrong = []
    for full, value in public(name).items():
        wrong += faults(full, value)
        if inspect.isclass(value):
            for key, member in members(value).items():
                if key not in PLUMBING:
                    wrong += method_faults(f"{full}.{key}", member)
    assert not wrong, "\n".join(wrong)


def kinds(told):
    """Return the letters of the dtypes that a parameter's line names; None if it names none."""
    words = [part.strip() for part in told.split(",")]
    if not words[0].startswith("Tensor"):
        return None
    for word in words[1:]:
        kind, _, but = word.partition(" but ")
        if kind in KINDS:
            return KINDS[kind].replace("e", "") if but == "float16" else KINDS[kind]
    return None


def required(value):
    """Return the names of the parameters that a call must give, in order."""
    found = parameters(value) or {}
    return [name for name, each in found.items() if each.default is each.empty and "*" not in name]


@every_module
def test_dtypes_in_docstrings_are_true(name):
    wrong = []
    for full, value in public(name).items():
        told = {key: kinds(kind) for key, kind, _ in entries(sections(value).get("Parameters", ""))}
        needed = required(value)
        if not inspect.isroutine(value) or not needed or None in map(told.get, needed):
            continue
        for letter, dtype in LETTERS.items():
            arguments = [xp.eye(3, dtype=dtype) for _ in needed]
            if all(letter in told[key] for key in needed):
                allowed = True
            elif len({told[key] for key in needed}) == 1:
                allowed = False
            else:
                continue  # each argument has dtypes of its own
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    result = value(*arguments)
                    taken, error = True, ""
                except TypeError as raised:
                    taken, error = False, raised
                except Exception:  # of the values or shapes, which belong to another function
                    continue
            if taken is not allowed:
                wrong.append(f"{full}: {dtype} is {'' if taken else 'not '}taken {error}")
            if taken and not as_told(sections(value).get("Returns", ""), arguments[0], result):
                wrong.append(f"{full}: {dtype} gives {getattr(result, 'dtype', type(result))}")
    assert not wrong, "\n".join(wrong)


SAME = re.compile(r"Tensor (Shape and dtype of `x`|The broadcast shape, the promoted dtype)")


def as_told(told, x, result):
    """Return whether a result is what the usual words of `Returns` say for arguments like `x`."""
    told = " ".join(told.split())
    if not told.startswith("Tensor ") or not isinstance(result, xp.Tensor):
        return not told.startswith("Tensor ")
    fixed = re.search(r"dtype (bool|int64)\.?$", told)
    if fixed and str(result.dtype) != fixed[1]:
        return False
    whole = told.startswith(
        ("Tensor Shape of `x`", "Tensor Shape and dtype of `x`", "Tensor The broadcast shape")
    )
    if whole and not re.search("without|with ", told) and result.shape != x.shape:
        return False
    if not SAME.match(told):
        return True
    whole_number = xp.isdtype(x.dtype, "integral") and "integers" in told
    if not whole_number and not (x.dtype == xp.bool and re.search("of .*bool|8 bits", told)):
        return result.dtype == x.dtype
    if "default real" in told:
        return result.dtype == xp.get_default_dtype()
    if "8 bits" in told:
        return result.dtype == (xp.float64 if x.dtype == xp.int32 else xp.float16)
    return str(result.dtype) == re.search(r"(int8|float16|float64)", told)[1]


def raised_by(value):
    """Return the error of a call with an object() for each argument that must be given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value(*(object() for _ in required(value)))
        except Exception as error:
            return error
    return None


@every_module
def test_errors_are_those_in_docstrings(name):
    wrong = []
    for full, value in public(name).items():
        parts = sections(value)
        if not inspect.isroutine(value) or not required(value):
            continue
        error = raised_by(value)
        told = [key for key, *_ in entries(parts.get("Raises", ""))]
        classes = {each.__name__ for each in type(error).__mro__}
        if "Raises" in parts and error is not None and not classes & set(told):
            wrong.append(f"{full}: {type(error).__name__} is not among {told}: {error}")
        if full in NEVER and (error is not None or "Raises" in parts):
            wrong.append(f"{full}: raises, {error!r}")
    assert not wrong, "\n".join(wrong)


def broadcasting(value):
    """Return whether a function broadcasts all of its arguments, as its docstring says."""
    told = {key: kind for key, kind, _ in entries(sections(value).get("Parameters", ""))}
    needed = required(value)
    return len(needed) > 1 and all("broadcast" in told.get(key, "").split(", ") for key in needed)


@every_module
def test_shapes_that_do_not_broadcast_are_errors(name):
    """As docs/conventions.md says; the families tell which functions these are."""
    wrong = []
    for full, value in public(name).items():
        if not inspect.isroutine(value) or not broadcasting(value):
            continue
        dtype = xp.int32 if "integer" in sections(value)["Parameters"] else xp.float64
        shapes = [(2,), *[(3,)] * (len(required(value)) - 1)]
        with pytest.raises((ValueError, ImportError)):
            wrong.append(f"{full}: {value(*(xp.ones(shape, dtype=dtype) for shape in shapes))}")
    assert not wrong, "\n".join(wrong)


@every_module
def test_axes_out_of_range_are_errors(name):
    """As docs/conventions.md says: a ValueError and an IndexError."""
    wrong = []
    for full, value in public(name).items():
        if inspect.isroutine(value) and required(value) == ["x"] and "axis" in parameters(value):
            try:
                wrong.append(f"{full}: {value(xp.ones((2, 3)), axis=9)}")
            except Exception as error:
                if not isinstance(error, ValueError) or not isinstance(error, IndexError):
                    wrong.append(f"{full}: {error!r}")
    assert not wrong, "\n".join(wrong)


def test_a_family_adds_what_a_member_does_not_say():
    common = Family(
        "x : Tensor\naxis : int\n    Which one.\n* : float", "Tensor", "TypeError\n    No."
    )

    def a(x, y, *more, axis, **rest):
        """Do it.

        Parameters
        ----------
        y : int

        Raises
        ------
        ValueError
            Never.
        """

    a.__doc__ = inspect.cleandoc(a.__doc__)
    parts = sections(common.see("b")(a))
    assert parts[""] == "Do it.\n\n"
    assert parts["Parameters"].strip() == (
        "x : Tensor\ny : int\n*more : float\naxis : int\n    Which one.\n**rest : float"
    )
    assert parts["Returns"].strip() == "Tensor" and parts["See Also"].strip() == "b"
    assert parts["Raises"].strip() == "TypeError\n    No.\nValueError\n    Never."
    a.__doc__ = None  # as under python -OO
    assert common(a).__doc__ is None
    assert sections(common.but("y : str", "int")(type("A", (), {"__init__": a, "__doc__": "A."})))[
        "Parameters"
    ].startswith("y : str\n*more : float")


def test_names_that_never_raise_are_there():
    for full in NEVER:
        module, _, name = full.removeprefix("tensorxp.").rpartition(".")
        assert f"{full}" in public(module), name
