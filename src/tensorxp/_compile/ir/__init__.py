"""What a trace is to the back ends: steps become a graph of values, layouts and regions.

`graph` holds values and layouts, `lowering` and `formulas` know the operations, `regions` decides
what runs in one pass over memory, `products` joins products of matrices, `program` replays the
steps where no back end takes them, `pairs` are a function and its gradient.
"""
