"""Layer 4: `Tensor`, the class and what it is made of."""
