"""Ctrl-C ends training, not the work done so far; a bar tells how far it is."""

from contextlib import contextmanager

from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping

from skinverse.utils.progress import SilentBar, progress_bar
from skinverse.utils.user_warnings import warn_user


class EndOfTraining(KeyboardInterrupt):
    """Raised by a callback that ends training as planned; a KeyboardInterrupt, since skorch ends a fit by that."""


class EpochBar(Callback):
    """Moves a bar with the epochs and writes their losses beside it."""

    def __init__(self, bar):
        self.bar = bar

    def __reduce__(self):  # a copy, as in a checkpoint, has no screen
        return EpochBar, (SilentBar(),)

    def on_epoch_end(self, net, **kwargs):
        losses = {name: value for name, value in net.history[-1].items() if name.endswith("_loss")}
        self.bar.set_postfix(losses, refresh=False)
        self.bar.update()


@contextmanager
def bar_of_epochs(net, n_epochs):
    """Bar of the epochs that `net` is trained for in the block."""
    with progress_bar(n_epochs, "epoch", verbose=net.bars, desc=type(net.module_).__name__) as bar:
        teller = ("bar", EpochBar(bar))
        net.callbacks_.append(teller)
        try:
            yield
        finally:
            net.callbacks_.remove(teller)


class InterruptibleNet(NeuralNet):
    """skorch net that tells an interrupt from a planned end, and warns of it.

    An interrupt, as by Ctrl-C, ends training; what the callbacks restore, the parameters with the lowest validation
    loss so far, is what the net keeps. Before the first epoch is over there is nothing to keep, and the interrupt goes
    on to the caller; so does a second one in the first epoch of the network that follows.

    Parameters
    ----------
    bars : int, default=0
        `verbose` of the :func:`~skinverse.utils.progress.progress_bar` of the epochs.

    Attributes
    ----------
    interrupted_ : bool
        Whether the last training was cut short.
    """

    def __init__(self, *args, bars=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.bars = bars

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        self.interrupted_ = False
        try:
            with bar_of_epochs(self, self.max_epochs if epochs is None else epochs):
                return super().fit_loop(X, y, epochs, **fit_params)
        except EndOfTraining:
            raise
        except KeyboardInterrupt:
            self.interrupted_ = not self._ran_out_of_patience()
            raise

    def _ran_out_of_patience(self):
        stoppers = [callback for _, callback in self.callbacks_ if isinstance(callback, EarlyStopping)]
        return any(stopper.misses_ == stopper.patience for stopper in stoppers)

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        super().partial_fit(X, y, classes, **fit_params)
        if self.interrupted_:
            # Only now: until here the callbacks that restore parameters see the epoch that was cut.
            if self.history and "train_loss" not in self.history[-1]:
                self.history.pop()
            if not self.history:
                raise KeyboardInterrupt(
                    "Training was interrupted in its first epoch; there is nothing to keep."
                )
            warn_user(
                f"Training was interrupted after {len(self.history)} of at most {self.max_epochs} epochs. What had "
                "been learnt by then is kept; fit again for all of it.",
            )
        return self
