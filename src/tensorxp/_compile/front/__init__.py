"""From a function to its trace: what it reads becomes guards, what cannot be known ends the trace.

`source` finds a function's text, `rewrite` puts questions into it, `seen` answers them and keeps
the guards, `known` says what may be called as it is, `guards` makes the check of a call, `effects`
are what a training step does beside computing.
"""
