from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np  # noqa: F401  (loads a BLAS to limit)
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_info

from skinverse.utils.threads import single_threaded


def pools():
    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}


def test_limit_holds_inside_and_is_lifted_after():
    before = pools()
    with single_threaded():
        assert set(pools().values()) == {1}
    assert pools() == before


def test_overlapping_blocks_leave_no_limit_behind():
    """The second block begins under the first one's limit and ends after it."""
    before = pools()
    barriers = [Barrier(2), Barrier(2)]

    def first():
        with single_threaded():
            barriers[0].wait()
        barriers[1].wait()

    def second():
        barriers[0].wait()
        with single_threaded():
            barriers[1].wait()

    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(first), pool.submit(second)]:
            job.result()
    assert pools() == before


def test_an_error_lifts_the_limit():
    before = pools()
    try:
        with single_threaded():
            raise RuntimeError
    except RuntimeError:
        assert pools() == before
