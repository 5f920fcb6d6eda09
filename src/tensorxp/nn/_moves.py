"""How a module is moved to another device or cast to another dtype."""

from collections.abc import Callable, Iterator
from typing import Any, Self

from tensorxp import Tensor, no_grad
from tensorxp._core.face import as_device, as_dtype, is_floating, raw, replace_data


class MoveMethods:
    """The part of a `Module` that concerns devices and dtypes."""

    def modules(self) -> Iterator[Any]:
        """Yield this module and all below it."""
        raise NotImplementedError

    def _apply(self, fn: Callable[[Any], Any]) -> Self:
        """Replace the values of parameters (which stay the same objects) and of buffers."""
        for module in self.modules():
            with no_grad():
                for parameter in module._parameters.values():
                    if parameter is not None:
                        new = fn(parameter.detach())
                        if raw(new) is not raw(parameter):
                            replace_data(parameter, new)
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = fn(buffer)
        return self

    def to(
        self, *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False
    ) -> Self:
        """Move all parameters and buffers to a `device`, a `dtype` (floating ones), or both.

        In `args`: a device, a dtype, or a Tensor whose device and dtype are taken. `non_blocking`
        is ignored. The parameters stay the same objects, so optimisers keep them. TypeError for
        dtypes that are not floating-point, DeviceError for devices that are not there.
        """
        for target in args:
            if isinstance(target, Tensor):
                device, dtype = target.device, target.dtype
            elif isinstance(target, bool):
                continue
            else:
                try:
                    dtype = as_dtype(target, "Module.to")
                except TypeError:
                    device = target
        place = None if device is None else as_device(device, "Module.to")
        kind = None if dtype is None else as_dtype(dtype, "Module.to")
        if kind is not None and kind.kind not in "fc":
            raise TypeError(
                f"Module.to: dtype is {kind}; allowed are floating-point and complex dtypes"
            )

        def move(x: Any) -> Any:
            if place is not None and x.device is not place:
                x = x.to_device(place)
            if kind is not None and is_floating(x):
                x = x.astype(kind, copy=False)
            return x

        return self._apply(move)

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to(device="cpu")

    def cuda(self, device: int | str | None = None) -> Self:
        """Move to a CUDA `device` (a number or name; None: the current one); return self."""
        return self.to(
            device="cuda"
            if device is None
            else device
            if isinstance(device, str)
            else f"cuda:{device}"
        )

    def type(self, dst_type: Any) -> Self:
        """Cast all floating-point parameters and buffers to `dst_type`; return self."""
        return self.to(dtype=dst_type)

    def float(self) -> Self:
        """Cast all floating-point parameters and buffers to float32."""
        return self.to(dtype="float32")

    def double(self) -> Self:
        """Cast all floating-point parameters and buffers to float64."""
        return self.to(dtype="float64")

    def half(self) -> Self:
        """Cast all floating-point parameters and buffers to float16."""
        return self.to(dtype="float16")
