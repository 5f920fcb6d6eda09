"""Layer 2: the operations, a module for each chapter of the standard."""
