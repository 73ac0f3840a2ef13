"""A forward model anchored to the table it was fitted to, and how far off it may be."""

from functools import cached_property

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from skinverse.nets.jacobian import value_and_jacobian
from skinverse.solvers.base import device_of
from skinverse.solvers.residuals import ResidualInterpolator
from skinverse.utils.chunks import chunks

# Designs put through the forward model at once.
_MAX_DESIGNS = 2**15
# Entries of the training rows' Jacobians that are kept rather than computed at each call.
_MAX_KEPT = 2**22
# Design variables up to which errors are interpolated: beyond, rows are too far apart. Nor are they for designs farther
# from any row than so many spacings.
_MAX_INTERPOLATED_DIMS, _NEAR_ROWS = 12, 3
# Residuals of neighbouring rows correlate at least so much if they are smooth error, less where rows are so far apart
# that the response itself changes by so many standard deviations. It tells something where it is so many times what
# chance brings.
_SMOOTH, _APART, _TELLS = 0.5, 0.15, 1.5
# A model that tells the noise of the rows is anchored to them up to so much of it, in standard deviations.
_LITTLE_NOISE = 0.005
# Pairs of neighbouring rows from which the growth of the error is learnt.
_N_PAIRS = 1000
# Rows at which rounding is looked at.
_N_ROUNDED = 100
# Expected errors below so many squares of what rounding does are alike.
_ALIKE = 100.0
# Share of the errors at rows held out that count: one row far in the tail would tell by luck.
_USUAL = 0.99


