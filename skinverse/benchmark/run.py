"""One run: a method fitted to a table, asked, judged and timed; what comes of it is a row."""

import platform
import subprocess
import time
import traceback
import warnings
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from joblib import Memory
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from torch import nn

import skinverse
from skinverse.benchmark.judging import Asker, Clock
from skinverse.benchmark.methods import METHODS, Setup
from skinverse.benchmark.problems import Unavailable
from skinverse.benchmark.published_networks import PublishedSurrogate
from skinverse.benchmark.store import FAILED, OK, UNAVAILABLE
from skinverse.benchmark.tasks import FULL, QUICK, load
from skinverse.compose import TransformedDesignInverter
from skinverse.encoding import GANDesignEncoder
from skinverse.forward_model import default_forward_model
from skinverse.surrogate import ForwardRegressor
from skinverse.utils.lookup import distinct_rows
from skinverse.utils.threads import single_threaded

_N_CALLS = 10  # in which solution branches are counted
_QUICK_EPOCHS = 5


def run(spec):
    """Fit, ask, judge.

    Parameters
    ----------
    spec : dict
        `task`, `method`, `n_train`, `seed`, `size`; and `device`, `cache` (folder of what runs share, or None),
        `generator` (weights of a trained one, or None) and `about` (see :func:`about`).

    Returns
    -------
    row : dict
        With `status` "ok", "failed" or "unavailable", the latter two with a `reason`. No exception but an
        interruption leaves this function.
    """
    row = {name: spec[name] for name in ("task", "method", "n_train", "seed", "size")}
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(record=True) as caught, single_threaded():
        warnings.simplefilter("always")
        try:
            row |= {"status": OK, **_measure(spec)}
        except (Unavailable, ImportError) as error:
            row |= {"status": UNAVAILABLE, "reason": str(error)}
        except Exception as error:
            trace = traceback.format_exc().splitlines()[-12:]
            row |= {"status": FAILED, "reason": f"{type(error).__name__}: {error}", "traceback": trace}
    row["warnings"] = sorted({str(entry.message) for entry in caught if _is_worth_telling(entry)})
    row["wall"], row["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    row["device"] = spec["device"]
    row["finished"] = datetime.now().isoformat(timespec="seconds")
    return {**row, **spec["about"]}


def about():
    """Versions, commit and machine, for every row."""
    names = {
        "torch": "torch",
        "numpy": "numpy",
        "scipy": "scipy",
        "sklearn": "scikit-learn",
        "skorch": "skorch",
    }
    versions = {"skinverse": skinverse.__version__, **{key: version(name) for key, name in names.items()}}
    machine = f"{platform.machine()}, {platform.system()}"
    return {
        "versions": {**versions, "python": platform.python_version()},
        "commit": _commit(),
        "machine": machine,
    }


def _commit():
    """The git commit of the package, "+" after it where files were changed; None outside a checkout."""
    git = ["git", "-C", str(Path(skinverse.__file__).parent)]
    try:
        head, changed = (
            subprocess.run([*git, *command], capture_output=True, text=True, check=True).stdout.strip()
            for command in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "-uno", "."])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + "+" * bool(changed)


def _is_worth_telling(entry):
    return not issubclass(entry.category, (DeprecationWarning, FutureWarning, PendingDeprecationWarning))


# ---- Fit ----------------------------------------------------------------------------------------------


def _fitted(make, X, y):
    """A fitted estimator and its seconds; cached, so that methods share it and each counts them."""
    with Clock() as clock:
        model = make.fit(X, y)
    return model, clock.wall, clock.cpu


def _encoder(make, X):
    with Clock() as clock:
        model = make.fit(X)
    return model, clock.wall, clock.cpu


