import numpy as np
import pytest
import torch
from linear_gaussian import two_branches
from numpy.testing import assert_allclose
from torch.utils.data import TensorDataset

from skinverse import IPageInverter, LHSSampler
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.simulators import RoboticArm, SineWave
from skinverse.training.batches import HoldOut

SMALL = {"hidden_layer_sizes": (64, 64), "max_epochs": 60, "random_state": 0}
COUPLINGS = {"n_blocks": 4, "hidden_layer_sizes": (32,), "lr": 3e-3, "random_state": 0}


@pytest.fixture(scope="module")
def sine_table():
    return make_sine_wave(3000, random_state=0)


def rings(designs):
    """Which of the nine solution rings of y* = 1.2 each design lies on."""
    column = np.round((designs[:, 0] + 0.5) * 1.5)  # centres -1/2, 1/6, 5/6
    row = np.round((designs[:, 1] + 2 / 3) * 1.5)  # -2/3, 0, 2/3
    return 3 * column + row


@pytest.mark.parametrize(
    ("settings", "loses_branches"),
    [
        ({"network": "autoregressive", **SMALL}, False),
        ({"network": "affine", "forward_model": "network", "max_epochs": 60, **COUPLINGS}, False),
        # The published training gives a branch up now and then, as its discrepancies come in late.
        ({"training": "bidirectional", "forward_model": "network", "max_epochs": 60, **COUPLINGS}, True),
    ],
    ids=["autoregressive", "likelihood", "bidirectional"],
)
def test_branches_are_found_and_localised(settings, loses_branches):
    X, y = two_branches(2000)
    inverter = IPageInverter(**settings).fit(X, y)
    designs, info = inverter.inverse([0.25, 0.64], 50, return_info=True)
    for of_target, root in zip(designs[..., 0], (0.5, 0.8), strict=True):
        assert loses_branches or 0.2 < (of_target > 0).mean() < 0.8
        assert np.median(np.abs(np.abs(of_target) - root)) < 0.03
    # Localisation makes small moves.
    assert np.median(np.abs(designs - info.proposal)) < 0.1
    assert info.converged.all()


def test_latents_are_a_maximin_hypercube_that_became_the_proposals(sine_table, exact_sine):
    X, y = sine_table
    inverter = IPageInverter(forward_model=exact_sine, n_proposals=25, **SMALL).fit(X, y)
    designs, info = inverter.inverse([1.2, -0.3], 25, return_info=True)
    assert info.latent.shape == (2, 25, 2)
    for latents in info.latent:  # none was redrawn or lay outside: the box is the flow's own
        assert_allclose(np.sort(latents, axis=0), np.tile((np.arange(25)[:, None] + 0.5) / 25, 2))
        gaps = np.linalg.norm(latents[:, None] - latents, axis=2)
        assert gaps[np.triu_indices(25, 1)].min() > 0.19
    network = inverter.inverter_
    with torch.no_grad():
        for target, latents, proposals in zip([1.2, -0.3], info.latent, info.proposal, strict=True):
            condition = torch.tensor([[(target - y.mean()) / y.std()]])
            x = network.module_(condition).decode(torch.tensor(latents))[0].numpy()
            assert_allclose(X.mean(axis=0) + X.std(axis=0) * x, proposals, atol=1e-9)
    assert np.abs(SineWave()(designs.reshape(-1, 2)).reshape(2, 25) - [[1.2], [-0.3]]).max() < 2e-5


def test_all_nine_rings(sine_table, exact_sine):
    X, y = sine_table
    inverter = IPageInverter(forward_model=exact_sine, **SMALL).fit(X, y)
    diverse = IPageInverter(forward_model=exact_sine, select="diverse", **SMALL).fit(X, y)
    plain, few = [], []
    for seed in range(10):
        designs = inverter.set_params(n_proposals=25).inverse(1.2, 25, random_state=seed)[0]
        plain.append(len(np.unique(rings(designs))))
        few.append(len(np.unique(rings(diverse.inverse(1.2, 9, random_state=seed)[0]))))
    assert min(few) == 9
    assert np.mean(plain) > 8.5


