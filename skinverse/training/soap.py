"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner."""

import torch


class SOAP(torch.optim.Optimizer):
    r"""Adam run in a slowly turning eigenbasis of the gradient's covariances [1]_.

    For a weight matrix with gradient :math:`G`, running means of :math:`G G^\top` and :math:`G^\top G` are
    kept; their eigenvectors :math:`Q_L, Q_R` are refreshed every `precondition_frequency` steps by one
    power iteration and a QR factorisation; Adam's update is computed on :math:`Q_L^\top G Q_R` and
    turned back. Vectors (biases) take plain Adam steps. On smooth regression a step costs two to three
    times one of Adam and ends far lower.

    The first step only fills the covariances. The first moment is kept in the eigenbasis and turned with it.

    Parameters
    ----------
    params : iterable of Parameter
        Vectors and matrices.
    lr : float, default=3e-3
        Learning rate.
    betas : (float, float), default=(0.95, 0.95)
        Decay of Adam's two moments; the second one also is that of the covariances.
    weight_decay : float, default=0
        Decoupled weight decay, as a share of `lr`.
    precondition_frequency : int, default=10
        Steps between two refreshments of the eigenbasis.
    max_precondition_dim : int, default=1024
        Sides longer than this are left unrotated.
    eps : float, default=1e-8

    References
    ----------
    .. [1] N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", 2024.
       https://arxiv.org/abs/2409.11321
    """

    def __init__(
        self,
        params,
        lr=3e-3,
        betas=(0.95, 0.95),
        weight_decay=0.0,
        precondition_frequency=10,
        max_precondition_dim=1024,
        eps=1e-8,
    ):
        super().__init__(
            params,
            dict(
                lr=lr,
                betas=betas,
                weight_decay=weight_decay,
                precondition_frequency=precondition_frequency,
                max_precondition_dim=max_precondition_dim,
                eps=eps,
            ),
        )

    @torch.no_grad()
    def step(self, closure=None):
        """One step; `closure`, where given, recomputes the loss and the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, group)
        return loss

    def _update(self, p, gradient, group):
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(p), torch.zeros_like(p)
            state["covariances"] = [
                (1 - beta2) * side @ side.T if 1 < len(side) <= group["max_precondition_dim"] else None
                for side in _sides(gradient)
            ]
            # eigh refuses NaN with an obscure error; the loss will tell.
            state["bases"] = [
                None if c is None else torch.linalg.eigh(c.nan_to_num())[1].flip(1)
                for c in state["covariances"]
            ]
            return
        state["step"] += 1
        t, mean, square, bases = state["step"], state["mean"], state["square"], state["bases"]

        rotated = _rotate(gradient, bases)
        mean.lerp_(rotated, 1 - beta1)
        square.mul_(beta2).addcmul_(rotated, rotated, value=1 - beta2)
        rate = group["lr"] * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        if group["weight_decay"]:
            p.mul_(1 - group["lr"] * group["weight_decay"])
        p.sub_(_rotate_back(mean / square.sqrt().add_(group["eps"]), bases), alpha=rate)

        for covariance, side in zip(state["covariances"], _sides(gradient), strict=True):
            if covariance is not None:
                covariance.addmm_(side, side.T, beta=beta2, alpha=1 - beta2)
        if t % group["precondition_frequency"] == 0:
            self._refresh(state)

    @staticmethod
    def _refresh(state):
        """One power iteration on each basis, its vectors ordered by eigenvalue, and the moments along with it."""
        for axis, (covariance, basis) in enumerate(zip(state["covariances"], state["bases"], strict=True)):
            if covariance is None:
                continue
            power = covariance @ basis
            order = (basis * power).sum(dim=0).argsort(descending=True)
            new = torch.linalg.qr(power[:, order])[0]
            turn = new.T @ basis
            state["mean"] = turn @ state["mean"] if axis == 0 else state["mean"] @ turn.T
            state["square"] = state["square"].index_select(axis, order)
            state["bases"][axis] = new


def _sides(gradient):
    """The gradient as seen from each axis that gets a basis: none for a vector, two for a matrix."""
    return (gradient, gradient.T) if gradient.ndim == 2 else ()


def _rotate(gradient, bases):
    if gradient.ndim == 2:
        left, right = bases
        gradient = gradient if left is None else left.T @ gradient
        gradient = gradient if right is None else gradient @ right
    return gradient


def _rotate_back(update, bases):
    if update.ndim == 2:
        left, right = bases
        update = update if left is None else left @ update
        update = update if right is None else update @ right.T
    return update
