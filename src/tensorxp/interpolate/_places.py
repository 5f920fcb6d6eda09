"""What all interpolators need: checked places of the data, and the interval of a query."""

from typing import Any

import tensorxp as tx


def floating(function: str, name: str, value: Any, like: Any = None) -> Any:
    """Return `value` as a floating Tensor, on the device of `like` where that is given."""
    if not isinstance(value, tx.Tensor):
        device = None if like is None else like.device
        value = tx.asarray(value, device=device)
    if not tx.isdtype(value.dtype, ("real floating", "complex floating")):
        if not tx.isdtype(value.dtype, ("integral", "bool")):
            raise TypeError(f"{function}: {name} has dtype {value.dtype}; it must be a number")
        value = tx.astype(value, tx.get_default_dtype())
    return value


def increasing(function: str, name: str, value: Any, least: int) -> Any:
    """Return 1-D real places, at least `least` of them; ValueError unless they increase."""
    places = floating(function, name, value)
    if places.ndim != 1 or places.shape[0] < least:
        raise ValueError(
            f"{function}: {name} has shape {places.shape}; it must be 1-D with at least {least} "
            "elements"
        )
    if not tx.isdtype(places.dtype, "real floating"):
        raise TypeError(f"{function}: {name} has dtype {places.dtype}; it must be real")
    fixed = places.detach()
    if not bool(tx.all(fixed[1:] > fixed[:-1])):
        raise ValueError(f"{function}: {name} must be strictly increasing")
    return places


def intervals(places: Any, x: Any) -> Any:
    """Return the index of the interval each query lies in, the first or last for those outside."""
    index = tx.searchsorted(places.detach(), x.detach(), side="right") - 1
    return tx.clip(index, 0, places.shape[0] - 2)
