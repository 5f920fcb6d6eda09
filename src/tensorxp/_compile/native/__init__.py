"""The native backend of `compile`: traces become programs of a small machine written in C.

`emit` writes the machine's instructions, `program` runs them, and `build` compiles and loads the
machine (`machine.c`) once.
"""
