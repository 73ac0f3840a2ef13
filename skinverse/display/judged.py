"""What a judge says of designs, for the displays that show it."""

import numpy as np

from skinverse.delegate import inverse
from skinverse.metrics.resimulation import resimulation_error
from skinverse.targets import as_targets


def ask_and_judge(estimator, y_star, simulator, n, judge, random_state):
    """Designs (n_targets, n, n_features) of a fitted inverter and the judge's verdict on them."""
    X = inverse(estimator, y_star, n, random_state=random_state)
    return X, resimulation_error(X, y_star, simulator, judge=judge)


def verdict_of(y_star, y_pred, judge):
    """The verdict when responses are there already, (n_targets, n, n_outputs) or one for each target."""
    y_pred = np.asarray(y_pred, dtype=np.float64)
    if y_pred.ndim in (1, 2):
        y_pred = y_pred.reshape(len(y_pred), 1, -1)
    if y_pred.ndim != 3:
        raise ValueError(f"y_pred must have shape (n_targets, n, n_outputs), got {y_pred.shape}.")
    n_wanted = as_targets(y_star, len(y_pred)).lower.shape[1]
    if n_wanted != y_pred.shape[2]:
        raise ValueError(
            f"y_pred has {y_pred.shape[2]} outputs, but y_star has {n_wanted}; y_pred has shape {y_pred.shape}."
        )
    # The judge has nothing to do but to repeat what it said.
    answers = y_pred.reshape(-1, y_pred.shape[2])
    return resimulation_error(np.zeros((*y_pred.shape[:2], 1)), y_star, lambda _: answers, judge=judge)


def targets_of(result, y_star):
    """The targets that a verdict is about."""
    n_targets, _, n_outputs = result.response.shape
    targets = as_targets(y_star, n_targets)
    if targets.lower.shape[1] != n_outputs:
        raise ValueError(
            f"y_star has {targets.lower.shape[1]} outputs, but the judge answered with {n_outputs}. "
            "Pass the targets that it was asked about."
        )
    return targets
