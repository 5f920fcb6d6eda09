"""A stand-in for CuPy: NumPy behind CuPy's names, for the Python side of the CUDA backend.

It has what CuPy has and refuses what CuPy refuses: names, methods, keywords and dtypes are
checked against the real package where that can be imported, host arrays and arrays of a device
that is not the current one are errors. Values are NumPy's, so that it proves nothing about
kernels. `install()` puts it in place before a CUDA device is first asked for.
"""

import ast
import inspect
import re
import sys
import threading
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tests.gpu import host_kernel

real = import_module("cupy") if find_spec("cupy") is not None else None
_generator = None if real is None else real.random.Generator  # imported while it still can be
DEVICES = 2
#: Where set, `emulate(name, arrays)` gives the values of a ufunc, or None to leave it to NumPy.
emulate: Any = None
_VIEWS = {"reshape", "view", "transpose", "swapaxes", "squeeze", "ravel"}
_HOST_TAKERS = {"array", "asarray", "asanyarray", "ascontiguousarray"}


class _Current(threading.local):
    device = 0
    linalg: Any = "ignore"
    streams: tuple[Any, ...] = ()


current = _Current()


def parsed(doc: str | None) -> inspect.Signature | None:
    """Return the signature in the first line of a compiled function's docstring, or None."""
    found = re.match(r"[\w.]+\((.*)\)", (doc or "").strip().split("\n")[0])
    if found is None:
        return None
    text = re.sub(
        r"<[^>]*>", "None", re.sub(r"\b(?:int|bool|tuple|bint|str|Py_ssize_t) (?=\w)", "", found[1])
    )
    try:
        made = ast.parse(f"def f({text}): pass").body[0]
    except SyntaxError:
        return None
    assert isinstance(made, ast.FunctionDef)
    kinds = inspect.Parameter
    args, spare = made.args, made.args.args[len(made.args.args) - len(made.args.defaults) :]
    params = [
        kinds(a.arg, kinds.POSITIONAL_OR_KEYWORD, default=None if a in spare else kinds.empty)
        for a in args.args
    ]
    if args.vararg:
        params.append(kinds(args.vararg.arg, kinds.VAR_POSITIONAL))
    params += [kinds(a.arg, kinds.KEYWORD_ONLY, default=None) for a in args.kwonlyargs]
    return inspect.Signature(params)


@cache
def signature_of(fn: Any) -> inspect.Signature | None:
    """Return what the real function takes, None where nobody says."""
    if real is not None and isinstance(fn, real.ufunc):
        keyword = inspect.Parameter.KEYWORD_ONLY
        names = ("out", "dtype", "casting")
        return inspect.Signature(
            [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
            + [inspect.Parameter(name, keyword, default=None) for name in names]
        )
    try:
        return inspect.signature(fn)
    except (TypeError, ValueError):
        return parsed(getattr(fn, "__doc__", None))


def check(fn: Any, name: str, args: Any, kwargs: Any) -> None:
    """TypeError where the real function `fn` does not take these arguments."""
    signature = None if fn is None else signature_of(fn)
    if signature is not None:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"CuPy's {name}{signature} was called wrongly: {error}") from None


def check_types(fn: Any, args: Any, kwargs: Any) -> None:
    """TypeError where the real ufunc has no loop for these dtypes."""
    dtypes = [getattr(a, "dtype", None) for a in args[: fn.nin]]
    if not any(hasattr(a, "_np") for a in args[: fn.nin]) or kwargs.get("dtype") is not None:
        return
    for types in fn.types:
        ins = types.partition("->")[0]
        if all(d is None or np.can_cast(d, t) for d, t in zip(dtypes, ins, strict=True)):
            return
    raise TypeError(f"CuPy's {fn.name} has no loop for {dtypes}; it has {fn.types}")


def host(x: Any, taker: bool = False) -> Any:
    """Return `x` with arrays of the current device as NumPy's; others are refused."""
    if isinstance(x, ndarray):
        if x._dev != current.device and not taker:
            raise ValueError(
                f"The device where the array resides ({x._dev}) is different from the current "
                f"device ({current.device})."
            )
        return x._np
    if isinstance(x, np.ndarray) and not taker:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
        return type(x)(host(item, taker) for item in x)
    if isinstance(x, slice):
        return slice(host(x.start), host(x.stop), host(x.step))
    return x


