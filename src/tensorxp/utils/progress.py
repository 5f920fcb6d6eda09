"""Progress bars, by tqdm, which the extra `tensorxp[progress]` brings."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from tensorxp._backend.names import listing

__all__ = ["progress"]
__dir__ = listing(globals())


def progress(
    iterable: Iterable[Any] | None = None,
    description: str | None = None,
    *,
    total: float | None = None,
    unit: str = "it",
    leave: bool = True,
    quiet: bool = False,
    **options: Any,
) -> Any:
    """Return an iterable with a progress bar while it is iterated, or a bar to move by hand.

    The bar is tqdm's: `bar.update(n)` moves it, `bar.set_postfix(loss=0.1)` shows figures, and
    `with progress(total=100) as bar:` closes it. In a notebook it is a widget.

    Parameters
    ----------
    iterable : iterable or None
        None: a bar to move by hand.
    description : str or None
        Stands before the bar.
    total : float or None
        None: the length of `iterable`.
    unit : str
    leave : bool
        Keep the bar at the end.
    quiet : bool
        Show nothing.
    **options : any
        For tqdm.

    Returns
    -------
    tqdm
        An iterator over `iterable`.

    Raises
    ------
    ImportError
        tqdm is missing; the message names the extra that brings it.

    Examples
    --------
    >>> from tensorxp.utils.progress import progress
    >>> sum(progress(range(4), "counting", quiet=True))
    6
    """
    try:
        tqdm = import_module("tqdm.auto").tqdm
    except ImportError:
        raise ImportError(
            "progress: the package tqdm is missing; `pip install 'tensorxp[progress]'` brings it"
        ) from None
    return tqdm(
        iterable,
        desc=description,
        total=total,
        unit=unit,
        leave=leave,
        disable=quiet,
        **options,
    )
