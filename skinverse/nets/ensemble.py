"""Several networks of one function: their mean, their spread, their Jacobians."""

import torch
from torch import Tensor, nn

from skinverse.nets.jacobian import value_and_jacobian


class Ensemble(nn.Module):
    """Mean of `members`, each of which maps (n, d) to (n, m)."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        return self.member_values(x).mean(dim=0)

    def member_values(self, x: Tensor) -> Tensor:
        """Output of each member, (n_members, n, m)."""
        return torch.stack([member(x) for member in self.members])

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean output (n, m) and its derivatives (n, m, d)."""
        values, jacobians = zip(*(value_and_jacobian(member, x) for member in self.members), strict=True)
        return torch.stack(values).mean(dim=0), torch.stack(jacobians).mean(dim=0)