def there(out: Any, given: dict[int, Any]) -> Any:
    """Return a result of NumPy as one of CuPy: arrays, 0-d ones too, of the current device."""
    if isinstance(out, (np.ndarray, np.generic)):
        known = given.get(id(out))
        return _made(np.asarray(out), given) if known is None else known
    if hasattr(out, "_fields"):
        return type(out)(*[there(item, given) for item in out])
    if isinstance(out, (tuple, list)):
        return type(out)(there(item, given) for item in out)
    return out


def _made(out: Any, given: dict[int, Any]) -> Any:
    for a in given.values():  # a view knows what it looks at
        owner = a if a.base is None else a.base
        if out.base is not None and out.base is owner._np:
            return ndarray(out, a._dev, owner)
    return ndarray(out, current.device)


def _arrays(x: Any) -> Any:
    if isinstance(x, ndarray):
        yield x
    elif isinstance(x, (tuple, list)):
        for item in x:
            yield from _arrays(item)


class Called:
    """A function of NumPy called as CuPy's: arguments checked, arrays translated."""

    def __init__(self, name: str, fn: Any, model: Any) -> None:
        self.__name__, self._fn, self._model = name, fn, model

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        check(self._model, self.__name__, args, kwargs)
        if isinstance(self._fn, np.ufunc) and self._model is not None:
            if isinstance(self._model, real.ufunc):  # type: ignore[union-attr]
                check_types(self._model, args, kwargs)
        taker = self.__name__ in _HOST_TAKERS
        if taker:
            kwargs.pop("blocking", None)
        given = {id(a._np): a for a in _arrays([*args, *kwargs.values()])}
        raw = [host(a, taker) for a in args]
        named = {name: host(a, taker) for name, a in kwargs.items()}
        with np.errstate(all="ignore"):
            if emulate is not None and isinstance(self._fn, np.ufunc) and "dtype" not in named:
                found = emulate(self.__name__, raw[: self._fn.nin])
                if found is not None and not (named or raw[self._fn.nin :]):
                    return there(found, given)
                if found is not None:
                    (named.get("out") if named else raw[-1])[...] = found  # type: ignore[index]
                    return there(named.get("out") if named else raw[-1], given)
            return there(self._fn(*raw, **named), given)

    def __getattr__(self, name: str) -> Any:
        if self._model is not None and not hasattr(self._model, name):
            raise AttributeError(f"CuPy's {self.__name__} has no {name}")
        value = getattr(self._fn, name)
        model = getattr(self._model, name, None)
        return Called(f"{self.__name__}.{name}", value, model) if callable(value) else value


class Ufunc(Called):
    """A ufunc."""


class ElementwiseKernel:
    """A kernel whose C++ is compiled for the host."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, *args: Any, **kwargs: Any
    ) -> None:
        check(
            real and real.ElementwiseKernel,
            "ElementwiseKernel",
            (in_params, out_params, operation, *args),
            kwargs,
        )
        self.kernel = host_kernel.ElementwiseKernel(in_params, out_params, operation, *args)

    def __call__(self, *args: Any) -> Any:
        given = {id(a._np): a for a in _arrays(list(args))}
        return there(self.kernel(*[host(a) for a in args]), given)


class RawModule:
    """A module whose C++ is compiled for the host; its kernels run when they are launched."""

    backwards = False  # whether threads of a block take turns from the last to the first

    def __init__(self, code: Any = None, *, options: Any = (), **kwargs: Any) -> None:
        check(
            real and real.RawModule, "RawModule", (), {"code": code, "options": options, **kwargs}
        )
        self.module = host_kernel.Module(code, options, self.backwards)

    def get_function(self, name: str) -> Any:
        run = self.module.get_function(name)

        def launch(grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
            for a in args:
                if a._dev != current.device:
                    raise RuntimeError("an illegal memory access was encountered")
            stream = _get_current_stream()
            calls.append(("launch", name, current.device, stream.ptr))
            if stream.captured is not None:
                stream.captured.append(lambda: run(grid, block, [a._np for a in args]))
            else:
                run(grid, block, [a._np for a in args])

        return launch


class Graph:
    """What a stream captured."""

    def __init__(self, work: list[Any]) -> None:
        self.work = work

    def launch(self, stream: Any = None) -> None:
        calls.append(("graph", len(self.work), (stream or _get_current_stream()).ptr))
        for run in self.work:
            run()


class CompileException(Exception):
    """As CuPy's, where NVRTC has refused a source."""


