"""The CUDA backend of `compile`: the regions of traces become kernels that NVRTC compiles.

`source` is what all kernels begin with, `emit` and `lines` write kernels for regions, `program`
launches them, `graphs` captures programs of nothing but kernels as CUDA graphs.
"""
