"""Levenberg-Marquardt training with geodesic acceleration, as an optimizer and a skorch net."""

import torch
from scipy.linalg import blas, lapack
from skorch.callbacks import Callback
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skinverse.training.interruption import EndOfTraining, InterruptibleNet


class LeastSquares:
    """Mean squared residual of a net over fixed data, with the derivatives that Levenberg-Marquardt wants.

    Parameters
    ----------
    module : Module
        Has ``value_and_parameter_jacobian``.
    criterion : SquaredError
        Gives the residuals.
    X, y : Tensor of shape (n, d), (n, m)
    chunk_size : int, default=2000
        Rows whose Jacobian, (chunk_size, m, n_parameters), is held at a time.
    total : callable, default=None
        Sum of a number or tensor over all who hold a share of the rows; None if these are all rows.
    """

    def __init__(self, module, criterion, X, y, chunk_size=2000, total=None):
        self.module, self.criterion = module, criterion
        self.chunks = list(zip(X.split(chunk_size), y.split(chunk_size), strict=True))
        self.total = (lambda values: values) if total is None else total
        self.n_residuals = float(self.total(y.numel()))

    @torch.no_grad()
    def residuals(self) -> list[Tensor]:
        """Residuals of each chunk at the present parameters."""
        return [self.criterion.residuals(self.module(X), y) for X, y in self.chunks]

    def loss(self) -> float:
        """Mean squared residual at the present parameters."""
        return float(self.total(sum(r.square().sum() for r in self.residuals()))) / self.n_residuals

    @torch.no_grad()
    def normal_equations(self) -> tuple[float, Tensor, Tensor]:
        """Loss, J'J / n (p, p), one triangle of it, and J'r / n (p,), of the n residuals r and their Jacobian J."""
        squares, hessian, gradient = 0.0, None, 0.0
        for X, y in self.chunks:
            value, jacobian = self.module.value_and_parameter_jacobian(X)
            r = self.criterion.residuals(value, y).flatten()
            jacobian = jacobian.flatten(0, 1)
            active = self.criterion.active(value, y)
            if active is not None:
                r, jacobian = r[active.flatten()], jacobian[active.flatten()]
            squares += float(r @ r)
            gradient = gradient + r @ jacobian
            hessian = _add_gram(hessian, jacobian)
        squares, hessian, gradient = float(self.total(squares)), self.total(hessian), self.total(gradient)
        return squares / self.n_residuals, hessian / self.n_residuals, gradient / self.n_residuals

    def pull_back(self, cotangents) -> Tensor:
        """J'c / n (p,) for one cotangent a residual, in chunks."""
        parameters = list(self.module.parameters())
        pulled = 0.0
        for (X, y), c in zip(self.chunks, cotangents, strict=True):
            with torch.enable_grad():
                r = self.criterion.residuals(self.module(X), y)
                gradients = torch.autograd.grad(r, parameters, c)
            pulled = pulled + parameters_to_vector(gradients)
        return self.total(pulled) / self.n_residuals


def _add_gram(gram, jacobian):
    """``gram + jacobian.T @ jacobian``; on a CPU one triangle by BLAS syrk, which is half the work."""
    if jacobian.is_cuda:
        product = jacobian.T @ jacobian
        return product if gram is None else gram.add_(product)
    # The transpose of a row-major array is the column-major one that BLAS wants: nothing is copied.
    a = jacobian.numpy().T
    if gram is None:
        return torch.from_numpy(blas.dsyrk(1.0, a).T)
    blas.dsyrk(1.0, a, beta=1.0, c=gram.numpy().T, overwrite_c=True)
    return gram


def _factorize(hessian, damping):
    """Function solving ``(hessian + damping * I) x = b``, or None where that matrix is not positive definite."""
    a = hessian.clone()
    a.diagonal().add_(damping)
    if a.is_cuda:
        factor, info = torch.linalg.cholesky_ex(a)
        return None if info else lambda b: torch.cholesky_solve(b.unsqueeze(1), factor).squeeze(1)
    factor, info = lapack.dpotrf(a.numpy().T, lower=0, overwrite_a=True, clean=False)
    return None if info else lambda b: torch.from_numpy(lapack.dpotrs(factor, b.numpy(), lower=0)[0])