class Flags:
    """The flags that CuPy knows."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata = flags.owndata
        self.forc, self.fnc = flags.forc, flags.fnc


class ndarray:
    """An array of a device; there is no way to NumPy but `get` and `asnumpy`."""

    __slots__ = ("__weakref__", "_dev", "_np", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, raw: Any, device: int, base: Any = None) -> None:
        self._np, self._dev, self.base = raw, device, base

    @property
    def flags(self) -> Flags:
        return Flags(self._np.flags)

    @property
    def device(self) -> Any:
        return Device(self._dev)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self._np.ctypes.data, device_id=self._dev)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self._np.__array_interface__, "version": 3, "stream": 1}

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if "out" in kwargs:
            (kwargs["out"],) = kwargs["out"]
        return getattr(getattr(sys.modules["cupy"], ufunc.__name__), method)(*args, **kwargs)

    def copy(self, order: str = "C") -> Any:
        if self._dev != current.device and not self.flags.forc:
            raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
        return ndarray(self._np.copy(order), current.device)

    def get(
        self,
        stream: Any = None,
        order: str = "C",
        out: Any = None,
        blocking: bool = True,
    ) -> Any:
        if out is None:
            return np.array(self._np, order=order)
        out[...] = self._np
        return out

    def set(self, arr: Any, stream: Any = None) -> None:
        self._np[...] = arr

    def __getitem__(self, key: Any) -> Any:
        raw = host(self) if any(True for _ in _arrays(key)) else self._np  # a view is no kernel
        key = host(key)
        out = raw[key]
        if not isinstance(out, np.ndarray):  # a 0-d view, as CuPy gives it
            out = raw[(*key, ...) if isinstance(key, tuple) else (key, ...)]
        return _made(out, {0: self})

    def __setitem__(self, key: Any, value: Any) -> None:
        host(self)[host(key)] = host(value)

    def __len__(self) -> int:
        return len(self._np)

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self._np))])

    def __bool__(self) -> bool:
        return bool(self._np)

    def __int__(self) -> int:
        return int(self._np)

    def __float__(self) -> float:
        return float(self._np)

    def __complex__(self) -> complex:
        return complex(self._np)

    def __repr__(self) -> str:
        return f"stand-in {self._np!r}"

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Any = None,
        dl_device: Any = None,
        copy: Any = None,
    ) -> Any:
        calls.append(("__dlpack__", stream, max_version, dl_device, copy))
        return self._np.__dlpack__(max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._dev

    def __getattr__(self, name: str) -> Any:
        model = None if real is None else getattr(real.ndarray, name)  # AttributeError as CuPy's
        value = getattr(self._np, name)
        if not callable(value):
            return there(value, {0: self}) if isinstance(value, np.ndarray) else value

        def method(*args: Any, **kwargs: Any) -> Any:
            check(model, f"ndarray.{name}", (self, *args), kwargs)
            if name not in _VIEWS:
                host(self)
            given = {id(a._np): a for a in _arrays([self, *args, *kwargs.values()])}
            raw = [host(a) for a in args]
            with np.errstate(all="ignore"):
                out = value(*raw, **{key: host(a) for key, a in kwargs.items()})
            return out if name in ("item", "tolist", "tobytes") else there(out, given)

        return method

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_np", "_dev", "base"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._np, name, host(value))


def _operator(name: str, ufunc: str, kind: str) -> None:
    def forward(self: Any, other: Any = None) -> Any:
        fn = getattr(sys.modules["cupy"], ufunc)
        if kind == "unary":
            return fn(self)
        if isinstance(other, (list, tuple, str)) or other is None:
            return NotImplemented
        if kind == "in place":
            return fn(self, other, out=self)
        return fn(other, self) if kind == "reflected" else fn(self, other)

    setattr(ndarray, name, forward)


for _name, _ufunc in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift",
    "rshift": "right_shift",
}.items():  # fmt: skip
    _operator(f"__{_name}__", _ufunc, "binary")
    _operator(f"__r{_name}__", _ufunc, "reflected")
    if _name != "matmul":
        _operator(f"__i{_name}__", _ufunc, "in place")
for _name, _ufunc in {
    "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "gt": "greater",
    "ge": "greater_equal",
}.items():  # fmt: skip
    _operator(f"__{_name}__", _ufunc, "binary")
for _name, _ufunc in {"neg": "negative", "abs": "absolute", "invert": "invert"}.items():
    _operator(f"__{_name}__", _ufunc, "unary")

calls: list[Any] = []  # what was asked of streams, copies and DLPack, in order


class Device:
    """A device; entering it makes it the current one of the thread."""

    def __init__(self, device: Any = None) -> None:
        self.id = current.device if device is None else int(getattr(device, "id", device))
        self._before: list[int] = []

    def __enter__(self) -> "Device":
        self._before.append(current.device)
        current.device = self.id
        return self

    def __exit__(self, *exc: object) -> None:
        current.device = self._before.pop()

    def use(self) -> None:
        current.device = self.id

    def synchronize(self) -> None:
        calls.append(("synchronize", self.id))

    @property
    def compute_capability(self) -> str:
        return "90"


class Stream:
    """A stream of the device that is current when it is made."""

    def __init__(
        self,
        null: bool = False,
        non_blocking: bool = False,
        ptds: bool = False,
        priority: Any = None,
    ) -> None:
        self.device_id = -1 if null else current.device
        self.ptr = 0 if null else id(self)
        self.done = True
        self.captured: list[Any] | None = None

    def __enter__(self) -> "Stream":
        if self.device_id not in (-1, current.device):
            raise RuntimeError("This stream is not of the current device")
        current.streams = (*current.streams, self)
        return self

    def __exit__(self, *exc: object) -> None:
        current.streams = current.streams[:-1]

    def synchronize(self) -> None:
        calls.append(("stream.synchronize", self.device_id))

    def record(self) -> Any:
        calls.append(("record", self.device_id))
        return ("event", current.device)

    def wait_event(self, event: Any) -> None:
        calls.append(("wait_event", event))

    def begin_capture(self, mode: Any = None) -> None:
        if self.ptr == 0:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported")
        self.captured = []

    def is_capturing(self) -> bool:
        return self.captured is not None

    def end_capture(self) -> Graph:
        work, self.captured = self.captured, None
        return Graph(work or [])


Stream.null = Stream(null=True)  # type: ignore[attr-defined]


class CUDARuntimeError(RuntimeError):
    """An error of the runtime."""


class OutOfMemoryError(MemoryError):
    """As CuPy's, a MemoryError."""


