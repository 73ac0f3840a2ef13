"""Training by several processes, on a GPU each: every process takes its share of each batch."""

import torch

from skinverse.training.interruption import InterruptibleNet
from skinverse.training.second_order import LeastSquares, SecondOrderNet


def check_accelerator(accelerator, device):
    """Error where `accelerator` is none, asks for what is not done here, or has not the tensors' kind of device."""
    if not hasattr(accelerator, "reduce"):
        raise TypeError(
            f"accelerator must be an accelerate.Accelerator, got {accelerator!r}: pass "
            "net_params={'accelerator': accelerate.Accelerator()}."
        )
    kind = str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type))
    if kind != "NO" and not kind.startswith("MULTI_"):
        raise ValueError(
            f"accelerator must share batches among whole copies of the network, got {kind}. Launch without it: "
            "accelerate launch --multi_gpu."
        )
    if accelerator.mixed_precision != "no" or accelerator.gradient_accumulation_steps != 1:
        raise ValueError(
            "accelerator must have mixed_precision='no' and gradient_accumulation_steps=1, got "
            f"{accelerator.mixed_precision!r} and {accelerator.gradient_accumulation_steps}. The precision is that of "
            "the network, and batch_size counts the rows of a step over all processes."
        )
    if torch.device(device).type != accelerator.device.type:
        raise ValueError(
            f"device is {str(device)!r}, but the processes of the accelerator compute on {accelerator.device.type!r}: "
            f"pass device={accelerator.device.type!r}, or launch the processes on the other."
        )


class SharedBatches:
    """Mixin of skorch nets: the processes of an accelerator train as one, on a share of each batch each.

    All of them hold the same parameters, draw the same batches and meet the same losses, averages over the processes;
    so they take the same steps, stop in the same epoch and end with the same network. The held-out rows are judged
    whole by each.

    skorch's own `AccelerateMixin` wraps the module, whose other methods losses here ask for, and shares the batches of
    a `DataLoader` only.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
    """

    def __init__(self, *args, accelerator, **kwargs):
        super().__init__(*args, **kwargs)
        self.accelerator = accelerator

    def initialize_criterion(self):
        super().initialize_criterion()
        generator = getattr(self.criterion_, "generator", None)
        if generator is not None:  # other random numbers for other rows
            generator.manual_seed(self.criterion_.seed + self.accelerator.process_index)
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        self.agreed_ = False

    def train_step(self, batch, **fit_params):
        if not self.agreed_:
            self._check_agreement(batch)
            self.agreed_ = True
        return super().train_step(batch, **fit_params)

    def validation_step(self, batch, **fit_params):
        step = super().validation_step(batch, **fit_params)
        return {**step, "loss": self.accelerator.reduce(step["loss"], "mean")}

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        try:
            return super().fit_loop(X, y, epochs, **fit_params)
        except KeyboardInterrupt as interrupt:
            if self.interrupted_:
                raise RuntimeError(
                    "Training was interrupted. Its processes may have been at different steps, so that nothing is kept."
                ) from interrupt
            raise

    def _check_agreement(self, batch):
        """Error unless all processes have the same parameters and the same first batch."""
        told = torch.stack([_fingerprint(t) for t in (*batch, *self.module_.parameters())])
        told = self.accelerator.gather(told[None])
        if not torch.allclose(told, told[:1], equal_nan=True):
            raise ValueError(
                "The processes of the accelerator begin with different networks or rows. Give all of them the same "
                "table and the same number as random_state."
            )

    def _share(self, batch):
        """Rows of a batch that this process takes; the shares differ by one row at most."""
        n_processes, n_rows = self.accelerator.num_processes, len(batch[0])
        if n_rows < n_processes:
            raise ValueError(
                f"A batch of {n_rows} rows cannot be shared by {n_processes} processes. Take a larger batch_size, or "
                "fewer processes."
            )
        return tuple(t.tensor_split(n_processes)[self.accelerator.process_index] for t in batch)


class DistributedNet(SharedBatches, InterruptibleNet):
    """skorch net whose gradients are those of the whole batch, averaged over the processes that share it."""

    def train_step_single(self, batch, **fit_params):
        share = self._share(batch)
        step = super().train_step_single(share, **fit_params)
        parameters = (p for group in self.optimizer_.param_groups for p in group["params"])
        gradients = [p.grad for p in parameters if p.grad is not None]
        weight = len(share[0]) * self.accelerator.num_processes / len(batch[0])
        flat = torch.cat([t.detach().flatten() for t in (step["loss"], *gradients)])
        mean = self.accelerator.reduce(weight * flat, "mean")
        loss, *means = mean.split([1, *(g.numel() for g in gradients)])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        return {**step, "loss": loss[0]}


class DistributedSecondOrderNet(SharedBatches, SecondOrderNet):
    """skorch net whose normal equations are sums over the processes, each of which has the Jacobian of its rows."""

    def _least_squares(self, X, y):
        return LeastSquares(self.module_, self.criterion_, *self._share((X, y)), total=self._total)

    def _total(self, values):
        values = torch.as_tensor(values, dtype=torch.float64, device=self.accelerator.device)
        return self.accelerator.reduce(values, "sum")


def _fingerprint(tensor):
    """A number that tells tensors apart, also by the order of their entries."""
    values = tensor.detach().double().flatten()
    return values @ torch.linspace(1, 2, len(values), dtype=values.dtype, device=values.device)
