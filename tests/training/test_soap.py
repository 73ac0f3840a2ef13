"""SOAP: its algebra, and that it beats Adam where it should."""

import pytest
import torch

from skinverse.training.soap import SOAP


def quadratic(optimizer_class, n_steps, **kwargs):
    """Loss after `n_steps` on an ill-conditioned matrix quadratic."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator))[0]
    scale = turn @ torch.diag(torch.logspace(0, -3, 8)) @ turn.T
    target = torch.randn(8, 5, generator=generator)
    p = torch.nn.Parameter(torch.zeros(8, 5))
    optimizer = optimizer_class([p], **kwargs)
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = kwargs["lr"] * (1 - step / n_steps)
        optimizer.zero_grad()
        loss = ((scale @ (p - target)) ** 2).sum()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_beats_adam_on_a_turned_quadratic():
    assert quadratic(SOAP, 500, lr=0.03) < 0.1 * quadratic(torch.optim.Adam, 500, lr=0.03)


def test_takes_the_steps_of_a_peer():
    peer = pytest.importorskip("pytorch_optimizer").SOAP
    generator = torch.Generator().manual_seed(0)
    start, target = torch.randn(2, 5, 5, generator=generator, dtype=torch.float64)
    ends = []
    for optimizer_class in (SOAP, peer):
        p = torch.nn.Parameter(start.clone())
        optimizer = optimizer_class([p], lr=0.01, weight_decay=0.0)
        for _ in range(35):
            optimizer.zero_grad()
            ((p - target) ** 4).sum().backward()
            optimizer.step()
        ends.append(p.detach())
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-4)
    assert (ends[0] - start).norm() > 0.1


def test_vectors_take_adam_steps():
    gradients = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    p, q = (torch.nn.Parameter(torch.zeros(6)) for _ in range(2))
    soap, adam = SOAP([p], lr=0.01, betas=(0.9, 0.99)), torch.optim.Adam([q], lr=0.01, betas=(0.9, 0.99))
    p.grad = gradients[0]
    soap.step()  # the first step fills the covariances only
    for g in gradients:
        p.grad, q.grad = g, g
        soap.step()
        adam.step()
    torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)


def test_bases_stay_orthogonal_and_find_the_eigenvectors():
    generator = torch.Generator().manual_seed(0)
    left = torch.diag(torch.tensor([3.0, 1.0, 0.1]))
    p = torch.nn.Parameter(torch.zeros(3, 4))
    optimizer = SOAP([p], lr=1e-4)
    for _ in range(400):
        p.grad = left @ torch.randn(3, 4, generator=generator)
        optimizer.step()
    basis = optimizer.state[p]["bases"][0]
    torch.testing.assert_close(basis.T @ basis, torch.eye(3), rtol=1e-4, atol=1e-5)
    assert basis.abs().diagonal().min() > 0.9


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (3, 40)])
def test_thin_and_wide_matrices(shape):
    p = torch.nn.Parameter(torch.ones(shape))
    optimizer = SOAP([p], lr=0.1, max_precondition_dim=10, weight_decay=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        (p**2).sum().backward()
        optimizer.step()
    assert p.abs().max() < 0.2
