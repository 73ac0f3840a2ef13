"""Multi-layer perceptron with its input and parameter Jacobians, batched over samples."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from skinverse.nets.activations import ACTIVATIONS

# Values of one layer's output that stay in a core's cache beside those of the other layers.
_CACHED_VALUES = 2**16


class MLP(nn.Module):
    r"""Fully connected network :math:`\mathbb R^d \to \mathbb R^m`.

    Beside ``forward`` it computes two Jacobians by hand: with respect to the inputs, which is what the
    localisation of designs needs, and with respect to the parameters, one row a sample and output,
    which is what second-order training needs. Both reuse the forward pass and build no graph.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Widths d and m.
    hidden_layer_sizes : tuple of int, default=(128, 128, 128)
        Width of each hidden layer; empty for a linear map.
    activation : {"tanh", "silu", "gelu", "softplus", "sin", "relu"}, default="silu"
        Smooth ones give the localisation a continuous Jacobian. "sin" represents periodic maps
        exactly and is a prior on the function, not a general choice.
    generator : torch.Generator, optional
        Draws the initial parameters; None leaves them to torch's global one.
    """

    def __init__(
        self, n_inputs, n_outputs, hidden_layer_sizes=(128, 128, 128), activation="silu", *, generator=None
    ):
        super().__init__()
        self.n_inputs, self.n_outputs = n_inputs, n_outputs
        self.activation = activation
        widths = [n_inputs, *hidden_layer_sizes, n_outputs]
        # skip_init: Linear would draw its parameters from torch's global generator.
        self.layers = nn.ModuleList(nn.utils.skip_init(nn.Linear, i, o) for i, o in pairwise(widths))
        self.reset_parameters(generator)

    def reset_parameters(self, generator=None):
        """Draw new parameters from `generator`: LeCun-uniform weights, biases uniform in +-1/sqrt(width)."""
        with torch.no_grad():
            for layer in self.layers:
                fan_in = layer.in_features
                layer.weight.uniform_(-math.sqrt(3 / fan_in), math.sqrt(3 / fan_in), generator=generator)
                layer.bias.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        value = ACTIVATIONS[self.activation].value
        *hidden, last = self.layers  # slicing a ModuleList would build a new one
        for layer in hidden:
            x = value(layer(x))
        return last(x)

    def _forward_with_slopes(self, x):
        value_and_slope = ACTIVATIONS[self.activation].value_and_slope
        *inner, last = self.layers
        hidden, slopes = [x], []
        for layer in inner:
            h, slope = value_and_slope(layer(hidden[-1]))
            hidden.append(h)
            slopes.append(slope)
        return last(hidden[-1]), hidden, slopes

    @torch.no_grad()
    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, m) and their derivatives with respect to the inputs, (n, m, d).

        Runs backwards, one sweep an output, or forwards, one sweep an input, whichever is fewer; on a
        CPU in blocks of rows whose layers stay in the cache, which is a quarter quicker.
        """
        widest = max(layer.out_features for layer in self.layers)
        block = len(x) if x.is_cuda else max(64, _CACHED_VALUES // widest)
        if len(x) <= block:
            return self._value_and_jacobian(x)
        values, jacobians = zip(*map(self._value_and_jacobian, x.split(block)), strict=True)
        return torch.cat(values), torch.cat(jacobians)

    def _value_and_jacobian(self, x):
        y, _, slopes = self._forward_with_slopes(x)
        weights = [layer.weight for layer in self.layers]
        if self.n_outputs <= self.n_inputs:
            sweeps = []
            for k in range(self.n_outputs):
                v = weights[-1][k].expand(len(x), -1)
                for weight, s in zip(reversed(weights[:-1]), reversed(slopes), strict=True):
                    v = (v * s) @ weight
                sweeps.append(v)
            return y, torch.stack(sweeps, dim=1)
        v = weights[0].T.unsqueeze(1)
        for weight, s in zip(weights[1:], slopes, strict=True):
            v = (v * s) @ weight.T
        return y, v.expand(self.n_inputs, len(x), self.n_outputs).permute(1, 2, 0)

    @torch.no_grad()
    def value_and_parameter_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, m) and their derivatives with respect to the parameters, (n, m, n_parameters).

        The last axis follows ``torch.nn.utils.parameters_to_vector(self.parameters())``.
        """
        y, hidden, slopes = self._forward_with_slopes(x)
        n_samples = len(x)
        n_parameters = sum(p.numel() for p in self.parameters())
        jacobian = x.new_empty(n_samples, self.n_outputs, n_parameters)
        for k in range(self.n_outputs):
            end = n_parameters
            delta = x.new_zeros(self.n_outputs)
            delta[k] = 1
            delta = delta.expand(n_samples, -1)
            for depth in reversed(range(len(self.layers))):
                layer, h = self.layers[depth], hidden[depth]
                start_bias = end - layer.out_features
                start = start_bias - layer.weight.numel()
                jacobian[:, k, start_bias:end] = delta
                torch.mul(
                    delta.unsqueeze(2),
                    h.unsqueeze(1),
                    out=jacobian[:, k, start:start_bias].view(
                        n_samples, layer.out_features, layer.in_features
                    ),
                )
                end = start
                if depth:
                    delta = (delta @ layer.weight) * slopes[depth - 1]
        return y, jacobian
