"""What other libraries must be told about Tensors, told when they are imported.

einops knows tensors by the subclasses of its `AbstractBackend`, zarr knows dtypes by a registry.
Ours are declared as soon as the library and tensorxp are both imported, in either order; tensorxp
itself never imports them.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from tensorxp._backend.dtypes import DType
from tensorxp._core.tensor import Tensor

_declared: list[type] = []  # einops finds subclasses, which are weakly held


def declare_einops_backend(module: Any) -> None:
    """Declare the backend of Tensors in einops' module of backends."""
    root = __name__.partition(".")[0]

    class TensorxpBackend(module.AbstractBackend):  # type: ignore[misc]
        framework_name = root

        def __init__(self) -> None:
            self.xp = sys.modules[root]

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, Tensor)

        def from_numpy(self, x: Any) -> Any:
            return self.xp.from_numpy(x)

        def to_numpy(self, x: Any) -> Any:
            return x.numpy()

        def arange(self, start: int, stop: int) -> Any:
            return self.xp.arange(start, stop)

        def reshape(self, x: Any, shape: Any) -> Any:
            return self.xp.reshape(x, tuple(shape))

        def transpose(self, x: Any, axes: Any) -> Any:
            return self.xp.permute_dims(x, tuple(axes))

        def reduce(self, x: Any, operation: str, axes: Any) -> Any:
            return getattr(self.xp, operation)(x, axis=tuple(axes))

        def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
            return self.xp.stack(tensors)

        def add_axis(self, x: Any, new_position: int) -> Any:
            return self.xp.expand_dims(x, axis=new_position)

        def tile(self, x: Any, repeats: Any) -> Any:
            return self.xp.tile(x, tuple(repeats))

        def concat(self, tensors: Any, axis: int) -> Any:
            return self.xp.concat(tensors, axis=axis)

        def is_float_type(self, x: Any) -> bool:
            return bool(self.xp.isdtype(x.dtype, ("real floating", "complex floating")))

        def einsum(self, pattern: str, *x: Any) -> Any:
            return self.xp.einsum(pattern, *x)

    _declared.append(TensorxpBackend)


def declare_zarr_dtypes(module: Any) -> None:
    """Have zarr's registry of dtypes, in its module of these, take our dtypes for NumPy's.

    It compares classes where a dtype passes `isinstance(…, np.dtype)`.
    """
    registry, mismatch = module.data_type_registry, module.DataTypeValidationError

    class TensorxpDType:
        @staticmethod
        def from_native_dtype(dtype: Any) -> Any:
            if type(dtype) is not DType:
                raise mismatch
            found = registry.match_dtype(dtype=dtype.dtype)
            try:
                type(found).from_native_dtype(dtype)
            except mismatch:
                return found
            raise mismatch  # that class compares by == and takes it without us

        @staticmethod
        def from_json(*args: Any, **kwargs: Any) -> Any:
            raise mismatch  # files know NumPy's dtypes only

    registry.register("tensorxp", TensorxpDType)


#: What is called with a module of another library when it has been imported.
_DECLARATIONS = {"einops._backends": declare_einops_backend, "zarr.core.dtype": declare_zarr_dtypes}


class _Loader(Loader):
    """The loader of another library's module, which calls what declares ours when it is loaded."""

    def __init__(self, loader: Any, declare: Any) -> None:
        self._loader = loader
        self._declare = declare

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._declare(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    """Sees the import of the modules that ours are declared in, and of nothing else."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in _DECLARATIONS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, _DECLARATIONS[fullname])
        return spec


def watch_imports() -> None:
    """Tell libraries that are imported of Tensors, and have those told that will be."""
    for name, declare in _DECLARATIONS.items():
        if name in sys.modules:
            declare(sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
