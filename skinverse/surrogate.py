"""ForwardRegressor: a differentiable surrogate of the forward operator, X -> y."""

import numpy as np

from skinverse.ensemble import EnsembleRegressor
from skinverse.nets.activations import ACTIVATIONS
from skinverse.nets.mlp import MLP
from skinverse.utils.validation import LAYER_SIZES, Integral, Interval, Real, StrOptions, layer_sizes

_MAX_SECOND_ORDER_WORK = 1e10  # rows * outputs * parameters**2: about 0.2 s a step on one core


class ForwardRegressor(EnsembleRegressor):
    r"""Smooth neural surrogate of a forward operator, trained to high accuracy on few rows.

    Two recipes, of which "auto" picks one: a small tanh network trained by Levenberg-Marquardt in double
    precision, which on smooth, noise-free responses is orders of magnitude more accurate than gradient
    descent at the same cost; and a wide SiLU network trained by SOAP [1]_, for rough responses, many
    rows or many outputs. Designs and responses are standardised inside; both are always in your units.

    Parameters
    ----------
    hidden_layer_sizes : "auto" or int or array-like of int, default="auto"
        Width of each hidden layer. "auto" is (w, w) for Levenberg-Marquardt, with w from 4 to 16 as the square
        root of a quarter of the rows (wider ones were slower and less accurate in the tails), and
        (128, 128, 128) for the others.
    activation : {"auto", "tanh", "silu", "gelu", "softplus", "sin", "relu"}, default="auto"
        "auto" is tanh for Levenberg-Marquardt, else silu: smooth ones, as localisation wants. "sin" assumes
        a periodic response.
    optimizer : {"auto", "lm", "soap", "adam"}, default="auto"
        "auto" trains by "lm" where that is affordable (at most 4 outputs, and rows x outputs x
        parameters² <= 1e10). If, on 1,000 rows or more, it leaves over 0.1 % of the held-out variance
        unexplained, "soap" is trained as well, and is kept if its held-out loss is lower by a fifth: kinks and
        fine structure want more than the small network has, noise does not. After "soap" it is "adam"'s turn, which
        overfits less where design variables are many.
    n_members : int, default=1
        Networks in the ensemble, alike but for their initial parameters and held-out rows. Two or more give
        ``predict(X, return_std=True)``.
    max_epochs : int, optional
        Passes over the rows, at most; one is one step for "lm". None is 300 for "lm", and for the others as many as
        make 10,000 steps, between 20 and 500.
    lr : float, optional
        Peak learning rate of "soap" (None: 3e-3) or "adam" (None: 1e-3), falling to zero as a cosine;
        "lm" controls its own steps.
    batch_size : int, default=256
        Rows a step of "soap" and "adam".
    validation_fraction : float, default=0.1
        Share of the rows held out (from 10 rows on) to keep the best parameters by, and to choose the
        optimizer. 0 trains on all rows to the end.
    censored : {"auto"}, float, array-like of shape (n_outputs,) or None, default="auto"
        Floor at which a response is cut off, as a band gap is at 0. A row at the floor says that the latent response is
        not above it, no more: only a prediction above the floor counts as an error there. `predict` is
        clipped at the floor; ``module_`` gives the latent response, whose gradient does not vanish.
        "auto" takes the lowest value of an output as its floor when at least 5 % of the rows (and
        three) have it exactly, three times as many as have a usual value. None, or -inf for one output, is never.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, optional
        Passed to the `skorch.NeuralNet` last, for instance ``{"optimizer__weight_decay": 0.1}``.
    random_state : int, RandomState instance or None, default=None
        Determines the initial parameters, the held-out rows and the order of the batches.
    verbose : int, default=0
        1 shows a bar of the epochs on standard error, 2 leaves it there.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of an earlier one, and keeps scales, optimizer and seeds. Rows added
        at the end of the table leave the others held out or not, as they were; and what it ends with is never worse
        on the held-out rows than what it began with.

    Attributes
    ----------
    module_ : torch.nn.Module
        Designs (n, n_features) to responses (n, n_outputs), float64, in your units, with ``value_and_jacobian``.
        `Standardized`, or an `Ensemble` of them whose ``member_values`` gives each member's response.
    net_, nets_ : skorch.NeuralNet, list of them
        The trained network of the first member, and of all, in standardised units.
    history_ : skorch.history.History
        Losses of the first member, epoch by epoch.
    optimizer_ : {"lm", "soap", "adam"}
        The one used.
    response_floor_ : ndarray of shape (n_outputs,)
        Floor of each response, -inf where there is none.
    held_out_ : ndarray of bool of shape (n_members, n_samples)
        Rows of the table that a member was not trained on, but judged by.
    n_iter_ : int
        Epochs of the member that took most, and passes of `partial_fit` since.
    n_samples_fit_ : int
        Rows of the table, or given to `partial_fit` so far.
    n_features_in_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if the columns of `X` have names.

    Notes
    -----
    A column of `X` or `y` that is constant in `fit` is taken as such: it changes nothing, or is returned.

    In `partial_fit` ``optimizer="auto"`` is "soap". After a `fit` that took "lm", or with ``optimizer="lm"``, a pass is
    one Levenberg-Marquardt step on the rows given, which have to outnumber the parameters or the step suits them alone:
    give old rows along with the new ones.

    Ctrl-C ends `fit`, not the program: the best parameters so far are kept, members of an ensemble that have not
    begun are left out, and a warning tells. In the first epoch of a network, when there is nothing to keep, it
    interrupts as usual.

    References
    ----------
    .. [1] N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", 2024.
       https://arxiv.org/abs/2409.11321

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.surrogate import ForwardRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    >>> y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
    >>> surrogate = ForwardRegressor(n_members=2, max_epochs=60, random_state=0).fit(X, y)
    >>> surrogate.score(X, y) > 0.9999
    True
    >>> mean, std = surrogate.predict(X[:5], return_std=True)
    >>> mean.shape, std.shape
    ((5,), (5,))
    """

    _parameter_constraints = {
        **EnsembleRegressor._parameter_constraints,
        "hidden_layer_sizes": [StrOptions({"auto"}), *LAYER_SIZES],
        "activation": [StrOptions({"auto", *ACTIVATIONS})],
        "optimizer": [StrOptions({"auto", "lm", "soap", "adam"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        activation="auto",
        *,
        optimizer="auto",
        n_members=1,
        max_epochs=None,
        lr=None,
        batch_size=256,
        validation_fraction=0.1,
        censored="auto",
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
        warm_start=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.n_members = n_members
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.censored = censored
        self.device = device
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _make_core(self, X, y, optimizer, generator):
        hidden, activation = self._architecture(len(X), optimizer)
        return MLP(X.shape[1], y.shape[1], hidden, activation, generator=generator)

    def _optimizers(self, X, y, *, partial):
        if self.optimizer != "auto":
            return (self.optimizer,)
        affordable = not partial and self._second_order_is_affordable(X, y)
        return ("lm", "soap", "adam") if affordable else ("soap", "adam")

    def _architecture(self, n_samples, optimizer):
        """Hidden widths and activation."""
        hidden, activation = self.hidden_layer_sizes, self.activation
        if isinstance(hidden, str):
            width = int(np.clip(np.sqrt(n_samples / 4), 4, 16))
            hidden = (width, width) if optimizer == "lm" else (128, 128, 128)
        else:
            hidden = layer_sizes(hidden)
        if activation == "auto":
            activation = "tanh" if optimizer == "lm" else "silu"
        return hidden, activation

    def _second_order_is_affordable(self, X, y):
        hidden, _ = self._architecture(len(X), "lm")
        widths = np.array([X.shape[1], *hidden, y.shape[1]], dtype=float)
        n_parameters = (widths[1:] * (widths[:-1] + 1)).sum()
        return y.shape[1] <= 4 and y.size * n_parameters**2 <= _MAX_SECOND_ORDER_WORK
