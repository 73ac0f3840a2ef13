"""Settings like the published ones, as far as the papers and their code give them.

Each function takes a :class:`~skinverse.benchmark.methods.Setup` and returns an unfitted inverter.
"""

import numpy as np
import torch
from sklearn.preprocessing import FunctionTransformer

from skinverse.compose import TransformedDesignInverter
from skinverse.inverters import (
    CINNInverter,
    CVAEInverter,
    INNInverter,
    IPageInverter,
    MDNInverter,
    NeuralAdjoint,
    TandemInverter,
)
from skinverse.spaces import DesignSpace

# Hidden layers, learning rate, plateau factor and weight decay of forward networks; the metamaterial's end in
# convolutions, which are left out.
NA = {
    "ballistics": ((500,) * 3, 1e-2, 0.8, 5e-3),
    "sine": ((500,) * 4, 5e-4, 0.5, 5e-4),
    "arm": ((500,) * 4, 1e-3, 0.5, 2e-2),
    "metamaterial": ((1000,) * 4, 5e-4, 0.5, 2e-5),
}
# Units of the code's design variables where they are not ours.
_UNIT = {"ballistics": [1.0, 1.0, 1.0, 15.0], "metamaterial": [11.0] * 4 + [5.0] * 4}
# Boxes of the code where they are not the simulator's: up to 2.4 standard deviations of the prior for searches, the
# extremes of a sample for tandem networks.
_BALLISTICS, _ARM = [[-1.0, 1.0], [0.5, 2.5]], [[-0.6, 0.6], *[[-1.2, 1.2]] * 3]
_NA_BOX = {"ballistics": [*_BALLISTICS, [0.157, 1.413], [6.9, 23.4]], "arm": _ARM}
_TANDEM_BOX = {
    "ballistics": [*_BALLISTICS, [0.157, 1.256], [6.9, 21.9]],
    "arm": [[-0.87, 1.02], [-1.87, 1.83], [-1.92, 1.90], [-1.73, 2.05]],
}
_TANDEM = {
    "ballistics": (((500,) * 3, 1e-2, 0.5, 1e-3), (500,) * 5),
    "sine": (((500,) * 4, 1e-3, 0.5, 5e-4), (500,) * 4),
    "arm": (((300,) * 2, 1e-3, 0.5, 1e-4), (500,) * 3),
    "metamaterial": (((1000,) * 4, 1e-3, 0.5, 5e-4), (250,) * 4),
}
# Hidden layers, latents, weight of the divergence beside squared errors in raw units, weight decay.
_CVAE = {
    "ballistics": ((500,) * 7, 5, 0.01, 5e-3),
    "sine": ((500,) * 6, 3, 0.02, 5e-3),
    "arm": ((500,) * 7, 3, 1.0, 5e-3),
    "metamaterial": ((1000,) * 10, 30, 0.005, 5e-3),
}
# Blocks, latents, padding, noise of the response in its units.
_INN = {
    "ballistics": (6, 3, 0, 0.1),
    "sine": (4, 1, 2, 0.1),
    "arm": (5, 2, 0, 0.01),
    "metamaterial": (7, 3, 27, 0.1),
}
# Blocks, weight decay.
_CINN = {"ballistics": (6, 2e-5), "sine": (10, 2e-5), "arm": (6, 5e-3), "metamaterial": (14, 2e-5)}
# Components, hidden layers.
_MDN = {
    "ballistics": (7, (1000,) * 4),
    "sine": (13, (1000,) * 5),
    "arm": (4, (500,) * 7),
    "metamaterial": (4, (1000,) * 7),
}
# Blocks, width, epochs, batch, peak rate, rate of the localisation: table 5 of iPage's appendix. Its leaky ReLU is
# plain here.
IPAGE = {
    "sine": (4, 128, 1000, 1024, 1e-3, 1e-3),
    "arm": (6, 256, 500, 512, 1e-2, 5e-3),
    "ballistics": (6, 256, 500, 512, 1e-2, 5e-3),
    "crystal": (4, 64, 1000, 256, 1e-3, 1e-3),
    "architecture": (6, 512, 10_000, 1024, 1e-3, 1e-4),
}
_ADAM = {"optimizer": torch.optim.Adam}  # whose weight decay is a penalty
_TRAINING = {"activation": "relu", "max_epochs": 500, "batch_size": 1024, "lr": 1e-3}


def _box(s, boxes):
    """The box of the code, all variables continuous."""
    return DesignSpace(boxes.get(s.problem.task.name, s.problem.simulate.bounds))


