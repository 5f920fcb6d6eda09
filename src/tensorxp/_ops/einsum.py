"""`einsum`: sums of products by index letters, and its gradient, which is an `einsum` again.

Subscripts are brought to one form first: explicit, with a letter for every axis. Any number of
operands, repeated letters (diagonals), letters of one operand only, and `...` are allowed.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.beside import tensor_list
from tensorxp._ops.half import in_single

#: Up to this many products the plain loop is faster than looking for an order of contraction.
_SMALL = 4096


def _worth(terms: Sequence[str], shapes: Sequence[Any]) -> bool:
    """Return whether looking for an order of contraction is worth its time."""
    if len(terms) < 2 or prod([prod(shape) for shape in shapes]) <= _SMALL:
        return False
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return prod(sizes.values()) > _SMALL


@primitive
def einsum_p(xp: Any, *xs: Any, terms: tuple[str, ...], output: str, optimize: Any) -> Any:
    """Sum the products of the elements of `xs` by letters."""
    if optimize is None:
        optimize = _worth(terms, [x.shape for x in xs])
    out = xp.einsum(f"{','.join(terms)}->{output}", *xs, optimize=optimize)
    # of one operand it may be a view: a diagonal or a transpose
    return xp.copy(out) if len(xs) == 1 else out


def _back(xp: Any, ct: Any, xs: Any, i: int, terms: tuple[str, ...], output: str) -> Any:
    # y = Σ a b: the cotangent takes the place of a, beside the conjugates of the others
    inputs, operands = [output], [ct]
    for j, x in enumerate(xs):
        if j != i:
            inputs.append(terms[j])
            operands.append(x.conjugate())
    # a repeated letter is a diagonal: its cotangent lies on the diagonal of a matrix
    free = iter(letter for letter in ascii_letters if letter not in "".join(terms))
    target = ""
    for letter, size in zip(terms[i], xs[i].shape, strict=True):
        if letter in target:
            fresh = next(free)
            inputs.append(letter + fresh)
            operands.append(xp.eye(size, dtype=ct.dtype, device=ct.device))
            letter = fresh
        target += letter
    # along a letter that occurs nowhere else the cotangent is constant: an axis of size 1
    found = "".join(inputs)
    kept = "".join([letter for letter in target if letter in found])
    optimize = _worth(inputs, [x.shape for x in operands])
    out = xp.einsum(f"{','.join(inputs)}->{kept}", *operands, optimize=optimize)
    lone = tuple([place for place, letter in enumerate(target) if letter not in found])
    return xp.expand_dims(out, axis=lone) if lone else out


@einsum_p.vjp
def _(
    xp: Any, ct: Any, xs: Any, needs: Any, *, terms: tuple[str, ...], output: str
) -> tuple[Any, ...]:
    return tuple(
        [_back(xp, ct, xs, i, terms, output) if need else None for i, need in enumerate(needs)]
    )


def _with_rows(params: dict[str, Any], ndim: int) -> dict[str, Any]:
    used = "".join(params["terms"])
    rows = next(letter for letter in reversed(ascii_letters) if letter not in used)
    terms = tuple([rows + term for term in params["terms"]])
    return {"terms": terms, "output": rows + params["output"]}


einsum_p.batched = _with_rows


@einsum_p.jvp
def _(xp: Any, t: Any, xs: Any, *, terms: tuple[str, ...], output: str) -> Any:
    total = None
    for i, tangent in enumerate(t):
        if tangent is not None:
            operands = (*xs[:i], tangent, *xs[i + 1 :])
            change = xp.einsum(f"{','.join(terms)}->{output}", *operands)
            total = change if total is None else total + change
    return total


def _expand(term: str, ndim: int, letters: str) -> str:
    """Return a term with letters for its `...`: the last of `letters`, as many as are needed."""
    if "..." not in term:
        return term
    count = ndim - len(term) + 3
    if count < 0:
        raise ValueError(
            f"einsum: the term {term!r} has more letters than its operand's {ndim} axes"
        )
    return term.replace("...", letters[len(letters) - count :])


@lru_cache(maxsize=512)
def _parse(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """Return a letter for every axis of the operands, and the output's letters."""
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} terms for {len(ndims)} operands")
    for term in (*terms, output):
        letters = term.replace("...", "", 1)
        if not all(letter in ascii_letters for letter in letters):
            raise ValueError(
                f"einsum: {subscripts!r} holds {term!r}; allowed are letters, one '...' in a term, "
                "',' and '->'"
            )
    used = set(text)
    spare = "".join([letter for letter in ascii_letters if letter not in used])
    most = max(
        [n - len(term) + 3 for term, n in zip(terms, ndims, strict=True) if "..." in term] + [0]
    )
    if most > len(spare):
        raise ValueError(f"einsum: {subscripts!r} needs more than {len(ascii_letters)} letters")
    dots = spare[:most]
    if not arrow:
        found = "".join(terms).replace(".", "")
        output = "..." + "".join(sorted({c for c in found if found.count(c) == 1}))
    elif most and "..." not in output:
        raise ValueError(f"einsum: {subscripts!r} has '...' in a term but not behind '->'")
    terms = [_expand(term, n, dots) for term, n in zip(terms, ndims, strict=True)]
    output = output.replace("...", dots)
    for i, (term, n) in enumerate(zip(terms, ndims, strict=True)):
        if len(term) != n:
            raise ValueError(
                f"einsum: term {i} of {subscripts!r} has {len(term)} letters for {n} axes"
            )
    if len(set(output)) < len(output) or not set(output) <= set("".join(terms)):
        raise ValueError(
            f"einsum: the output of {subscripts!r} repeats a letter or has one of no operand"
        )
    return tuple(terms), output


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return subscripts and operands of the form (x1, [0, 1], x2, [1, 2], …, [0, 2])."""
    terms_given = [*arguments[1::2], *([arguments[-1]] if len(arguments) % 2 else [])]
    if len(arguments) < 2 or not all(isinstance(items, list | tuple) for items in terms_given):
        raise TypeError(
            f"einsum: subscripts is a {type(arguments[0]).__name__}; allowed are a str, and "
            "NumPy's form einsum(x1, [0, 1], x2, [1, 2], ...)"
        )
    lists = list(arguments[1::2])
    if len(arguments) % 2:
        lists.append(arguments[-1])
    operands = arguments[0 : len(arguments) - len(arguments) % 2 : 2]
    numbers = sorted({n for items in lists for n in items if n is not Ellipsis})
    letters = {n: ascii_letters[i] for i, n in enumerate(numbers)} | {Ellipsis: "..."}
    terms = ["".join([letters[n] for n in items]) for items in lists]
    text = ",".join(terms[: len(operands)])
    return (f"{text}->{terms[-1]}" if len(arguments) % 2 else text), operands


@in_single(on_host=True)
@see("tensordot, matmul")
def einsum(subscripts: Any, /, *operands: Any, optimize: bool | str | None = None) -> Tensor:
    """Return the sums of products of the elements of `operands` by index letters.

    `"ij,jk->ik"` is a matrix product. Without `->` the output has the letters that occur once, in
    alphabetical order; a letter repeated in a term takes a diagonal; `...` stands for leading axes,
    which are broadcast. NumPy's form with lists of ints works too.

    >>> xp.einsum("ij,j->i", xp.asarray([[1.0, 2.0], [3.0, 4.0]]), xp.asarray([1.0, 1.0]))
    tensor([3., 7.])

    Parameters
    ----------
    subscripts : str or Tensor
    *operands : Tensor, any dtype
    optimize : bool, str or None
        As NumPy's; None looks for an order of contraction for large operands.

    Returns
    -------
    Tensor
        Of the output's shape, the promoted dtype; a copy.

    Raises
    ------
    TypeError, ValueError, DeviceError
        An operand is no Tensor; subscripts or sizes that don't fit; two devices.
    """
    if optimize is not None and not isinstance(optimize, bool | str | list | tuple):
        raise TypeError(f"einsum: optimize is {optimize!r}; allowed are a bool, a str and None")
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    operands = tuple(tensor_list("einsum", "operands", operands))
    ndims = tuple([x._data.ndim for x in operands])
    terms, output = _parse(subscripts, ndims)
    sizes: dict[str, int] = {}
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        for letter, n in zip(term, x._data.shape, strict=True):
            if n != 1 and sizes.setdefault(letter, n) != n:
                raise ValueError(
                    f"einsum: {letter!r} of {subscripts!r} has size {n} in operand {i} of shape "
                    f"{x._data.shape} and {sizes[letter]} before; sizes of a letter must be equal"
                )
    params = {"terms": terms, "output": output, "optimize": optimize}
    return apply(einsum_p, tuple(operands), params)