class LevenbergMarquardt(torch.optim.Optimizer):
    r"""Damped Gauss-Newton steps for a sum of squares, in double precision [1]_ [2]_.

    With residuals :math:`r`, their Jacobian :math:`J` and :math:`H = J^\top J`, a step is
    :math:`v + a / 2`, where

    .. math:: (H + \lambda I)\, v = -J^\top r, \qquad (H + \lambda I)\, a = -J^\top \partial_v^2 r .

    The acceleration :math:`a` bends the step along the curved valley of the loss; the second derivative
    along :math:`v` costs two evaluations of the residuals and one backward sweep, a tenth of :math:`H`, and
    on small tanh nets the same loss is reached at least twice as soon. The damping :math:`\lambda` follows
    the ratio of actual to predicted gain [3]_; all values tried in one step share the same :math:`H`.

    Parameters
    ----------
    params : iterable of Parameter
        In one group.
    lr : float, default=1
        Length of the step; 1 takes it whole.
    damping : float, default=1e-2
        First :math:`\lambda`, in units of the mean squared residual's curvature.
    max_tries : int, default=10
        Dampings tried in a step; when none lowers the loss, ``param_groups[0]["stalled"]`` is set.
    max_bend : float, default=0.75
        Largest :math:`|a| / |v|` at which the acceleration is believed.

    References
    ----------
    .. [1] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.
       https://doi.org/10.1137/0111030
    .. [2] M. K. Transtrum, J. P. Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear
       least-squares minimization", 2012. https://arxiv.org/abs/1201.5885
    .. [3] H. B. Nielsen, "Damping parameter in Marquardt's method", IMM-REP-1999-05, 1999.
    """

    def __init__(self, params, lr=1.0, *, damping=1e-2, max_tries=10, max_bend=0.75):
        super().__init__(params, dict(lr=lr, damping=damping, max_tries=max_tries, max_bend=max_bend))
        self.param_groups[0].update(growth=2.0, stalled=False)

    @torch.no_grad()
    def step(self, problem):
        """One step on a `LeastSquares` problem; returns the loss after it."""
        parameters = self.param_groups[0]["params"]
        start = parameters_to_vector(parameters)
        try:
            return self._step_from(start, problem)
        except KeyboardInterrupt:  # while another place was being tried
            vector_to_parameters(start, parameters)
            raise

    def _step_from(self, start, problem):
        (group,) = self.param_groups
        parameters = group["params"]
        loss, hessian, gradient = problem.normal_equations()
        for _ in range(group["max_tries"]):
            solve = _factorize(hessian, group["damping"])
            if solve is not None:
                velocity = -solve(gradient)
                move = velocity + self._half_acceleration(problem, start, velocity, solve)
                vector_to_parameters(start + group["lr"] * move, parameters)
                new_loss = problem.loss()
                if new_loss < loss:
                    predicted = float(velocity @ (group["damping"] * velocity - gradient))
                    gain = (loss - new_loss) / predicted
                    group["damping"] *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                    group.update(growth=2.0, stalled=False)
                    return new_loss
            group["damping"] *= group["growth"]
            group["growth"] *= 2
        vector_to_parameters(start, parameters)
        group.update(growth=2.0, stalled=True)
        return loss

    def _half_acceleration(self, problem, start, velocity, solve, h=0.1):
        """Half the acceleration along `velocity`, by second differences of width `h`; 0 where it is too large."""
        (group,) = self.param_groups
        at = {}
        for side in (-h, h, 0.0):
            vector_to_parameters(start + side * velocity, group["params"])
            at[side] = problem.residuals()
        bends = [(r1 - 2 * r0 + r2) / h**2 for r1, r0, r2 in zip(at[h], at[0.0], at[-h], strict=True)]
        acceleration = -solve(problem.pull_back(bends))
        return 0.5 * acceleration if acceleration.norm() <= group["max_bend"] * velocity.norm() else 0.0


class SecondOrderNet(InterruptibleNet):
    """skorch net whose optimizer takes one full-batch least-squares step an epoch.

    The first `warm_up` share of the epochs sees `warm_up_rows` rows for each parameter only: while the
    net is far from the data, a part of them points the way as well as all. The split into training and
    validation rows has shuffled them.
    """

    def __init__(self, *args, warm_up=0.25, warm_up_rows=5, **kwargs):
        super().__init__(*args, **kwargs)
        self.warm_up = warm_up
        self.warm_up_rows = warm_up_rows

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        self.n_warm_epochs_ = round(self.warm_up * self.max_epochs)

    @property
    def warming_up(self):
        """Whether the present epoch sees a part of the rows only."""
        return len(self.history) <= self.n_warm_epochs_

    def train_step(self, batch, **fit_params):
        X, y = batch
        if self.optimizer_.param_groups[0]["stalled"]:
            self.n_warm_epochs_ = min(self.n_warm_epochs_, len(self.history) - 1)
        if self.warming_up:
            n_rows = self.warm_up_rows * sum(p.numel() for p in self.module_.parameters())
            X, y = X[:n_rows], y[:n_rows]
        loss = self.optimizer_.step(self._least_squares(X, y))
        return {"loss": torch.as_tensor(loss), "y_pred": None}

    def _least_squares(self, X, y):
        return LeastSquares(self.module_, self.criterion_, X, y)


class StopOnStall(Callback):
    """Ends training when no damping lowers the loss, or when it fell by less than `tol` over `window` epochs."""

    def __init__(self, tol=1e-2, window=20):
        self.tol, self.window = tol, window

    def on_epoch_end(self, net, **kwargs):
        if net.warming_up:
            return
        losses = net.history[net.n_warm_epochs_ :, "train_loss"][-self.window :]
        slow = len(losses) == self.window and losses[-1] > (1 - self.tol) * losses[0]
        if net.optimizer_.param_groups[0]["stalled"] or slow:
            raise EndOfTraining