def _prepare(spec, problem, memory):
    """Unfitted inverter, and a list to which the seconds of shared parts are added as they are asked for."""
    method, seed, quick = METHODS[spec["method"]], spec["seed"], spec["size"] == QUICK
    task, seconds = problem.task, []

    def shared(function, *args):
        model, wall, cpu = memory.cache(function)(*args)
        seconds.append((wall, cpu))
        return FrozenEstimator(model)

    encoder, Z, simulate = None, problem.X, problem.simulate
    if task.n_components and method.encoded:
        encoder = shared(_encoder, PCA(task.n_components, random_state=seed), problem.X)
        Z = encoder.transform(problem.X)

        def simulate(Z):
            return problem.simulate(problem.space.project(encoder.inverse_transform(Z)))

    if method.max_features is not None and Z.shape[1] > method.max_features:
        raise Unavailable(
            f"{method.title} is for at most {method.max_features} design variables, here are {Z.shape[1]}."
        )

    def surrogate():
        device = spec["device"]
        if quick:
            model = ForwardRegressor(max_epochs=20, device=device)
        else:
            model = default_forward_model(Z, problem.y, device=device)
        return shared(_fitted, model.set_params(random_state=seed), Z, problem.y)

    def published_surrogate(**settings):
        settings |= {"max_epochs": _QUICK_EPOCHS} if quick else {}
        return shared(
            _fitted, PublishedSurrogate(device=spec["device"], random_state=seed, **settings), Z, problem.y
        )

    def gan():
        size, rest = divmod(round(problem.X.shape[1] ** 0.5), 32)
        if rest:
            raise Unavailable("The generator makes images whose edges are multiples of 32 pixels.")
        if spec["generator"] is not None:
            return FrozenEstimator(
                GANDesignEncoder.from_generator(spec["generator"], size, device=spec["device"])
            )
        return shared(_encoder, GANDesignEncoder(size, device=spec["device"], random_state=seed), problem.X)

    setup = Setup(
        problem=problem,
        seed=seed,
        space=problem.space if encoder is None else None,
        simulate=simulate,
        surrogate=surrogate,
        published_surrogate=published_surrogate,
        gan=gan,
    )
    inverter = method.make(setup)
    changes = {"device": spec["device"]} | ({"max_epochs": _QUICK_EPOCHS} if quick else {})
    for name in inverter.get_params():
        if name.split("__")[-1] in changes:
            inverter.set_params(**{name: changes[name.split("__")[-1]]})
    if encoder is not None:
        inverter = TransformedDesignInverter(inverter, encoder, space=problem.space, random_state=seed)
    return inverter, seconds


def count_parameters(model):
    """Numbers that were trained: parameters of all torch modules an estimator holds, each counted once."""
    seen, found = set(), {}

    def look(value):
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found.update({id(p): p.numel() for p in value.parameters()})
        elif isinstance(value, (list, tuple)):
            for entry in value[:100]:
                look(entry)
        elif isinstance(value, BaseEstimator):
            look(getattr(value, "module_", None))
            for name, entry in vars(value).items():
                # Nets and modules beside `module_` are parts of it, or copies in another precision.
                copied = hasattr(value, "module_") and ("net" in name or isinstance(entry, nn.Module))
                if (name.endswith("_") and not copied) or name == "estimator":
                    look(entry)

    look(model)
    return sum(found.values())


def _measure(spec):
    memory = Memory(spec["cache"], verbose=0)
    method = METHODS[spec["method"]]
    problem = load(spec["task"], spec["n_train"], spec["seed"], spec["size"], memory)
    inverter, seconds = _prepare(spec, problem, memory)
    with Clock() as fit:
        inverter.fit(problem.X, problem.y)
    most = method.max_designs or np.inf
    if method.looks_up:
        most = len(distinct_rows(problem.X))
    ask = Asker(inverter, problem, most, spec["seed"])
    # Numbers that the user has set hold for slow methods, too.
    max_targets = method.max_targets if spec["size"] in (FULL, QUICK) else None
    is_slow = method.max_targets is not None
    return {
        "n_rows": len(problem.X),
        "n_features": problem.X.shape[1],
        "n_outputs": problem.n_outputs,
        "y_variance": float(np.var(problem.y, axis=0).mean()),
        "judge": problem.judge,
        "fit_wall": fit.wall + sum(wall for wall, _ in seconds),
        "fit_cpu": fit.cpu + sum(cpu for _, cpu in seconds),
        "n_parameters": count_parameters(inverter),
        **ask.many_targets(max_targets),
        "single": ask.one_target(),
        "modes": ask.modes(1 if is_slow else _N_CALLS),
        "posterior": ask.posterior(3 if is_slow else None),
        "rep": ask.percentages(),
        "physics": ask.physics(),
    }
