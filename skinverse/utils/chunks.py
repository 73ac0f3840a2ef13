"""Work in pieces of bounded size."""


def chunks(n_items, size):
    """Slices of at most `size` that cover ``range(n_items)`` in order."""
    size = max(1, int(size))
    for start in range(0, n_items, size):
        yield slice(start, min(start + size, n_items))
