"""`compile`: trace a function once per shape and dtype, then replay it without the door."""
