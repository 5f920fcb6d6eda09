"""The families of docstrings of modules: activations, losses, and those with weights."""

from tensorxp._backend.families import Family

activation_module = Family(
    "inplace : bool\n    Write over the input, and return it.",
    raises="""
TypeError
    In the call: the input is no Tensor.
RuntimeError
    In the call: in place on a leaf that requires grad.
""",
)
weighted_module = Family("""
bias : bool
device : Device, str or None
dtype : dtype or None
    None: float32.
""")
loss_module = Family(
    """
size_average, reduce : bool or None
    Old forms of `reduction`; giving one is a DeprecationWarning.
reduction : str
    "mean", "sum", or "none": a loss per element.
""",
    raises="ValueError\n    In the call: another `reduction`, or shapes that do not fit.",
)
loss_of_batch = loss_module.but(
    'reduction : str\n    "mean" over the batch, "sum", or "none": a loss per sample.'
)
padding_module = Family(
    "padding : int or tuple\n"
    "    At all ends, or (before, behind) for each axis from the last; negative sizes crop.",
    raises="""
TypeError
    Sizes are no ints.
RuntimeError
    The tuple has another length; in the call: sizes do not fit.
""",
)
