"""What every simulator shares: names, units, one checked and batched call."""

from abc import ABCMeta, abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from skinverse.utils.chunks import chunks
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.validation import check_array, check_positive_int, check_random_state

# Batches in which designs are simulated under a bar.
_N_BATCHES = 100
_NO_NUMBER = "the computation gave no finite number"


class Simulator(DocLinkMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the forward operators: a callable ``X -> y`` with a prior.

    A simulator is the true law behind an inverse-design task. It learns nothing: its constructor
    parameters are its physical constants, so that :func:`sklearn.base.clone`, ``repr`` and pickling
    come for free. A subclass sets the attributes below and writes ``bounds``, ``_simulate`` and
    ``_sample_prior``, and ``_obstacles`` where there are designs that the physics cannot answer.

    Attributes
    ----------
    input_names, input_units : tuple of str, length n_inputs
        Name and unit of every input; ``"1"`` stands for a dimensionless quantity.
    output_names, output_units : tuple of str, length n_outputs
        Name and unit of every output.
    n_inputs, n_outputs : int
        Numbers of inputs and outputs.
    bounds : ndarray of shape (n_inputs, 2)
        Lower and upper end of every input: the box in which designs are usually sought. A simulator
        answers outside it as well, wherever its physics does.
    integer : ndarray of bool of shape (n_inputs,)
        Which inputs the physics takes as whole numbers only.
    fidelity : tuple of str
        Names of the constructor parameters that buy accuracy with time; none where the law is exact.
    differentiable : bool
        Whether there is ``torch_forward``, see :class:`~skinverse.simulators.DifferentiableSimulator`.

    Notes
    -----
    A design that the physics cannot answer has ``NaN`` in its row of the result, never another number;
    :meth:`failures` says why. ``on_failure="raise"`` makes an error of it.

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.simulators import Simulator
    >>> class Square(Simulator):
    ...     input_names, input_units = ("side",), ("m",)
    ...     output_names, output_units = ("area",), ("m^2",)
    ...
    ...     @property
    ...     def bounds(self):
    ...         return np.array([[0.0, 1.0]])
    ...
    ...     def _simulate(self, X):
    ...         return X**2
    ...
    ...     def _sample_prior(self, n, rng):
    ...         return rng.uniform(size=(n, 1))
    >>> Square()([[2.0], [3.0]])
    array([[4.],
           [9.]])
    """

    _parameter_constraints: ClassVar[dict] = {}

    input_names = ()
    input_units = ()
    output_names = ()
    output_units = ()
    fidelity = ()
    differentiable = False

    @property
    def n_inputs(self):
        """Number of inputs."""
        return len(self.input_names)

    @property
    def n_outputs(self):
        """Number of outputs."""
        return len(self.output_names)

    @property
    def integer(self):
        """Boolean mask of the whole-number inputs: none, unless a subclass says otherwise."""
        return np.zeros(self.n_inputs, dtype=bool)

    @property
    @abstractmethod
    def bounds(self):
        """Lower and upper end of every input, a fresh array of shape (n_inputs, 2)."""

    def __call__(self, X, *, on_failure="nan", verbose=0):
        """Response of every design.

        Parameters
        ----------
        X : array-like of shape (n, n_inputs)
            Designs, in the order and units of `input_names`. Never modified.
        on_failure : {"nan", "raise"}, default="nan"
            What becomes of designs that the physics cannot answer.
        verbose : int, default=0
            1 simulates in about a hundred batches and shows a bar of the designs on standard error, 2 leaves it
            there. 0 hands all designs to the computation at once.

        Returns
        -------
        y : ndarray of float64 of shape (n, n_outputs)
            Responses, in the order and units of `output_names`; ``NaN`` in the rows that the physics
            cannot answer.

        Raises
        ------
        ValueError
            If `X` is not a finite numeric 2-D table of `n_inputs` columns and at least one row, or if it
            is a data frame with this simulator's names in another order; if a design cannot be answered
            and `on_failure` is "raise".
        """
        self._validate_params()
        if on_failure not in ("nan", "raise"):
            raise ValueError(f"on_failure must be 'nan' or 'raise', got {on_failure!r}.")
        X = self._check_designs(X)
        reasons = self._reasons(X)
        fine = np.flatnonzero(reasons == "")
        y = np.full((len(X), self.n_outputs), np.nan)
        batch_size = -(-len(fine) // _N_BATCHES) if verbose else len(fine)
        for batch in chunks(len(fine), batch_size, unit="design", verbose=verbose):
            y[fine[batch]] = self._simulate(X[fine[batch]])
        failed = np.flatnonzero(np.isnan(y).any(axis=1))
        if on_failure == "raise" and len(failed):
            reason = reasons[failed[0]] or _NO_NUMBER
            raise ValueError(
                f"{type(self).__name__} cannot answer {len(failed)} of {len(X)} designs, the first of them row "
                f"{failed[0]}: {reason}. on_failure='nan' leaves them out, failures(X) lists them."
            )
        return y

    def failures(self, X):
        """Why designs cannot be answered.

        Parameters
        ----------
        X : array-like of shape (n, n_inputs)

        Returns
        -------
        reasons : ndarray of str of shape (n,)
            "" where there is an answer.
        """
        self._validate_params()
        X = self._check_designs(X)
        reasons = self._reasons(X)
        fine = np.flatnonzero(reasons == "")
        if len(fine):
            reasons[fine[np.isnan(self._simulate(X[fine])).any(axis=1)]] = _NO_NUMBER
        return reasons.astype(str)

    def _reasons(self, X):
        """The first obstacle of each design, "" where there is none."""
        reasons = np.full(len(X), "", dtype=object)
        for reason, rows in self._obstacles(X):
            reasons[rows & (reasons == "")] = reason
        return reasons

    def sample_prior(self, n, random_state=None):
        """Draw designs from the distribution of the published task.

        Parameters
        ----------
        n : int
            Number of designs, at least 1.
        random_state : int, RandomState instance or None, default=None
            An int gives the same designs at every call; None takes fresh entropy and leaves numpy's
            global generator alone.

        Returns
        -------
        X : ndarray of float64 of shape (n, n_inputs)
            Independent designs.

        Raises
        ------
        TypeError, ValueError
            If `n` is not an integer of at least 1.
        """
        self._validate_params()
        n = check_positive_int(n, "n")
        return self._sample_prior(n, check_random_state(random_state))

    def _check_designs(self, X):
        """Designs as a finite float64 array of shape (n, n_inputs)."""
        columns = tuple(getattr(X, "columns", self.input_names))
        X = check_array(X, dtype=np.float64, input_name="X")
        name = type(self).__name__
        if X.shape[1] != self.n_inputs:
            raise ValueError(
                f"X has {X.shape[1]} features, but {name} is expecting {self.n_inputs} features as input: "
                f"{', '.join(self.input_names)}."
            )
        if columns != self.input_names and set(columns) == set(self.input_names):
            raise ValueError(
                f"The columns of X must be in the order {list(self.input_names)} of {name}.input_names, got "
                f"{list(columns)}. Pass X[list(simulator.input_names)]."
            )
        return X

    def _obstacles(self, X):
        """Pairs of a reason and the boolean mask of the designs that the physics cannot answer for it."""
        return ()

    @abstractmethod
    def _simulate(self, X):
        """Responses (n, n_outputs) of checked designs (n, n_inputs) without obstacles; not to be modified.

        NaN where the numbers fail.
        """

    @abstractmethod
    def _sample_prior(self, n, rng):
        """Designs (n, n_inputs) drawn with the RandomState `rng`."""
