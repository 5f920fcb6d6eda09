"""The native backend of `compile`: traces become programs of a small machine written in C.

`graph` turns steps into values and layouts, `lowering` knows the operations, `regions` decides
what runs in one pass over memory, `emit` writes the machine's instructions, `program` runs them,
and `build` compiles and loads the machine (`machine.c`) once.
"""
