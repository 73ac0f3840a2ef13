"""Generative inverters x = h(y*, z): what densities, invertible networks and autoencoders share."""

from abc import abstractmethod
from copy import deepcopy

import numpy as np
import torch
from torch.utils.data import TensorDataset

from skinverse.base import BaseInverter
from skinverse.nets.activations import ACTIVATIONS
from skinverse.samplers import RandomSampler
from skinverse.training.net import make_net, one_pass, unattended
from skinverse.utils.chunks import chunks
from skinverse.utils.devices import resolve_device
from skinverse.utils.scaling import standard_units
from skinverse.utils.validation import LAYER_SIZES, HasMethods, Integral, Interval, Real, StrOptions
from skinverse.utils.warm_start import WarmStartMixin

# Values of draws decoded together.
_MAX_VALUES = 2**20
# Points of the cube keep this distance from its faces, where a normal latent would be infinite.
_EPS = 1e-12
# Rounds of draws, the first as many as asked for and each later one as many again, until enough lie in the space.
_MAX_ROUNDS = 20
# A target is given up once this many draws or more tell that not one in so many lies in the space: all rounds
# together would bring a tenth of its designs.
_HOPELESS = 200


class LatentInverter(WarmStartMixin, BaseInverter):
    r"""Base of inverters that turn points of a latent cube into designs for a response.

    A subclass says ``_make_module(x, condition, generator)``, a network built for the standardised
    table, and ``_make_criterion(seed)``, the loss: ``criterion(module(condition), x)``. The trained module has
    ``n_latents``, and ``_decode(condition, u)`` turns points of the unit cube into standardised designs.

    Draws are exchangeable. They are conditioned on the space by rejection: draws outside are replaced
    by new ones, up to twenty times the number asked for, unless 200 or more tell that not one in 200 lies inside.
    What is still missing then is moved to the nearest allowed design and flagged by `projected` in the info bunch,
    which also tells by `outside` which share of the draws for a target lay outside, and by `latent`
    (n_targets, n, n_latents) the point of the cube that each design was made of. Whole-number variables are rounded
    and fixed ones set to their value, which does not condition the others on it: refine such designs if the response
    matters.

    The latents are the same for every target of a call.
    """

    # Optimizer steps that `max_epochs=None` amounts to.
    _n_steps = 10_000

    _training_constraints = {
        "hidden_layer_sizes": LAYER_SIZES,
        "activation": [StrOptions(set(ACTIVATIONS))],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "sampler": [HasMethods("sample"), None],
        "space": "no_validation",
        "device": [str, torch.device],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    @abstractmethod
    def _make_module(self, x, condition, generator):
        """Network for standardised designs `x` (n, d) and responses `condition` (n, c), float64."""

    @abstractmethod
    def _make_criterion(self, seed):
        """Loss of ``module(condition)`` and `x`; `seed` governs what is random in it."""

    def _values_per_draw(self, d):
        """Numbers held at once for a draw of `d` variables."""
        return d

    def _decode(self, condition, u):
        """Standardised designs (n_targets, n, d) for points `u` (n, n_latents) of the unit cube."""
        return self.module_.decode(condition, u)

    def _fit(self, X, y, random_state):
        self._begin(X, y, random_state)
        self._train_on(X, y)

    def _go_on(self, X, y, random_state, partial):
        start = getattr(self, "module_", None)
        if start is None:
            self._begin(X, y, random_state)
        self._train_on(X, y, start=start, partial=partial)

    def _begin(self, X, y, random_state):
        """Settle what stays when training goes on later."""
        self._learnt_with, self._n_first, self._streams = self._lasting_params(), len(X), {}
        self._seed = int(random_state.randint(2**31 - 1))
        (self.x_mean_, self.x_scale_), (self.y_mean_, _) = standard_units(X), standard_units(y)

    def _train_on(self, X, y, **how):
        device = resolve_device(self.device)
        self._train(self._standardize(X).to(device), self._condition(y).to(device), self._seed, **how)
        self.module_.requires_grad_(False).eval()

    def _train(self, x, condition, seed, start=None, partial=False):
        """Set ``module_``, in double precision, ``net_`` and ``n_iter_``; `start` is a module to go on from."""
        module = self._first_module(start, x, condition, seed)
        criterion, warm = self._make_criterion(seed), start is not None
        self.net_ = self._train_net(module, criterion, condition, x, seed, warm=warm, partial=partial)
        # In double precision an answer does not depend on what else is in the batch.
        self.module_ = deepcopy(self.net_.module_).double()
        self._count([self.net_], partial and warm)

    def _count(self, nets, more):
        """Set ``n_iter_`` to the epochs of the net that took most, with `more` on top of those before."""
        self.n_iter_ = max(len(net.history) for net in nets) + (self.n_iter_ if more else 0)

    def _first_module(self, start, x, condition, seed):
        """The module that training begins with."""
        if start is None:
            return self._make_module(x, condition, torch.Generator().manual_seed(seed))
        return deepcopy(start).requires_grad_(True)

    def _train_net(
        self, module, criterion, inputs, outputs, seed, *, warm=False, partial=False, part=0, **settings
    ):
        """skorch net fitted to ``criterion(module(inputs), outputs)``, in single precision.

        With `warm` it goes on from the parameters of `module`. With `partial` it makes one pass over the rows, and is
        the `part`-th net to go on with later.
        """
        if partial:
            settings.update(streaming=True, batch_size=self.batch_size)
        else:
            settings.update(unattended(len(inputs), self.batch_size, self.max_epochs, self._n_steps))
            settings["n_first"] = self._n_first if warm else None
        net = make_net(
            module.float(),
            criterion,
            optimizer="adam",
            lr=self.lr,
            seed=seed,
            device=resolve_device(self.device),
            verbose=self.verbose,
            net_params=self.net_params,
            **settings,
        )
        outputs = outputs.float() if outputs.is_floating_point() else outputs
        rows = TensorDataset(inputs.float(), outputs)
        if not partial:
            self._streams = {}
            return net.fit(rows)
        # Where the pass fails the net is lost, and the next one begins with the module before it.
        self._streams[part] = one_pass(self._streams.pop(part, None), net, rows)
        return self._streams[part]

    def _tensor(self, array):
        # Where the network lies, which may be elsewhere than in fit: torch.load moves it by `map_location`.
        module = getattr(self, "module_", None)
        device = "cpu" if module is None else next(module.parameters()).device
        return torch.tensor(array, dtype=torch.float64, device=device)

    def _standardize(self, X):
        return self._tensor((X - self.x_mean_) / self.x_scale_)

    def _in_user_units(self, x):
        return self.x_mean_ + self.x_scale_ * x

    def _condition(self, y):
        return self._tensor((y - self.y_mean_) / self.y_scale_)

    def _inverse(self, targets, n, space, random_state):
        sampler = RandomSampler() if self.sampler is None else self.sampler
        seeds = random_state.randint(2**31 - 1, size=_MAX_ROUNDS)
        parts = [
            self._draw(targets[part], n, space, sampler, seeds)
            for part in chunks(
                len(targets),
                _MAX_VALUES // (n * self._values_per_draw(space.n_features)),
                unit="target",
                verbose=self.verbose,
            )
        ]
        X, *info = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return X, dict(zip(("projected", "outside", "latent"), info, strict=True))

    @torch.no_grad()
    def _draw(self, targets, n, space, sampler, seeds):
        """Designs (n_targets, n, d) in the space, which were moved there, the share of draws outside, and latents."""
        condition = self._condition(targets.lower)
        sought = np.arange(len(targets))  # targets that still miss designs and may get them
        X = np.empty((len(targets), n, space.n_features))
        latent = np.empty((len(targets), n, self.module_.n_latents))
        n_inside = np.zeros(len(targets), dtype=int)
        for k, seed in enumerate(seeds):
            u = sampler.sample(n, self.module_.n_latents, random_state=int(seed))
            x = self._decode(condition[sought], self._tensor(np.clip(u, _EPS, 1 - _EPS))).cpu().numpy()
            x, inside = self._in_space(self._in_user_units(x), space)
            # Those inside fill the next places in the order drawn; the first outside fill what may stay empty.
            place = n_inside[sought, None] + np.cumsum(inside, axis=1) - 1
            n_inside[sought] += inside.sum(axis=1)
            if k == 0:
                outside = 1 - inside.mean(axis=1)
                place = np.where(inside, place, n_inside[:, None] + np.cumsum(~inside, axis=1) - 1)
            row, column = np.nonzero((place < n) & (inside | (k == 0)))
            where = sought[row], place[row, column]
            X[where], latent[where] = x[row, column], u[column]
            drawn = (k + 1) * n
            hopeless = (drawn >= _HOPELESS) & (n_inside[sought] * _HOPELESS < drawn)
            sought = sought[(n_inside[sought] < n) & ~hopeless]
            if not len(sought):
                break
        moved = np.arange(n) >= n_inside[:, None]
        X[moved] = space.project(X[moved])
        return X, moved, outside, latent

    @staticmethod
    def _in_space(x, space):
        """Designs with whole-number and fixed variables set, and whether they lie in the space."""
        x[..., space.integer] = np.round(x[..., space.integer])
        pinned = space.width == 0
        x[..., pinned] = space.lower[pinned]
        return x, space.contains(x)
