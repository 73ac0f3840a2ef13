"""NeuralSimulator: a regressor in the place of a simulator that is slow."""

import numpy as np

from skinverse.persistence import SaveMixin
from skinverse.simulators.base import Simulator
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.validation import (
    HasMethods,
    Integral,
    Interval,
    Real,
    check_is_fitted,
    check_random_state,
    fit_context,
)


class NeuralSimulator(SaveMixin, Simulator):
    """Stand-in for a slow simulator: a regressor trained on its answers, with its error on designs held out.

    Published tasks whose simulation takes minutes are judged by such a network [1]_. Names, units, bounds and
    prior are those of the simulator behind it.

    Parameters
    ----------
    simulator : Simulator
        The law to be learnt.
    regressor : regressor
        Anything with ``fit(X, y)`` and ``predict(X)``, for several outputs if the simulator has several; a
        clone is fitted. An ensemble, such as ``ForwardRegressor(n_members=5)``, has the smaller errors.
    n_samples : int, default=10_000
        Designs that are simulated.
    held_out : float, default=0.1
        Share of them that the regressor does not see.
    random_state : int, RandomState instance or None, default=None
        Governs the designs, and the regressor where it has no seed of its own.
    verbose : int, default=0
        1 shows a bar of the designs that `fit` simulates on standard error, 2 leaves it there.

    Attributes
    ----------
    regressor_ : regressor
        The one fitted.
    held_out_rmse_ : ndarray of shape (n_outputs,)
        Root mean square error of each output on the designs held out, in `output_units`.
    held_out_rmse_overall_ : float
        The same over all outputs together.

    Notes
    -----
    Designs come from the prior, so that far from it the regressor extrapolates, and its error is not known.
    Designs that the simulator declares impossible beforehand stay ``NaN``. A simulator may fail on others in the
    course of its computation; such rows are left out of the training, and the regressor answers them.

    Errors of candidates found with this simulator contain its own: what is below `held_out_rmse_` says
    nothing. An inverter that searches over a regressor of the same kind and data can exploit errors that both
    share; give the two different data.

    References
    ----------
    .. [1] S. Ren, W. Padilla, J. Malof, "Benchmarking deep inverse models over time, and the
           neural-adjoint method", NeurIPS 2020, https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from skinverse.simulators import NeuralSimulator, SineWave
    >>> proxy = NeuralSimulator(SineWave(), KNeighborsRegressor(), n_samples=5000, random_state=0).fit()
    >>> X = [[0.0, 0.3], [0.1, 0.6]]
    >>> bool((abs(proxy(X) - SineWave()(X)) < 0.2).all())
    True
    >>> proxy.held_out_rmse_.shape
    (1,)
    """

    _parameter_constraints = {
        "simulator": [Simulator],
        "regressor": [HasMethods(["fit", "predict"])],
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "held_out": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    fidelity = ("n_samples",)

    def __init__(self, simulator, regressor, *, n_samples=10_000, held_out=0.1, random_state=None, verbose=0):
        self.simulator = simulator
        self.regressor = regressor
        self.n_samples = n_samples
        self.held_out = held_out
        self.random_state = random_state
        self.verbose = verbose

    @property
    def input_names(self):
        """Those of the simulator."""
        return self.simulator.input_names

    @property
    def input_units(self):
        """Those of the simulator."""
        return self.simulator.input_units

    @property
    def output_names(self):
        """Those of the simulator."""
        return self.simulator.output_names

    @property
    def output_units(self):
        """Those of the simulator."""
        return self.simulator.output_units

    @property
    def integer(self):
        """Those of the simulator."""
        return self.simulator.integer

    @property
    def bounds(self):
        """Those of the simulator."""
        return self.simulator.bounds

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self):
        """Draw designs from the prior, simulate them, train the regressor and measure its error.

        Returns
        -------
        self : NeuralSimulator

        Raises
        ------
        ValueError
            If the simulator answers fewer than two of the designs.
        """
        rng = check_random_state(self.random_state)
        X = self.simulator.sample_prior(self.n_samples, rng)
        y = self.simulator(X, verbose=self.verbose)
        answered = np.isfinite(y).all(axis=1)
        X, y = X[answered], y[answered]
        if len(X) < 2:
            raise ValueError(
                f"{type(self.simulator).__name__} answers {len(X)} of {self.n_samples} designs of its prior, and "
                "two are needed, to train and to hold out. simulator.failures(X) says why; raise n_samples."
            )
        n_train = len(X) - min(max(1, round(self.held_out * len(X))), len(X) - 1)

        regressor = seeded_clone(self.regressor, rng)
        self.regressor_ = regressor.fit(X[:n_train], y[:n_train].ravel() if y.shape[1] == 1 else y[:n_train])
        squares = (self._simulate(X[n_train:]) - y[n_train:]) ** 2
        self.held_out_rmse_ = np.sqrt(squares.mean(axis=0))
        self.held_out_rmse_overall_ = float(np.sqrt(squares.mean()))
        return self

    def _check_designs(self, X):
        check_is_fitted(self)
        return super()._check_designs(X)

    def _obstacles(self, X):
        return self.simulator._obstacles(X)

    def _simulate(self, X):
        return np.asarray(self.regressor_.predict(X), dtype=np.float64).reshape(len(X), -1)

    def _sample_prior(self, n, rng):
        return self.simulator.sample_prior(n, rng)
