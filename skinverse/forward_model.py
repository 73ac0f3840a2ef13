"""The forward model of inverters that learn through one: which it is where none is given, and how it is fitted."""

import numpy as np
import torch

from skinverse.gaussian_process import ForwardGaussianProcess
from skinverse.surrogate import ForwardRegressor
from skinverse.utils.floors import response_floor
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.warm_start import fit_after

# Largest tables for which Gaussian processes are the default.
_MANY_ROWS, _MANY_FEATURES, _MANY_OUTPUTS = 300, 16, 4


def default_forward_model(X, y, *, n_members=3, **settings):
    """The surrogate that is taken for a table where none is given, unfitted.

    Gaussian processes for few rows of few variables, where they are the more accurate by far (results page,
    "Surrogates"); networks, `n_members` of them with these `settings`, for more rows, and for responses that are cut
    off at a floor.
    """
    y = np.reshape(y, (len(X), -1))
    few = len(X) <= _MANY_ROWS and X.shape[1] <= _MANY_FEATURES and y.shape[1] <= _MANY_OUTPUTS
    if few and not np.isfinite(response_floor(y, "auto")).any():
        return ForwardGaussianProcess()
    return ForwardRegressor(n_members=n_members, **settings)


def fit_forward_model(model, X, y, random_state, fitted=None, *, warm=False):
    """Fitted clone of a forward model, seeded if it has no seed, with the module that solvers need.

    `fitted` and `warm` are those of :func:`~skinverse.utils.warm_start.fit_after`.

    Raises
    ------
    TypeError
        If the fitted model holds no torch module `module_`.
    """
    model = fit_after(seeded_clone(model, random_state), fitted, X, y, warm=warm)
    if not isinstance(getattr(model, "module_", None), torch.nn.Module):
        raise TypeError(
            "forward_model must hold a torch module `module_` once fitted, which maps designs to responses "
            f"in the user's units; {type(model).__name__} does not. Use ForwardRegressor."
        )
    known = getattr(model, "n_features_in_", X.shape[1])
    if known != X.shape[1]:
        raise ValueError(
            f"forward_model was fitted to {known} design variables, and is frozen, but X has {X.shape[1]}. Pass one "
            "that is fitted to designs of this kind, or one that is not frozen."
        )
    model.module_.eval()
    return model
