"""What a saved estimator was trained on, how good it is and what it is not for."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from skinverse._version import __version__

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "safetensors")
# Variables that the text lists; the card has them all.
_MAX_SHOWN = 20


class ResultCard(dict):
    """A card as a dict of plain values, which prints as text a reader can use."""

    def __str__(self):
        lines = [f"{self['estimator']}, saved {self['saved']}", ""]
        rows = self["n_samples"]
        lines += [f"Trained on: {'a number of rows that was not kept' if rows is None else f'{rows} rows'}"]
        for title in ("features", "responses"):
            if self[title]["n"]:
                lines += ["", f"{title.capitalize()}:", *_table(self[title])]
        lines += ["", f"Held-out error: {self['held_out_error'] or 'not known'}"]
        lines += ["", f"Judge of designs: {self['judge'] or 'none inside'}"]
        lines += ["", "Limits:", *(f"  - {limit}" for limit in self["limits"])]
        for title in ("about", "parameters", "versions"):
            if self[title]:
                lines += ["", f"{title.capitalize()}:", *(f"  {k} = {v}" for k, v in self[title].items())]
        return "\n".join(lines)


def make_card(estimator, about=None):
    """Card of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        An inverter, a regressor, a simulator, or a Pipeline, of which the last step is described.
    about : dict, default=None
        What the estimator cannot know, kept as it is.

    Returns
    -------
    card : ResultCard
        With the keys `estimator`, `saved`, `n_samples`, `features`, `responses`, `held_out_error`, `judge`, `limits`,
        `about`, `parameters` and `versions`. Numbers and names that are not known are None.
    """
    last = estimator
    while hasattr(last, "steps") or type(last).__name__ == "FrozenEstimator":
        last = last.steps[-1][1] if hasattr(last, "steps") else last.estimator
    models = [getattr(part, "forward_model_", None) for part in (last, getattr(last, "inverter_", None))]
    model = next((model for model in models if model is not None), None)
    return ResultCard(
        estimator=" ending in ".join(dict.fromkeys(type(part).__name__ for part in (estimator, last))),
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        n_samples=getattr(last, "n_samples_fit_", None),
        features=_features(last),
        responses=_responses(last),
        held_out_error=_held_out_error(last if model is None else model),
        judge=_judge(last, model),
        limits=_limits(last, model),
        about=dict(about or {}),
        parameters={name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        versions=versions(),
    )


def versions():
    """Versions of skinverse, of what it computes with, and of Python."""
    found = {"skinverse": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # importable, but not installed as a package
            found[library] = None
    return found


def _columns(n, names=None, units=None, bounds=None):
    """Description of `n` variables; `bounds` has shape (n, 2)."""
    return {
        "n": int(n),
        "names": None if names is None else [str(name) for name in names],
        "units": None if units is None else [str(unit) for unit in units],
        "range": None if bounds is None else np.asarray(bounds, dtype=float).tolist(),
    }


def _features(estimator):
    space = getattr(estimator, "space_", None)
    if space is not None:
        return _columns(space.n_features, space.names, space.units, space.bounds)
    if hasattr(estimator, "input_names"):
        names, units = estimator.input_names, estimator.input_units
        return _columns(len(names), names, units, estimator.bounds)
    return _columns(getattr(estimator, "n_features_in_", 0), getattr(estimator, "feature_names_in_", None))


def _responses(estimator):
    if hasattr(estimator, "output_names"):
        return _columns(len(estimator.output_names), estimator.output_names, estimator.output_units)
    n = getattr(estimator, "n_outputs_", 0)
    names, bounds = getattr(estimator, "output_names_in_", None), getattr(estimator, "y_range_", None)
    return _columns(n, names, bounds=bounds)


def _held_out_error(model):
    """Text on the error of a forward model, None if there is no model or no row was held out."""
    known = getattr(model, "held_out_rmse_", None)
    if known is not None:
        return (
            f"root mean square {np.array2string(np.asarray(known), precision=3)}, by output, in their units"
        )
    if not hasattr(model, "nets_") or not hasattr(model, "predict"):
        return None
    losses = [[row["valid_loss"] for row in net.history if "valid_loss" in row] for net in model.nets_]
    if not all(losses):
        return None
    error = np.sqrt(np.mean([np.nanmin(loss) for loss in losses]))
    return (
        f"root mean square {error:.2g} standard deviations of the responses, on rows that also chose when to stop, "
        "without the worst hundredth: rather too good"
    )


def _judge(estimator, model):
    """Text on what predicts the responses of proposed designs, None if nothing does."""
    if not hasattr(estimator, "inverse"):
        return None
    if model is not None:
        return f"the forward model inside, {type(model).__name__}"
    return "the forward half of the network itself" if hasattr(estimator, "predict") else None


def _limits(estimator, model):
    limits = []
    if hasattr(estimator, "inverse"):
        limits += [
            "Designs stay in the range of the features above, or are flagged.",
            "Targets outside the range of the responses above are extrapolated.",
            "Responses predicted inside are not simulated or measured ones: check designs before use.",
        ]
        if not estimator.supports_partial_targets:
            limits.append("A target needs a value for every output.")
    elif hasattr(estimator, "predict") or hasattr(estimator, "sample_prior"):
        limits.append("Designs unlike those of the training are extrapolated.")
    floor = getattr(estimator if model is None else model, "response_floor_", None)
    if floor is not None and np.isfinite(floor).any():
        limits.append(f"Responses are taken as cut off at {_plain(np.asarray(floor).tolist())}.")
    limits.append("Answers repeat bit for bit on the same kind of machine with the same versions only.")
    return limits


def _plain(value):
    """A value for JSON: itself if plain, else its representation."""
    if value is None or type(value) in (bool, int, str):
        return value
    return " ".join(repr(value).split())


def _table(columns):
    lines = []
    for k in range(min(columns["n"], _MAX_SHOWN)):
        name = columns["names"][k] if columns["names"] else f"column {k}"
        unit = f" [{columns['units'][k]}]" if columns["units"] else ""
        between = ""
        if columns["range"]:
            low, high = columns["range"][k]
            between = f": {low:g} to {high:g}"
        lines.append(f"  {name}{unit}{between}")
    if columns["n"] > _MAX_SHOWN:
        lines.append(f"  and {columns['n'] - _MAX_SHOWN} more")
    return lines
