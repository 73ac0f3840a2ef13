"""Where to simulate next: the largest expected improvement of a misfit, by Gaussian processes of the responses."""

import warnings

import numpy as np

from skinverse.utils.chunks import chunks
from skinverse.utils.threads import single_threaded

# Outputs that get a Gaussian process each; more are represented by as many principal components.
_MAX_PROCESSES = 8
# Draws of the responses over which the improvement is averaged, and values worked on at once.
_N_DRAWS, _MAX_VALUES = 128, 2**24
# Where the improvement is looked at: over the space, and about the best designs.
_N_WIDE, _N_NEAR = 512, 256
# Places from which it is climbed, and steps; steps of a fit, which begins where the last one ended.
_N_CLIMBS, _N_STEPS, _N_FIT_STEPS = 6, 20, 100
# Variance of the noise relative to that of the response: the least, and its law beforehand, logarithmic normal, so
# that few responses are not taken for noise.
_MIN_NOISE, _NOISE_PRIOR = 1e-8, (-8.0, 3.0)


class ExpectedImprovement:
    r"""Proposes the design whose simulation is expected to lessen a misfit most; needs BoTorch.

    Independent Gaussian processes :math:`f` model the responses, and the logarithm [1]_ of the composite [2]_
    improvement :math:`\mathbb E[\max(0, b - d(f(x), y^*))]` is averaged over draws of them. Where simulations have
    failed, one more process models success, and the improvement is weighted by its probability.

    Parameters
    ----------
    target : Targets
        One target, in units in which the outputs can be compared.
    box : DesignSpace
        Becomes the unit cube of the processes: about as wide as the designs they see.

    References
    ----------
    .. [1] S. Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization", NeurIPS 2023.
       https://arxiv.org/abs/2310.20708
    .. [2] R. Astudillo and P. Frazier, "Bayesian optimization of composite functions", ICML 2019.
       https://arxiv.org/abs/1906.01537
    """

    def __init__(self, target, box):
        self.target, self.box = target, box
        self._parameters = {}  # of the processes fitted last

    def propose(self, X, y, avoid, threshold, best, space, random_state):
        """The design of `space` to simulate next.

        Parameters
        ----------
        X : ndarray of shape (n_trials, d)
            Designs tried so far.
        y : ndarray of shape (n_trials, m)
            Their responses in the units of the target, NaN where the simulation failed.
        avoid : ndarray of bool of shape (n_trials,)
            Designs whose like are not wanted again, beside those that failed.
        threshold : float
            The misfit to be improved on.
        best : ndarray of shape (n_best, d)
            Designs in whose neighbourhood to look, beside the whole space.
        space : DesignSpace
        random_state : RandomState

        Returns
        -------
        x : ndarray of shape (d,), or None if all designs have been tried
        """
        starts = np.concatenate(
            [space.sample(_N_WIDE, random_state=random_state), _neighbours(best, space, random_state)]
        )
        starts = starts[~_among(starts, X)]
        answered = np.isfinite(y).all(axis=1)
        if not len(starts):
            return None
        if not answered.any():
            return starts[0]
        # Fits and climbs that end early are no news; BoTorch overrides filters, so warnings are caught.
        with warnings.catch_warnings(record=True), single_threaded():
            seed = random_state.randint(2**31 - 1)
            gain = self._log_improvement(X, y, answered, answered & ~avoid, threshold, seed)
            places = self._climb(gain, starts, space)
        return places[np.argmin(_among(places, X))]

    def _log_improvement(self, X, y, answered, success, threshold, seed):
        """Function of designs in the unit cube, a tensor (n, 1, d), to tensor (n,)."""
        import torch
        from botorch.acquisition import qLogExpectedImprovement
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.models import ModelListGP
        from botorch.sampling import SobolQMCNormalSampler

        wanted = self.target.wanted[0]
        lower, upper = (torch.tensor(limit[0, wanted]) for limit in (self.target.lower, self.target.upper))
        y = y[answered][:, wanted]
        mean, basis = y.mean(axis=0), _basis(y)
        model = self._process("response", X[answered], (y - mean) @ basis.T)
        constraints = None
        if not success.all():
            model = ModelListGP(model, self._process("success", X, success[:, None].astype(np.float64)))
            constraints = [lambda draws: 0.5 - draws[..., -1]]
        mean, basis = torch.tensor(mean), torch.tensor(basis)

        def objective(draws, X=None):
            response = draws[..., : len(basis)] @ basis + mean
            return -((response - response.clamp(lower, upper)) ** 2).mean(dim=-1)

        return qLogExpectedImprovement(
            model,
            best_f=-threshold,
            sampler=SobolQMCNormalSampler(torch.Size([_N_DRAWS]), seed=seed),
            objective=GenericMCObjective(objective),
            constraints=constraints,
        )

    def _process(self, name, X, y):
        """Fitted Gaussian process of the columns of `y`, each with parameters of its own."""
        import torch
        from botorch.exceptions import ModelFittingError
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
        from gpytorch.constraints import GreaterThan
        from gpytorch.likelihoods import GaussianLikelihood
        from gpytorch.mlls import ExactMarginalLogLikelihood
        from gpytorch.priors import LogNormalPrior

        batch = torch.Size([y.shape[1]] if y.shape[1] > 1 else [])
        prior = LogNormalPrior(*_NOISE_PRIOR)
        noise = GreaterThan(_MIN_NOISE, transform=None, initial_value=np.exp(_NOISE_PRIOR[0]))
        model = SingleTaskGP(
            torch.tensor(self.box.to_unit(X)),
            torch.tensor(y),
            likelihood=GaussianLikelihood(noise_prior=prior, noise_constraint=noise, batch_shape=batch),
            covar_module=get_covar_module_with_dim_scaled_prior(X.shape[1], batch, use_rbf_kernel=False),
        )
        kept = self._parameters.get(name, {})
        if all(kept[key].shape == parameter.shape for key, parameter in model.named_parameters() if kept):
            model.load_state_dict(kept, strict=False)
        try:
            fit_gpytorch_mll(
                ExactMarginalLogLikelihood(model.likelihood, model),
                max_attempts=1,  # further ones draw from torch's global generator
                optimizer_kwargs={"options": {"maxiter": _N_FIT_STEPS}},
            )
        except ModelFittingError:
            pass  # the parameters it began with will do
        model.eval()
        self._parameters[name] = {key: value.detach().clone() for key, value in model.named_parameters()}
        return model

    def _climb(self, gain, starts, space):
        """Designs to which the best `starts` climb, then these themselves, of most gain first in either group."""
        import torch
        from botorch.generation import gen_candidates_scipy

        unit = torch.tensor(self.box.to_unit(starts))[:, None]
        size = _MAX_VALUES // (_N_DRAWS * len(self.target.lower[0]))
        with torch.no_grad():
            value = torch.cat([gain(unit[part]) for part in chunks(len(unit), size)])
        top = value.argsort(descending=True, stable=True)[:_N_CLIMBS]
        lower, upper = torch.tensor(self.box.to_unit(space.bounds.T))
        still = torch.tensor(space.integer | (space.width == 0))  # no gradient, no motion
        climbed, value = gen_candidates_scipy(
            unit[top].clamp(lower, upper),
            lambda u: gain(torch.where(still, u.detach(), u)),
            lower_bounds=lower,
            upper_bounds=upper,
            options={"maxiter": _N_STEPS},
        )
        width = np.where(self.box.width > 0, self.box.width, 1.0)
        climbed = climbed[value.argsort(descending=True, stable=True), 0].detach().numpy()
        return np.concatenate([space.project(self.box.lower + width * climbed), starts[top]])


def _neighbours(best, space, random_state):
    """Designs about the best ones, at distances of many orders."""
    around = best[random_state.randint(len(best), size=_N_NEAR)]
    distance = 10 ** random_state.uniform(-3, -0.5, size=(_N_NEAR, 1))
    return space.project(around + distance * space.width * random_state.standard_normal(around.shape))


def _among(X, others):
    """Which rows of `X` are rows of `others`."""
    X, others = X + 0.0, others + 0.0  # -0 is 0
    tried = {x.tobytes() for x in others}
    return np.array([x.tobytes() in tried for x in X], dtype=bool)


def _basis(y):
    """Rows that span the responses (n, m): the outputs themselves, or where they are many the principal components."""
    if y.shape[1] <= _MAX_PROCESSES:
        return np.eye(y.shape[1])
    return np.linalg.svd(y - y.mean(axis=0), full_matrices=False)[2][:_MAX_PROCESSES]