class AnchoredModel:
    """A fitted forward model, the rows it is anchored to, and how far off it may be.

    Parameters
    ----------
    forward_model : fitted regressor with a torch module `module_`
        In the user's units. If the module has ``member_values`` its members are opinions on the response.
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_outputs)
        The training table.
    space : DesignSpace
    y_scale : ndarray of shape (n_outputs,)
        Units in which errors of different outputs are compared.
    anchor : {"auto"} or bool
        Whether the model is corrected by the error it makes at the training rows. Candidates that start from a row
        follow ``f(x) + y_row - f(x_row)``. With at most twelve design variables, and no response at a floor, the
        designs that are returned follow ``f(x) + c(x)``: *c* interpolates the error between the rows around a
        design, wherever it lies. "auto" decides by the noise that the model has found, its `noise_`, or if it tells
        none by whether the residuals of neighbouring rows correlate: the error of a smooth model does, noise does not.
        The farther apart rows are the less of it is asked for, and where nothing tells the two apart rows are trusted:
        if they are noisy, answers then have the noise of a row, as those of a lookup have, and if they are exact a
        model without anchor would lose to the lookup.

    Attributes
    ----------
    anchored : bool
    response, correction : ndarray of shape (n_samples, n_outputs)
        What the model answers to the rows, and what it lacks there.
    is_anchor : ndarray of bool of shape (n_samples,)
        Rows that candidates are anchored to: where the model is, those with no response at a floor.
    interpolator : ResidualInterpolator or None
    precision : float
        Error of the module's answers by rounding, in units of `y_scale`.
    alike : float
        Expected squared errors below it differ by rounding.
    """

    def __init__(self, forward_model, X, y, space, *, y_scale, anchor):
        self.module = forward_model.module_
        self.floor = getattr(forward_model, "response_floor_", np.full(y.shape[1], -np.inf))
        self.X, self.y, self.y_scale = X, y, y_scale
        self.to_unit = space.to_unit
        self.response = self._ask(self.module, X)
        self.precision, self.alike = self._rounding()
        self.correction = y - self.response
        # At the floor the response is known, the latent value under it is not: such a row corrects nothing.
        at_floor = y <= self.floor
        self.correction[at_floor] = 0
        residual = self.correction / y_scale
        self.training_error = (residual**2).mean(axis=0)
        unit = space.to_unit(X)
        distance, neighbour = (a[:, 0] for a in NearestNeighbors(n_neighbors=1).fit(unit).kneighbors())
        self.spacing = float(np.median(distance))
        noise = getattr(forward_model, "noise_", None)
        if anchor != "auto":
            self.anchored = anchor
        elif noise is not None:
            self.anchored = bool((noise <= _LITTLE_NOISE * y_scale).all())
        else:
            self.anchored = self._may_be_exact(residual, distance, neighbour)
        self.is_anchor = self.anchored & ~at_floor.any(axis=1)
        self.interpolator = None
        self.growth, self.doubt = None, 1.0
        if self.anchored:
            errors = y - self._members(X)
            if X.shape[1] <= _MAX_INTERPOLATED_DIMS and not np.isfinite(self.floor).any():
                self.interpolator = ResidualInterpolator(unit, errors)
            self.growth = self._growth(distance, neighbour)
            held_out = getattr(forward_model, "held_out_", None)
            if held_out is not None and held_out.shape[1] == len(X):
                self.doubt = self._doubt(held_out, errors, unit, space.width)

    def _rounding(self):
        """What the next number does to the answer, and to the opinions on it; at least the step of the module's."""
        dtypes = {p.dtype for p in self.module.parameters() if p.dtype.is_floating_point}
        step = max((torch.finfo(dtype).eps for dtype in dtypes), default=np.finfo(float).eps)
        here, there = self.X[:_N_ROUNDED], np.nextafter(self.X[:_N_ROUNDED], np.inf)
        answer = self._ask(self.module, there) - self.response[:_N_ROUNDED]
        answer, opinions = (
            max(step, float(np.abs(change / self.y_scale).max()))
            for change in (answer, self._members(there) - self._members(here))
        )
        return answer, _ALIKE * opinions**2

    def _may_be_exact(self, residual, distance, neighbour):
        """Whether residuals (n, m) of neighbouring rows go along, or rows are too far apart to tell.

        The closest pairs tell best; where they are too few, all are asked.
        """
        order = np.argsort(distance)
        for rows in (order[: max(2, len(order) // 10)], order):
            here, there = residual[rows], residual[neighbour[rows]]
            change = (self.response[rows] - self.response[neighbour[rows]]) / self.y_scale
            expected, by_chance = _SMOOTH * np.exp(-np.mean(change**2) / _APART**2), 1 / np.sqrt(len(rows))
            if expected > _TELLS * by_chance:
                agreement = (here * there).sum() / max(0.5 * (here**2 + there**2).sum(), 1e-300)
                return bool(agreement >= expected - by_chance)
        return True

    def _growth(self, distance, neighbour):
        """Variance of opinions over squared distances to a row, (n_outputs,), halfway between neighbouring rows."""
        rows = np.unique(np.linspace(0, len(self.X) - 1, min(len(self.X), _N_PAIRS)).astype(int))
        halfway = (self.X[rows] + self.X[neighbour[rows]]) / 2
        opinions = self._members(halfway)
        if self.interpolator is not None:
            opinions = opinions + self.interpolator.opinions(self.to_unit(halfway))[0]
        else:
            opinions -= self._members(self.X[rows])
        squares = ((opinions - opinions.mean(axis=0)) ** 2).sum(axis=(0, 1))
        return squares / max(len(opinions) - 1, 1) / max((distance[rows] ** 2).sum() / 4, 1e-300)

    def _doubt(self, held_out, residuals, unit, width):
        """How many times larger than expected errors are at rows that a member was not trained on, at least once.

        Members that learnt from few rows are wrong alike, and then too much at one. The errors at such rows, corrected
        by those of other rows, are compared with what is expected as far from rows in directions of chance.

        Parameters
        ----------
        held_out : ndarray of bool of shape (n_members, n_samples)
        residuals : ndarray of shape (n_members, n_samples, n_outputs)
            What the members lack at the rows.
        unit : ndarray of shape (n_samples, n_features)
            The rows in the unit box.
        width : ndarray of shape (n_features,)
            Edges of the box.
        """
        errors, steps, starts = [], [], []
        for residual, unseen in zip(residuals, held_out, strict=True):
            rows, others = (np.flatnonzero(mask & self.is_anchor) for mask in (unseen, ~unseen))
            rows = rows[:_N_PAIRS]
            if len(rows) and len(others):
                nearby = NearestNeighbors(n_neighbors=1).fit(unit[others])
                step, nearest = (a[:, 0] for a in nearby.kneighbors(unit[rows]))
                known = residual[others[nearest]]
                if self.interpolator is not None:
                    known = ResidualInterpolator(unit[others], residual[None, others], keep=False)(unit[rows])
                errors.append((residual[rows] - known) / self.y_scale)
                steps.append(step)
                starts.append(rows)
        if not errors:
            return 1.0
        errors, row, step = (np.concatenate(parts) for parts in (errors, starts, steps))
        squares = np.sort((errors**2).mean(axis=1))[: max(1, int(_USUAL * len(errors)))]
        way = np.random.RandomState(0).standard_normal(unit[row].shape)
        way *= (step / np.linalg.norm(way, axis=1))[:, None]
        there = unit[row] + way
        there = np.clip(np.where((there >= 0) & (there <= 1), there, unit[row] - way), 0, 1)
        X = self.X[row] + (there - unit[row]) * width
        expected = self.variance(X, self.X[row], row, self.interpolates(X)).mean()
        return max(1.0, float(squares.mean() / expected)) if expected > 0 else 1.0

    @torch.no_grad()
    def _ask(self, function, X, axis=0):
        """A function of the module's on designs, as an array that has them along `axis`."""
        device = device_of(self.module)
        parts = (
            torch.tensor(X[part], dtype=torch.float64, device=device) for part in chunks(len(X), _MAX_DESIGNS)
        )
        return np.concatenate([function(x).cpu().numpy() for x in parts], axis=axis)

    def _members(self, X):
        """Answers (n_members, n, n_outputs) of the module's members, or of itself alone."""
        function = getattr(self.module, "member_values", lambda x: self.module(x).unsqueeze(0))
        return self._ask(function, X, axis=1)

    @cached_property
    def jacobian(self):
        """The module's Jacobians at the training designs, computed when first wanted; None if they are many."""
        if self.X.size * self.y.shape[1] > _MAX_KEPT:
            return None
        return self._ask(lambda x: value_and_jacobian(self.module, x)[1], self.X)

    def interpolates(self, X):
        """Whether designs are so near to a row that the model's error is interpolated there."""
        if self.interpolator is None:
            return np.zeros(len(X), dtype=bool)
        return self.interpolator.tree.query(self.to_unit(X))[0] <= _NEAR_ROWS * self.spacing

    def interpolated(self, X):
        """Responses to designs with the model's error interpolated between the rows, and the variance of those."""
        response, variance = np.empty((2, len(X), self.y.shape[1]))
        for part in chunks(len(X), _MAX_DESIGNS):
            answers = self._members(X[part])
            errors, distance = self.interpolator.opinions(self.to_unit(X[part]))
            # By the nearest row's interpolant, also where those of several are the opinions of a single model.
            response[part] = answers.mean(axis=0) + errors[: len(answers)].mean(axis=0)
            variance[part] = self._variance(answers + errors, distance)
        return response, variance

    def variance(self, X, starts, row, near):
        """Squared error to expect of candidates, in units of `y_scale`.

        Parameters
        ----------
        X, starts : ndarray of shape (n, n_features)
            Candidates, and where they come from.
        row : ndarray of int of shape (n,)
            The row that a candidate starts from and is anchored to, -1 for none.
        near : ndarray of bool of shape (n,)
            What :meth:`interpolates` says of the candidates.

        Returns
        -------
        variance : ndarray of shape (n, n_outputs)
        """
        out = np.empty((len(X), self.y.shape[1]))
        if near.any():
            out[near] = self.interpolated(X[near])[1]
        far = np.flatnonzero(~near)
        for part in chunks(len(far), _MAX_DESIGNS):
            k = far[part]
            out[k] = self._far_variance(X[k], starts[k], row[k])
        return out

    def _far_variance(self, X, starts, row):
        """The same where the error is not interpolated."""
        unit, anchored = self.to_unit(X), row >= 0
        moved = np.linalg.norm(unit - self.to_unit(starts), axis=1)
        opinions = self._members(X)
        if len(opinions) == 1:
            # The training error, of which anchoring leaves the less the nearer the row is.
            share = np.where(anchored, np.minimum(1, moved / max(self.spacing, 1e-300)) ** 2, 1.0)
            return share[:, None] * self.training_error
        if anchored.any():  # members then disagree only about the way from the row
            opinions[:, anchored] -= self._members(self.X[row[anchored]])
        if self.interpolator is not None:
            return self._variance(opinions, self.interpolator.tree.query(unit)[0])
        return self._variance(opinions, np.where(anchored, moved, self.spacing))

    def _variance(self, opinions, distance):
        """Variance of opinions on responses at a distance from the rows, in units of `y_scale`.

        A few of them agree here and there by chance, and the best of many candidates would be one of which they do. So
        one more squared deviation counts where the model is anchored: what they have in the mean so far from a row.
        """
        squares = ((opinions - opinions.mean(axis=0)) ** 2).sum(axis=0)
        if self.growth is None:
            return squares / (len(opinions) - 1) / self.y_scale**2
        return (squares + self.growth * distance[:, None] ** 2) / len(opinions) / self.y_scale**2
