"""Layer 4: NumPy's protocols, and the functions that are found through them."""
