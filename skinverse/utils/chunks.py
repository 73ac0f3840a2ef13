"""Work in pieces of bounded size."""

from skinverse.utils.progress import progress_bar


def chunks(n_items, size, *, unit="item", verbose=0):
    """Slices of at most `size` that cover ``range(n_items)`` in order, with a bar as `verbose` says."""
    size = max(1, int(size))
    with progress_bar(n_items, unit, verbose=verbose) as bar:
        for start in range(0, n_items, size):
            rows = slice(start, min(start + size, n_items))
            yield rows
            bar.update(rows.stop - rows.start)