def _get_current_stream(device_id: int = -1) -> Any:
    return current.streams[-1] if current.streams else Stream.null  # type: ignore[attr-defined]


def _from_dlpack(array: Any, *, device: Any = None, copy: Any = None) -> Any:
    out = array.__dlpack__(stream=1, max_version=(1, 0))
    return ndarray(
        np.from_dlpack(
            SimpleNamespace(__dlpack__=lambda **kwargs: out, __dlpack_device__=lambda: (1, 0))
        ),
        current.device,
    )


def _asnumpy(
    a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True
) -> Any:
    calls.append(("asnumpy", getattr(a, "_dev", None), current.device, blocking))
    return a.get(stream, order, out, blocking) if isinstance(a, ndarray) else np.asarray(a)


class Philox4x3210:
    """NumPy's Philox in CuPy's place."""

    def __init__(self, seed: Any = None, *, size: int = -1) -> None:
        from_os = isinstance(seed, np.random.SeedSequence)
        first = seed.generate_state(1, np.uint32)[0] if from_os else seed
        self.device, self.size = current.device, size
        self.host = np.random.Philox(int(first))


class Generator:
    """The distributions that CuPy's generator has."""

    def __init__(self, bit_generator: Any) -> None:
        self.bit_generator = bit_generator
        self._host = np.random.Generator(bit_generator.host)

    def __getattr__(self, name: str) -> Any:
        model = None if _generator is None else getattr(_generator, name)
        value = getattr(self._host, name)

        def method(*args: Any, **kwargs: Any) -> Any:
            if self.bit_generator.device != current.device:
                raise RuntimeError("This Generator state is allocated in a different device")
            check(model, f"Generator.{name}", (self, *args), kwargs)
            return there(value(*map(host, args), **{k: host(a) for k, a in kwargs.items()}), {})

        return method


class _Module(ModuleType):
    """A module of NumPy under CuPy's name, with the names that CuPy has too."""

    def __init__(self, name: str, source: Any, model: Any, own: dict[str, Any]) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        names = dir(source) if model is None else dir(model)
        for key in names:
            if key.startswith("_") or key in own or not hasattr(source, key):
                continue
            value = getattr(source, key)
            if isinstance(value, ModuleType):
                continue
            if isinstance(value, np.ufunc):
                value = Ufunc(key, value, getattr(model, key, None))
            elif callable(value) and not isinstance(value, type):
                value = Called(key, value, getattr(model, key, None))
            self.__dict__[key] = value
        self.__all__ = [key for key in self.__dict__ if not key.startswith("_")]
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None, is_package=True)


