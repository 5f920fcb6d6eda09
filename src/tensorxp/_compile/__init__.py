"""`compile`: trace a function once per shape and dtype, then run its program, fused or replayed."""
