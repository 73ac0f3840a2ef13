"""A fitted inverter asked and judged: what of it goes into a row."""

import time

import numpy as np

from skinverse.benchmark.problems import TARGETS
from skinverse.metrics import mode_recall, novelty, posterior_mmd, resimulation_error, spacing

# Designs of which novelty is asked, variables from which on spacing is asked of some rows only, and of how many.
_MAX_NOVEL, _MANY, _SOME = 20_000, 32, 200
_N_MODES = (25, 50, 100, 200)  # designs in a call of which the branches are counted
_N_REP = 30


class Clock:
    """Wall and processor seconds of a with-block."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


class Asker:
    """A fitted inverter before its judge."""

    def __init__(self, inverter, problem, most, seed):
        self.inverter, self.problem, self.most, self.seed = inverter, problem, most, seed

    def ask(self, targets, n, seed=None):
        """Designs, as many as there can be, and the clock."""
        seed = self.seed if seed is None else seed
        with Clock() as clock:
            X = self.inverter.inverse(targets, int(min(n, self.most)), random_state=seed)
        return X, clock

    def judge(self, X, targets):
        judge = self.problem.judge if hasattr(self.problem.simulate, "predict") else None
        return resimulation_error(X, targets, self.problem.simulate, judge=judge)

    def many_targets(self, max_targets):
        """r_T and all that is told of designs for many targets."""
        targets = self.problem.targets[:max_targets]
        X, clock = self.ask(targets, self.problem.task.n_designs)
        judged = self.judge(X, targets)
        curve = judged.r_curve()
        T = np.unique(np.geomspace(1, X.shape[1], 25).round().astype(int))
        error = judged.error[np.isfinite(judged.error)]
        return {
            "n_targets": len(targets),
            "n_designs": X.shape[1],
            "inverse_wall": clock.wall,
            "inverse_cpu": clock.cpu,
            "judge_wall": judged.seconds,
            "failure_rate": judged.failure_rate,
            "r": {
                "T": T,
                "mean": curve.mean[T - 1],
                **{f"q{int(100 * q)}": curve.quantile(q)[T - 1] for q in (0.25, 0.5, 0.75, 0.95)},
            },
            "error": _summary(error),
            **self._novelty(X),
        }

    def _novelty(self, X):
        """Distances to the nearest row, in median distances between neighbouring rows."""
        rows = self.problem.X
        if rows.shape[1] > _MANY and len(rows) > 2 * _SOME:
            unit = float(np.median(novelty(rows[:_SOME], rows[_SOME:])))
        else:
            unit = spacing(rows)
        some = X[:, : max(1, _MAX_NOVEL // len(X))] if rows.shape[1] <= _MANY else X[:, :2]
        distance = novelty(some, rows) / (unit or 1.0)
        return {"novelty_first": float(np.median(distance[:, 0])), "novelty": float(np.median(distance))}

    def one_target(self):
        """Many designs for one target."""
        y_star = self.problem.y_star
        X, clock = self.ask(y_star, self.problem.task.n_single)
        judged = self.judge(X, y_star)
        n = X.shape[1]
        return {
            "y_star": y_star[0],
            "n": n,
            "failure_rate": judged.failure_rate,
            "wall_1000": 1000 * clock.wall / n,
            "cpu_1000": 1000 * clock.cpu / n,
            **_summary(judged.error[np.isfinite(judged.error)]),
        }

    def modes(self, n_calls):
        """Share of the solution branches that few designs reach, of each number of designs asked for alone."""
        if self.problem.branches is None:
            return None
        points, labels, radius = self.problem.branches
        n_branches = len(np.unique(labels))
        answer = {"n": [], "n_calls": n_calls, "n_branches": n_branches, "recall": [], "all": []}
        for n in dict.fromkeys(int(min(n, self.most)) for n in _N_MODES):
            runs = np.concatenate([self.ask(self.problem.y_star, n, k)[0] for k in range(n_calls)])
            recall = mode_recall(runs, points, labels, radius=radius)
            answer["n"].append(n)
            answer["recall"].append(recall.mean())
            answer["all"].append(np.mean(recall == 1))
        return answer

    def posterior(self, n_targets):
        """Distance of draws to the true posterior; each target is asked alone."""
        few, reference = self.problem.few, self.problem.reference
        if few is None:
            return None
        few, reference = few[:n_targets], reference[:n_targets]
        n = reference.shape[1]
        draws = np.concatenate([self.ask(few[k : k + 1], n, k)[0] for k in range(len(few))])
        scale = self.problem.X.std(axis=0)
        scores = {
            name: posterior_mmd(draws, reference, scale=scale, biased=biased).mean()
            for name, biased in (("mmd2", False), ("mmd2_biased", True))
        }
        half = n // 2
        floor = posterior_mmd(reference[:, :half], reference[:, half:], scale=scale).mean()
        return {"n_targets": len(few), "n": draws.shape[1], **scores, "floor": floor}

    def percentages(self):
        """Residual error percentage of thirty designs, for each target of the papers' tables."""
        answers = {}
        for published, y_star in self.problem.rep.items():
            X, clock = self.ask(np.array([y_star]), _N_REP)
            response = np.asarray(self.problem.simulate(X[0])).ravel()
            worked = response[np.isfinite(response)]
            rep = 100 * np.abs(worked - y_star) / y_star
            answers[str(published)] = {
                "y_star": y_star,
                "n": len(rep),
                "n_failed": len(response) - len(rep),
                "seconds": clock.wall,
                "min": rep.min(initial=np.inf),
                **_summary(rep),
            }
        return answers or None

    def physics(self, n_targets=10, n=5):
        """Targets and verdicts of the simulator behind the judge."""
        simulate = self.problem.physics
        if simulate is None:
            return None
        targets = simulate(simulate.sample_prior(n_targets, random_state=TARGETS + self.seed))
        X, _ = self.ask(targets, n)
        curve = resimulation_error(X, targets, simulate).r_curve()
        return {"n_targets": n_targets, "n": X.shape[1], "r_1": curve.mean[0], f"r_{n}": curve.mean[-1]}


def _summary(values):
    if not len(values):
        return {}
    q25, median, q75, q95 = np.quantile(values, [0.25, 0.5, 0.75, 0.95])
    return {
        "mean": values.mean(),
        "sd": values.std(),
        "q25": q25,
        "median": median,
        "q75": q75,
        "q95": q95,
        "max": values.max(),
    }
