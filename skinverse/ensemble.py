"""EnsembleRegressor: base of surrogates that are networks, one or some alike."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from copy import deepcopy

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch.utils.data import TensorDataset

from skinverse.nets.ensemble import Ensemble
from skinverse.nets.standardized import Standardized
from skinverse.persistence import SaveMixin
from skinverse.training.batches import HoldOut
from skinverse.training.losses import CensoredSquaredError, SquaredError
from skinverse.training.net import lowest_loss, make_net, one_pass
from skinverse.utils.devices import resolve_device
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.floors import response_floor
from skinverse.utils.regressors import ForwardModelMixin
from skinverse.utils.scaling import location_and_scale
from skinverse.utils.threads import single_threaded
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import (
    Integral,
    Interval,
    Real,
    StrOptions,
    check_is_fitted,
    check_random_state,
    fit_context,
    validate_data,
)
from skinverse.utils.warm_start import WarmStartMixin, check_same_outputs

_MIN_ROWS_TO_HOLD_OUT = 10
_MIN_ROWS_TO_COMPARE = 1000  # fewer hold out too few rows to choose an optimizer by
_ACCURATE = 1e-3  # share of the held-out variance left unexplained, below which no other optimizer is tried
_CLEARLY_BETTER = 0.8  # times the held-out loss of the one before


class EnsembleRegressor(WarmStartMixin, ForwardModelMixin, SaveMixin, DocLinkMixin, BaseEstimator, ABC):
    """Base of surrogates whose members are networks, alike but for their initial parameters and held-out rows.

    A subclass names its network and the optimizers to try; it has the parameters listed here. Members work on
    standardised designs and responses, and speak the user's units.
    """

    _parameter_constraints = {
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "censored": [StrOptions({"auto"}), Real, "array-like", None],
        "device": [str, torch.device],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    @abstractmethod
    def _make_core(self, X, y, optimizer, generator):
        """Untrained network of standardised designs and responses."""

    @abstractmethod
    def _optimizers(self, X, y, *, partial):
        """Those to try, the first first: the next where one leaves much and there are rows to compare by.

        With `partial` the first passes over the table, to which more are to come.
        """

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Train the surrogate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.

        Returns
        -------
        self : regressor
        """
        anew = self._starts_anew(partial=False)
        X, y = self._check_table(X, y, anew)
        self.n_samples_fit_, self._streams = len(X), []
        self.response_floor_ = response_floor(y, self.censored)
        y = np.maximum(y, self.response_floor_)

        known = [] if anew else list(zip(self.nets_, self._members(), strict=True))
        members, interrupted = [], False
        if anew:
            self._begin(X)
            first, interrupted = self._fit_first_member(X, y)
            members.append(first)
        for k in range(len(members), self.n_members):
            if interrupted:
                break
            start = known[k][1] if k < len(known) else None
            members.append(self._fit_member(X, y, self._seeds[k], self.optimizer_, start))
            interrupted = members[-1][0].interrupted_
        members += known[len(members) :]  # an interrupt leaves them as they were
        if len(members) < self.n_members:
            warn_user(f"Interrupted, the ensemble has {len(members)} of {self.n_members} members.")
        self.held_out_ = np.zeros((len(members), len(X)), dtype=bool)
        fraction = self._held_out_share(len(X))
        for mask, seed in zip(self.held_out_, self._seeds, strict=False):
            mask[HoldOut(fraction, seed, self._n_first).rows(len(X))[1]] = True
        return self._finish(members)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y):
        """Make one pass over more rows, with what has been learnt as the start and nothing held out.

        The first call settles the scales, which stay: its rows should be a fair sample of all that will come, some
        hundred at least. The rate rises over 50 steps to `lr` and stays there; a pass has ten steps or more if that
        leaves four rows for each.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses, with as many outputs in every call.

        Returns
        -------
        self : regressor
        """
        anew = self._starts_anew(partial=True)
        X, y = self._check_table(X, y, anew)
        if anew:
            self.n_samples_fit_, self._streams = 0, []
            self.response_floor_ = response_floor(y, self.censored)
            self.optimizer_ = self._optimizers(X, y, partial=True)[0]
            self._begin(X)
            modules = [self._untrained(X, y, seed, self.optimizer_) for seed in self._seeds]
        else:
            modules = [deepcopy(member).requires_grad_(True) for member in self._members()]
        y = np.maximum(y, self.response_floor_)
        # Where a pass fails the nets are lost, and the next one begins with the modules before it.
        streams, self._streams, nets = self._streams or [None] * len(modules), [], []
        for net, module, seed in zip(streams, modules, self._seeds, strict=False):
            fresh = self._make_net(module, self.optimizer_, seed, streaming=True)
            with single_threaded() if self.optimizer_ == "lm" else nullcontext():
                nets.append(one_pass(net, fresh, self._as_tensors(module, X, y)))
            module.net = deepcopy(nets[-1].module_)
        self._streams = nets
        self.n_samples_fit_ += len(X)
        self.held_out_ = np.zeros((len(modules), self.n_samples_fit_), dtype=bool)
        return self._finish(list(zip(nets, modules, strict=True)), 0 if anew else self.n_iter_)

    def predict(self, X, return_std=False):
        """Responses at the designs `X`, and their standard deviation over the members if wanted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs.
        return_std : bool, default=False
            Also return the spread of the members, a measure of what the data leave open; needs
            ``n_members >= 2``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Shaped as the `y` of `fit`, and nowhere below ``response_floor_``.
        std : ndarray of the same shape
            Only with `return_std`.
        """
        check_is_fitted(self)
        if return_std and len(self.nets_) < 2:
            raise ValueError(
                f"return_std=True needs the spread of an ensemble, but this {type(self).__name__} has one member. "
                "Fit it with n_members=2 or more, and to the end."
            )
        return self._answers(X, return_std)

    def _mean_and_std(self, X, return_std):
        values = self._member_values(X)
        return values.mean(axis=0), values.std(axis=0, ddof=1) if return_std else 0

    @torch.inference_mode()
    def _member_values(self, X):
        """Response of each member, clipped at the floor, (n_members, n, n_outputs)."""
        x = torch.tensor(X, device=next(self.module_.parameters()).device)
        single = len(self.nets_) == 1
        values = self.module_(x).unsqueeze(0) if single else self.module_.member_values(x)
        return np.maximum(values.cpu().numpy(), self.response_floor_)

    def _check_table(self, X, y, anew):
        X, y = validate_data(
            self, X, y, dtype=np.float64, order="C", multi_output=True, y_numeric=True, reset=anew
        )
        ndim, y = y.ndim, y.reshape(len(y), -1).astype(np.float64)
        if anew:
            self._y_ndim, self.n_outputs_ = ndim, y.shape[1]
        else:
            check_same_outputs(y, ndim, self.n_outputs_, self._y_ndim)
            member = self._members()[0]
            _check_still_constant(X, member.x_mean, torch.isinf(member.x_scale), "X")
            _check_still_constant(y, member.y_mean, member.y_scale == 0, "y")
        return X, y

    def _begin(self, X):
        """Settle what stays when training goes on later."""
        self._learnt_with, self._n_first = self._lasting_params(), len(X)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=self.n_members)
        self._seeds = seeds.tolist()

    def _members(self):
        return list(self.module_.members) if isinstance(self.module_, Ensemble) else [self.module_]

    def _finish(self, members, n_iter=0):
        """Settle what was learnt, pairs of a skorch net and a module, after `n_iter` epochs before."""
        self.nets_, modules = map(list, zip(*members, strict=True))
        self.net_, self.history_ = self.nets_[0], self.nets_[0].history
        self.n_iter_ = n_iter + max(len(net.history) for net in self.nets_)
        self.module_ = modules[0] if len(modules) == 1 else Ensemble(modules)
        self.module_.requires_grad_(False).eval()
        return self

    def _fit_first_member(self, X, y):
        """A trained member, and whether training was interrupted; settles ``optimizer_``, by trial."""
        comparable = len(X) >= _MIN_ROWS_TO_COMPARE and self.validation_fraction > 0
        kept = None
        for optimizer in self._optimizers(X, y, partial=False):
            member = self._fit_member(X, y, self._seeds[0], optimizer)
            interrupted = member[0].interrupted_
            if kept is not None and lowest_loss(member[0]) >= _CLEARLY_BETTER * lowest_loss(kept[0]):
                break
            kept, self.optimizer_ = member, optimizer
            if interrupted or not comparable or lowest_loss(kept[0]) <= _ACCURATE:
                break
        return kept, interrupted

    def _input_scaling(self, X):
        """What is subtracted from designs, and what they are then divided by; infinity for what is constant."""
        mean, scale = location_and_scale(X)
        return mean, np.where(scale == 0, np.inf, scale)

    def _fit_member(self, X, y, seed, optimizer, start=None):
        """One trained skorch net, in standardised units, and the module in the user's units around it."""
        second_order = optimizer == "lm"
        if start is None:
            module = self._untrained(X, y, seed, optimizer)
        else:
            module = deepcopy(start).requires_grad_(True)
        fraction = self._held_out_share(len(X))
        max_epochs = self.max_epochs
        if max_epochs is None:
            n_batches = max(1, round(len(X) * (1 - fraction) / self.batch_size))
            max_epochs = 300 if second_order else int(np.clip(10_000 // n_batches, 20, 500))
        net = self._make_net(
            module,
            optimizer,
            seed,
            max_epochs=max_epochs,
            validation_fraction=fraction,
            patience=75 if second_order else None,
            n_first=None if start is None else self._n_first,
        )
        # A step multiplies matrices of a few hundred rows, over which threads wait longer than they work.
        with single_threaded() if second_order else nullcontext():
            net.fit(self._as_tensors(module, X, y))
        return net, module

    def _held_out_share(self, n_samples):
        return self.validation_fraction if n_samples >= _MIN_ROWS_TO_HOLD_OUT else 0

    def _untrained(self, X, y, seed, optimizer):
        """A member in the user's units before training."""
        core = self._make_core(X, y, optimizer, torch.Generator().manual_seed(seed))
        core.to(torch.float64 if optimizer == "lm" else torch.float32)
        # A constant output is multiplied by zero.
        return Standardized(core, *self._input_scaling(X), *location_and_scale(y))

    def _make_net(self, module, optimizer, seed, **settings):
        """skorch net around the core of a member."""
        device = resolve_device(self.device)
        module.to(device)
        floor = (self.response_floor_ - module.y_mean.cpu().numpy()) / _divisor(module).cpu().numpy()
        censored = np.isfinite(floor).any()
        criterion = (
            CensoredSquaredError(torch.as_tensor(floor, dtype=module.dtype)) if censored else SquaredError()
        )
        return make_net(
            module.net,
            criterion,
            optimizer=optimizer,
            lr=self.lr,
            batch_size=self.batch_size,
            seed=seed,
            device=device,
            verbose=self.verbose,
            net_params=self.net_params,
            **settings,
        )

    @staticmethod
    def _as_tensors(module, X, y):
        """Rows in the standardised units of a member, on its device."""
        device = module.y_mean.device
        x_tensor = module.standardize(torch.tensor(X, device=device))
        y_tensor = (torch.tensor(y, device=device) - module.y_mean) / _divisor(module)
        return TensorDataset(x_tensor, y_tensor.to(module.dtype))


def _check_still_constant(a, value, constant, name):
    """Raise ValueError if a column that is taken as constant differs from its value."""
    value, constant = value.cpu().numpy(), constant.cpu().numpy()
    varies = constant & (np.abs(a - value).max(axis=0) > 1e-9 * np.abs(value))
    if varies.any():
        column = int(np.flatnonzero(varies)[0])
        raise ValueError(
            f"Column {column} of {name} was {value[column]:g} in all rows that training began with, and is not now: "
            "the network takes it as constant. Begin anew with a fair sample of all rows, by fit with "
            "warm_start=False or by partial_fit of a clone."
        )


def _divisor(module):
    """Scale of the responses of a `Standardized` module, one where a response is constant."""
    return torch.where(module.y_scale == 0, 1.0, module.y_scale)
