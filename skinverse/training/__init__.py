"""Training of networks through skorch: the only door to it."""