def _scatter_add(a: Any, slices: Any, value: Any) -> None:
    np.add.at(host(a), host(slices), host(value))


@contextmanager
def _errstate(
    *,
    divide: Any = None,
    over: Any = None,
    under: Any = None,
    invalid: Any = None,
    linalg: Any = None,
) -> Any:
    before, current.linalg = current.linalg, linalg
    try:
        yield
    finally:
        current.linalg = before


def _solve(a: Any, b: Any) -> Any:
    if b.ndim > 1 and a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
    return np.linalg.solve(a, b)


def _model(name: str) -> Any:
    if real is None:
        return None
    try:
        return import_module(name)
    except ImportError:
        return None


def modules() -> dict[str, ModuleType]:
    """Return the stand-in's modules by their names in `sys.modules`."""
    pool = SimpleNamespace(
        used_bytes=lambda: 0,
        total_bytes=lambda: 0,
        free_all_blocks=lambda: calls.append(("free", current.device)),
    )
    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=lambda: DEVICES,
        getDeviceProperties=lambda i: {"name": f"stand-in {i}".encode()},
        pointerGetAttributes=lambda pointer: SimpleNamespace(device=current.device),
    )
    cuda = _Module(
        "cupy.cuda",
        SimpleNamespace(),
        None,
        dict(
            Device=Device,
            Stream=Stream,
            runtime=runtime,
            get_current_stream=_get_current_stream,
            get_device_id=lambda: current.device,
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            compiler=SimpleNamespace(CompileException=CompileException),
        ),
    )
    lib = SimpleNamespace(
        stride_tricks=SimpleNamespace(
            as_strided=Called(
                "as_strided",
                np.lib.stride_tricks.as_strided,
                _model("cupy.lib.stride_tricks") and real.lib.stride_tricks.as_strided,
            )
        )
    )  # type: ignore[union-attr]
    random = SimpleNamespace(Generator=Generator, Philox4x3210=Philox4x3210)
    own = {
        "ndarray": ndarray, "ufunc": Ufunc, "cuda": cuda, "lib": lib, "random": random,
        "asnumpy": _asnumpy, "from_dlpack": _from_dlpack, "__version__": "stand-in",
        "get_default_memory_pool": lambda: pool, "get_default_pinned_memory_pool": lambda: pool,
        "get_array_module": lambda *xs: sys.modules["cupy"],
        "ElementwiseKernel": ElementwiseKernel, "RawModule": RawModule,
        "copyto": Called("copyto", lambda dst, src, casting="same_kind", where=True: np.copyto(
            dst, src, casting, where=where), _model("cupy") and real.copyto),  # type: ignore
    }  # fmt: skip
    found = {
        "cupy.linalg": _Module(
            "cupy.linalg",
            np.linalg,
            _model("cupy.linalg"),
            {
                "solve": Called("solve", _solve, real and real.linalg.solve),
            },
        ),
        "cupy.fft": _Module("cupy.fft", np.fft, _model("cupy.fft"), {}),
    }
    own |= {"linalg": found["cupy.linalg"], "fft": found["cupy.fft"]}
    found["cupy.cuda"] = cuda
    found["cupy.cuda.device"] = _Module(
        "cupy.cuda.device", SimpleNamespace(), None, {"Device": Device}
    )
    found["cupy"] = _Module("cupy", np, real, own)
    found["cupyx"] = _Module(
        "cupyx",
        SimpleNamespace(),
        None,
        {
            "scatter_add": _scatter_add,
            "errstate": _errstate,
            "empty_pinned": lambda shape, dtype=float, order="C": np.empty(shape, dtype, order),
        },
    )
    found["cupyx.scipy"] = _Module("cupyx.scipy", SimpleNamespace(), None, {})
    for name in ("special", "linalg"):
        if find_spec("scipy") is not None:
            source, full = import_module(f"scipy.{name}"), f"cupyx.scipy.{name}"
            found[full] = _Module(full, source, _model(full), {})
    return found


def install() -> None:
    """Put the stand-in in place of CuPy in this process; nothing of it may have been used yet."""
    sys.modules.update(modules())
