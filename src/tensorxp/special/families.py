"""The families of docstrings of special functions; those "of_scipy" need it."""

from tensorxp._backend.families import Family

special_real = Family(
    "x : Tensor, real or bool",
    "Tensor\n    Shape and dtype of `x`; of integers and bool the default real dtype.",
    "TypeError\n    `x` is no Tensor, or complex.",
)
of_scipy_real = special_real.but(
    raises="TypeError, ImportError\n    `x` is no Tensor, or complex; SciPy is missing."
)
of_scipy = of_scipy_real.but(
    "x : Tensor, any dtype",
    raises="TypeError, ImportError\n    `x` is no Tensor; SciPy is missing.",
)
special_several = Family(
    "* : Tensor or scalar, real or bool, broadcast",
    "Tensor\n"
    "    The broadcast shape, the promoted dtype; of integers and bool the default real one.",
    "TypeError, ValueError, DeviceError\n"
    "    Operands of other types or dtypes, that don't broadcast, or on two devices.",
)
special_pair = special_several.but(
    "* : Tensor or scalar, any dtype, broadcast",
    raises="TypeError, ValueError, DeviceError\n"
    "    Operands of other types, that don't broadcast, or on two devices.",
)
of_scipy_several = special_several.but(
    raises="TypeError, ValueError, DeviceError, ImportError\n"
    "    Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is\n"
    "    missing."
)
hypergeometric = of_scipy_several.but("x : Tensor or scalar, any dtype, broadcast")
