"""One thread for work whose pieces are too small to share."""

from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_limits, _n_users = None, 0


@contextmanager
def single_threaded():
    """Keep BLAS and OpenMP to one thread inside the block; as before once the last block has ended.

    Pools are one for the whole process, so blocks that overlap in different Python threads share one
    limit: the first sets it and the last lifts it.
    """
    global _limits, _n_users
    with _lock:
        if not _n_users:
            _limits = threadpool_limits(limits=1)
        _n_users += 1
    try:
        yield
    finally:
        with _lock:
            _n_users -= 1
            if not _n_users:
                _limits.restore_original_limits()