def test_both_elbows_of_the_arm(exact_arm):
    X, y = make_robotic_arm(3000, random_state=0)
    inverter = IPageInverter(forward_model=exact_arm, select="diverse", **SMALL).fit(X, y)
    designs = inverter.inverse([[1.5, 0.3], [1.7, -0.2]], 20)
    assert np.abs(RoboticArm()(designs.reshape(-1, 4)).reshape(2, 20, 2)[0] - [1.5, 0.3]).max() < 2e-5
    bend = designs[..., 2] - 2 * designs[..., 1]  # the second joint's angle relative to the first arm
    assert ((bend > 0.2).sum(axis=1) > 2).all()
    assert ((bend < -0.2).sum(axis=1) > 2).all()


def test_the_forward_half_has_the_weights_of_least_held_out_misfit(sine_table):
    X, y = sine_table
    inverter = IPageInverter(
        training="bidirectional", forward_model="network", max_epochs=30, **COUPLINGS
    ).fit(X, y)
    network = inverter.inverter_
    losses = network.net_.history[:, "valid_loss"]
    assert np.argmin(losses) < len(losses) - 1  # the misfit is given up at the end
    split = network.net_.train_split
    assert isinstance(split, HoldOut)
    held_out = split(TensorDataset(torch.tensor(X), torch.tensor(y)))[1]
    X_out, y_out = (t.numpy() for t in held_out.tensors)
    here = ((network.predict(X_out) - y_out) ** 2).mean() / y.var()
    # The validation loss has noise on the padding.
    assert here == pytest.approx(min(losses), rel=0.5)
    assert inverter.forward_model_.predict(X_out) == pytest.approx(network.predict(X_out))
    # What draws is the last network, still a bijection.
    net = network.module_
    x = torch.tensor(X[:50])
    padding = torch.zeros(50, net.width - 2, dtype=torch.float64)
    *parts, _ = net.encode(x, padding)
    back, _ = net.flow.decode(torch.cat(parts, dim=1))
    assert_allclose(back, torch.cat([x, padding], dim=1), atol=1e-9)


def test_settings_that_contradict_each_other():
    X, y = make_sine_wave(50, random_state=0)
    with pytest.raises(ValueError, match="network='affine' or 'spline'"):
        IPageInverter("autoregressive", training="bidirectional").fit(X, y)
    with pytest.raises(ValueError, match="forward half"):
        IPageInverter(forward_model="network").fit(X, y)
    for peaks in ((1, 2), (1, "2", 3), (1, -2, 3), (1, np.inf, 3)):
        with pytest.raises(ValueError, match="peak_weights must be three finite"):
            IPageInverter(training="bidirectional", peak_weights=peaks).fit(X, y)
    with pytest.raises(ValueError, match="one value for every output"):
        IPageInverter(max_epochs=2).fit(X, np.column_stack([y, y])).inverse([[1.0, np.nan]])


def test_as_published_is_the_paper():
    inverter = IPageInverter.as_published(max_epochs=7)
    assert (inverter.network, inverter.training, inverter.forward_model) == (
        "affine",
        "bidirectional",
        "network",
    )
    assert inverter.max_epochs == 7
    assert inverter.sampler.criterion == "maximin"
    assert inverter.solver.max_iter == 300


def test_networks_by_the_number_of_variables():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(100, 20))
    quick = {"max_epochs": 2, "hidden_layer_sizes": (8,), "random_state": 0}
    many = IPageInverter(**quick).fit(X, X.sum(axis=1))
    few = IPageInverter(sampler=LHSSampler(), **quick).fit(X[:, :3], X[:, :3].sum(axis=1))
    assert type(many.inverter_).__name__ == "INNInverter"
    assert type(few.inverter_).__name__ == "AutoregressiveInverter"
    assert few.inverter_.sampler.criterion is None
