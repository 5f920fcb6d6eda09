"""How each array API function of SciPy is called for the table of differentiability.

A module per chapter holds `CALLS`: name → inputs, or name → (function of SciPy's function and
the inputs, *inputs). Floating inputs are differentiated, others are given as they are.
"""
