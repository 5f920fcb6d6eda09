"""Families: the sections that many docstrings have in common, written once.

A family is a decorator. The source of a member has what is its own, a sentence and an example; the
family adds `Parameters`, `Returns`, `Raises` and `See Also` when the module is loaded, so that
`help()` shows all. A parameter, or `Returns`, that a member describes itself is taken from there;
what it raises beyond the others is added. Under `python -OO` there is nothing to do.

It runs for hundreds of functions at import: hence no regular expressions, and texts that are kept.
"""

from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T", bound=Callable[..., Any])
_PARAMETERS = "\n\nParameters\n----------\n"
_RETURNS = "\n\nReturns\n-------\n"
_RAISES = "\n\nRaises\n------\n"


def _names(target: Any) -> tuple[str, ...]:
    """Return the names of the parameters of a function or a class."""
    called = target
    if isinstance(target, type):
        called = called.__init__
    code = called.__code__
    at, only = code.co_argcount, code.co_kwonlyargcount
    names: tuple[str, ...] = code.co_varnames
    every = names[:at]
    flags = code.co_flags & 12  # inspect.CO_VARARGS and CO_VARKEYWORDS
    if flags or only:
        stars = list(names[at + only :])
        more = ("*" + stars.pop(0),) if flags & 4 else ()
        last = ("**" + stars[0],) if flags & 8 else ()
        every += more + names[at : at + only] + last
    return every[1:] if isinstance(target, type) else every


def _entries(text: str) -> dict[str, str]:
    """Return what the entries of a section say, by name: "x1, x2 : Tensor" are two."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" "):
            for name in names:
                found[name] += "\n" + line
        elif line:
            head, _, kind = line.partition(" : ")
            names = head.split(", ")
            for name in names:
                found[name] = kind
    return found


def _together(told: dict[str, str], names: tuple[str, ...]) -> str:
    """Return the entries for some names, neighbours that say the same in one."""
    rest = told.get("*", "")
    lines, last = [""], ""
    for name in names:
        text = told.get(name, rest)
        if not text:
            continue
        if text == last:
            lines[-1] += ", " + name
        else:
            lines[-1] += last and " : " + last
            lines.append(name)
            last = text
    return "\n".join([*lines[1:-1], f"{lines[-1]} : {last}"]) if last else ""


class Family:
    """What the docstrings of a family say: a decorator of its members.

    `parameters` are entries of numpydoc; the one called "*" is that of names without their own.
    """

    __slots__ = ("_known", "parameters", "raises", "returns")

    def __init__(self, parameters: str = "", returns: str = "", raises: str = "") -> None:
        self.parameters = _entries(parameters)
        self.returns, self.raises = returns.strip("\n"), raises.strip("\n")
        self._known: dict[tuple[str, ...], str] = {}

    def __call__(self, target: _T) -> _T:
        return self._put(target, "")

    def see(self, names: str) -> Callable[[_T], _T]:
        """Return the decorator of a member that has siblings to see also: "cos, tan"."""
        return lambda target: self._put(target, names)

    def but(self, parameters: str = "", returns: str = "", raises: str = "") -> "Family":
        """Return a family that differs in some parameters, in what it returns or raises."""
        other = Family(parameters, returns or self.returns, raises or self.raises)
        other.parameters = {**self.parameters, **other.parameters}
        return other

    def _put(self, target: _T, see: str) -> _T:
        doc = target.__doc__
        if doc:
            pad = (
                "    " if doc.endswith("\n    ") else ""
            )  # as in the source; Python 3.13 strips it
            doc = doc.rstrip()
            if self is not _nothing:
                doc, pad = self._whole(doc.replace("\n" + pad, "\n"), target), ""
            if see:
                doc = f"{doc}\n\n{pad}See Also\n{pad}--------\n{pad}{see}"
            target.__doc__ = f"{doc}\n{pad}"
        return target

    def _whole(self, doc: str, target: Any) -> str:
        """Return a docstring with the sections of the family, its own in them."""
        names = _names(target) if self.parameters else ()
        doc, _, raises = doc.partition(_RAISES)
        doc, _, returns = doc.partition(_RETURNS)
        doc, _, own = doc.partition(_PARAMETERS)
        if own:
            told = _together({**self.parameters, **_entries(own)}, names)
        elif names in self._known:
            told = self._known[names]
        else:
            told = self._known[names] = _together(self.parameters, names)
        returns, both = returns or self.returns, self.raises and raises and self.raises + "\n"
        raises = both + raises if both else raises or self.raises
        return (
            doc
            + (_PARAMETERS + told if told else "")
            + (_RETURNS + returns if returns else "")
            + (_RAISES + raises if raises else "")
        )


_nothing = Family()
see = _nothing.see  # for functions that tell all of their sections themselves
