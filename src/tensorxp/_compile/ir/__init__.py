"""What a trace is to the back ends: steps become a graph of values, layouts and regions.

`steps` are a trace's operations, `fused` turns them into values of a `graph`, `lowering` and
`compound` know what each is, and `formulas` how C computes it. `regions` decides what runs in one
pass over memory, `products` joins products of matrices, `program` replays the steps where no back
end takes them, and `pairs` are a function and its gradient.
"""
