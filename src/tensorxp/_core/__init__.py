"""Layer 1, the machine: slots, nodes, primitives, views, modes, watchers and the door."""
