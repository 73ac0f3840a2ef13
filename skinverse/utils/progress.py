"""Bars that tell how far long work has come, for those who ask for them."""

from contextlib import nullcontext

from tqdm import tqdm


class SilentBar:
    """What a bar is where none is wanted."""

    def update(self, n=1):
        """Nothing."""

    def set_postfix(self, ordered_dict=None, refresh=True):
        """Nothing."""


def progress_bar(total, unit, *, verbose, **settings):
    """Context of a bar on standard error, which ends with the block however that ends.

    Parameters
    ----------
    total : int
        Things to do; ``update(n)`` of the bar says that `n` more are done.
    unit : str
        What they are, in the singular.
    verbose : int
        0 shows nothing, and does not even start tqdm, which has a thread of its own. 1 shows a bar that goes when
        the work ends, 2 one that stays.
    **settings
        Passed to :class:`tqdm.tqdm`.
    """
    if not verbose:
        return nullcontext(SilentBar())
    return tqdm(total=total, unit=unit, leave=verbose > 1, **settings)
