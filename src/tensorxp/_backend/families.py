"""Families: the sections that many docstrings have in common, written once.

A family is a decorator. The source of a member has what is its own, a sentence and an example; the
family adds `Parameters`, `Returns`, `Raises` and `See Also` when the module is loaded, so that
`help()` shows all. A parameter, or `Returns`, that a member describes itself is taken from there;
what it raises beyond the others is added. Under `python -OO` there is nothing to do.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T", bound=Callable[..., Any])
_SECTION = re.compile(r"\n\n(\w[\w ]*)\n-{3,}\n")
_ENTRY = re.compile(r"^(?=\S)", re.M)


def _names(target: Any) -> tuple[str, ...]:
    """Return the names of the parameters of a function or a class."""
    code = (target.__init__ if isinstance(target, type) else target).__code__
    at, only = code.co_argcount, code.co_kwonlyargcount
    names, stars = code.co_varnames, list(code.co_varnames[at + only :])
    more = ("*" + stars.pop(0),) if code.co_flags & 4 else ()  # inspect.CO_VARARGS
    last = ("**" + stars[0],) if code.co_flags & 8 else ()  # CO_VARKEYWORDS
    every = names[:at] + more + names[at : at + only] + last
    return every[1:] if isinstance(target, type) else every


def _entries(text: str) -> dict[str, str]:
    """Return what the entries of a section say, by name: "x1, x2 : Tensor" are two."""
    found = {}
    for item in _ENTRY.split(text.strip("\n")):
        if item.strip():
            head, _, body = item.rstrip().partition("\n")
            names, _, kind = head.partition(" : ")
            for name in names.split(", "):
                found[name] = f"{kind}\n{body}" if body else kind
    return found


def _together(told: dict[str, str]) -> str:
    """Return the entries of a section, neighbours that say the same in one."""
    groups: list[tuple[list[str], str]] = []
    for name, text in told.items():
        if groups and groups[-1][1] == text:
            groups[-1][0].append(name)
        else:
            groups.append(([name], text))
    return "\n".join(f"{', '.join(names)} : {text}" for names, text in groups)


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
            if doc.endswith("\n    "):  # as it stands in the source; Python 3.13 strips it itself
                doc = doc.replace("\n    ", "\n")
            whole = doc.rstrip()
            if self.parameters or self.returns or self.raises:
                whole = self._whole(whole, _names(target))
            target.__doc__ = f"{whole}\n\nSee Also\n--------\n{see}\n" if see else f"{whole}\n"
        return target

    def _whole(self, doc: str, names: tuple[str, ...]) -> str:
        if "\n---" not in doc:  # nothing but prose and examples, as mostly
            common = self._known.get(names)
            if common is None:
                common = self._known[names] = self._sections({}, names)
            return doc + common
        prose, *parts = _SECTION.split(doc)
        return prose + self._sections(dict(zip(parts[::2], parts[1::2], strict=True)), names)

    def _sections(self, own: dict[str, str], names: tuple[str, ...]) -> str:
        """Return the sections: those of the family, and what a member has of its own."""
        told = _entries(own.pop("Parameters", ""))
        each = {**self.parameters, **told}
        rest = self.parameters.get("*", "")
        lines = {name: each.get(name, rest) for name in names if each.get(name, rest)}
        raises = [text for text in (self.raises, own.pop("Raises", "").strip("\n")) if text]
        every = {
            "Parameters": _together(lines),
            "Returns": own.pop("Returns", "").strip("\n") or self.returns,
            "Raises": "\n".join(raises),
            **own,
        }
        return "".join(
            f"\n\n{title}\n{'-' * len(title)}\n{text}" for title, text in every.items() if text
        )


see = Family().see  # for functions that tell all of their sections themselves
