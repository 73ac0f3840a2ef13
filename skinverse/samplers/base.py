"""What every sampler shares: one checked door, `sample`."""

from abc import ABCMeta, abstractmethod
from typing import ClassVar

from sklearn.base import BaseEstimator

from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.validation import check_positive_int, check_random_state


class BaseSampler(DocLinkMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the samplers: designs of experiments in the unit cube.

    A sampler is a scikit-learn estimator without ``fit``, so that :func:`sklearn.base.clone`, ``repr`` and
    searches over its parameters come for free. A subclass writes ``_sample(n, n_dims, rng)``.

    See Also
    --------
    cube_to_box : Maps the unit cube to a box of designs.
    cube_to_normal : Maps the unit cube to a standard normal law.

    Examples
    --------
    >>> from skinverse.samplers import BaseSampler
    >>> class Diagonal(BaseSampler):
    ...     def _sample(self, n, n_dims, rng):
    ...         return (rng.uniform(size=(n, 1)) + [0.0] * n_dims).clip(0, 1)
    >>> Diagonal().sample(5, 3, random_state=0).shape
    (5, 3)
    """

    _parameter_constraints: ClassVar[dict] = {}

    def sample(self, n, n_dims, random_state=None):
        """Draw a set of points.

        Parameters
        ----------
        n : int
            Number of points, at least 1.
        n_dims : int
            Dimension of the cube, at least 1.
        random_state : int, RandomState instance or None, default=None
            An int gives the same points at every call; a RandomState is advanced; None takes fresh
            entropy and leaves numpy's global generator alone.

        Returns
        -------
        points : ndarray of float64 of shape (n, n_dims)
            Points in the unit cube.

        Raises
        ------
        InvalidParameterError
            If a parameter of the sampler is out of its range.
        TypeError, ValueError
            If `n` or `n_dims` is not an integer of at least 1.
        """
        self._validate_params()
        n = check_positive_int(n, "n")
        n_dims = check_positive_int(n_dims, "n_dims")
        return self._sample(n, n_dims, check_random_state(random_state))

    @abstractmethod
    def _sample(self, n, n_dims, rng):
        """Points (n, n_dims) in the unit cube, drawn with the RandomState `rng`."""


class RandomSampler(BaseSampler):
    """Independent uniform points: the plain Monte Carlo baseline.

    Examples
    --------
    >>> from skinverse.samplers import RandomSampler
    >>> RandomSampler().sample(2, 3, random_state=0).round(2)
    array([[0.55, 0.72, 0.6 ],
           [0.54, 0.42, 0.65]])
    """

    def _sample(self, n, n_dims, rng):
        return rng.uniform(size=(n, n_dims))