def _unit(s):
    """The units of the design variables in the code, (n_features,)."""
    return np.array(_UNIT.get(s.problem.task.name, [1.0] * s.problem.X.shape[1]))


def _forward(s, widths, lr, factor, decay):
    settings = dict(lr=lr, factor=factor, weight_decay=decay)
    return s.published_surrogate(hidden_layer_sizes=widths, unit=_unit(s), **settings)


def na_published(*, starts=True, boundary=True):
    def make(s):
        task, space = s.problem.task.name, _box(s, _NA_BOX)
        edges = space.width / _unit(s)
        optimised_raw = task in ("arm", "ballistics")
        weight = 1.25 if task == "metamaterial" else 204.8
        return NeuralAdjoint.as_published(
            _forward(s, *NA[task]),
            lr=0.5 / edges if optimised_raw else 0.5,
            boundary_weight=weight * edges / np.var(s.problem.y, axis=0).mean() if boundary else 0.0,
            start="data" if optimised_raw and starts else "sampler",
            space=space,
            random_state=s.seed,
        )

    return make


def tandem_published(*, boundary=True):
    def make(s):
        forward, hidden = _TANDEM[s.problem.task.name]
        space = _box(s, _TANDEM_BOX)
        if not boundary:  # else designs outside would be moved back
            space = DesignSpace(space.bounds + space.width[:, None] * [-100, 100])
        return TandemInverter(
            _forward(s, *forward),
            boundary="penalty",
            boundary_weight=float(boundary),
            hidden_layer_sizes=hidden,
            net_params=_ADAM,
            space=space,
            random_state=s.seed,
            **_TRAINING,
        )

    return make


def _decay(value):
    return {"optimizer__weight_decay": value}


def cvae_published(s):
    hidden, n_latents, kl, decay = _CVAE[s.problem.task.name]
    # Squared errors without a factor of a half, and no noise on draws; summed over a batch, whose mean is ours.
    loss = dict(kl_weight=kl, kl_warmup=0.0, sigma=0.5**0.5 * _unit(s), noisy=False)
    training = dict(net_params=_ADAM | _decay(decay / _TRAINING["batch_size"]), **_TRAINING)
    settings = dict(hidden_layer_sizes=hidden, **loss, **training)
    return CVAEInverter(n_latents, space=s.space, random_state=s.seed, **settings)


def inn_published(s):
    n_blocks, n_latents, n_padding, noise = _INN[s.problem.task.name]
    return INNInverter(
        n_blocks=n_blocks,
        n_latents=n_latents,
        n_padding=n_padding,
        y_noise=noise / np.std(s.problem.y, axis=0).mean(),
        hidden_layer_sizes=(512, 512),
        net_params=_decay(5e-3),
        space=s.space,
        random_state=s.seed,
        **_TRAINING,
    )


def cinn_published(s):
    n_blocks, decay = _CINN[s.problem.task.name]
    settings = dict(n_blocks=n_blocks, hidden_layer_sizes=(512, 512), net_params=_decay(decay), **_TRAINING)
    return CINNInverter(space=s.space, random_state=s.seed, **settings)


def mdn_published(s):
    n_components, hidden = _MDN[s.problem.task.name]
    settings = dict(hidden_layer_sizes=hidden, net_params=_decay(1e-3), **_TRAINING)
    return MDNInverter(n_components, space=s.space, random_state=s.seed, **settings)


def ipage_published(s):
    n_blocks, width, epochs, batch, lr, localization = IPAGE[s.problem.task.name]
    return IPageInverter.as_published(
        n_blocks=n_blocks,
        hidden_layer_sizes=(width,) * 3,
        max_epochs=epochs,
        batch_size=batch,
        lr=lr,
        lr_localization=localization,
        space=s.space,
        random_state=s.seed,
    )


def dense_mdn(space, seed):
    return MDNInverter(
        40,
        covariance_type="diag",
        hidden_layer_sizes=(16,) * 4,
        activation="relu",
        dense=True,
        batch_size=128,
        space=space,
        random_state=seed,
    )


def gan_mdn(s):
    return TransformedDesignInverter(
        dense_mdn(None, s.seed), s.gan(), space=s.problem.space, random_state=s.seed
    )


def direct_mdn(s):
    # Draws of grey pixels are rounded; a box would turn nearly all of them down.
    wide = DesignSpace(np.tile([-10.0, 10.0], (s.problem.X.shape[1], 1)))
    return TransformedDesignInverter(
        dense_mdn(wide, s.seed), FunctionTransformer(), space=s.problem.space, random_state=s.seed
    )
