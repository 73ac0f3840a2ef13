"""Training and inverse design on a GPU, beside all threads of the CPU and one.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --only step precision --seconds 30
    python benchmarks/gpu.py --device cpu --quick

Wall seconds. "arm" is the robotic arm with 10,000 rows in batches of 256, "large" with 100,000 rows in batches of
4,096, "wide" a random smooth function of 8 variables with 300 outputs, 10,000 rows in batches of 256 and no redrawing.
First-order training takes 3 epochs there, "lm" 10 steps: this compares times, not methods. `inverse` is asked for 100
designs for each of 10, 100 and 1,000 targets, unless the call before says that it would take too long; so is one
thread left out. "error" is the root mean square distance of the re-simulated response to its target, in standard
deviations of the response, median over 1,000 designs; it should be the same everywhere. "x" is the time over the GPU's.
"""

import warnings
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise

import numpy as np
import torch
from _common import TASKS, print_row, table
from _gpu import at, fastest, parse, peak_memory, places, run, synchronize, wall

from skinverse import CINNInverter, ForwardRegressor, IPageInverter, MDNInverter, NeuralAdjoint
from skinverse.nets.jacobian import value_and_jacobian
from skinverse.nets.mlp import MLP
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets

N_EPOCHS, N_STEPS_LM, N_DESIGNS = 3, 10, 100
N_TARGETS = (10, 100, 1000)
METHOD_WIDTHS = (20, 11, 8, 7, 8, 8, 8, 7, 9)
BATCH_WIDTHS = (30, 10, 11, 11, 8, 9)
STEP_WIDTHS = (22, 9, 10, 10, 11, 8, 10)
PRECISION_WIDTHS = (16, 8, 10, 10, 12, 8, 10)


class Wide:
    """A smooth random function of 8 variables with 300 outputs of about unit variance."""

    def __init__(self):
        rng = np.random.RandomState(0)
        self.inner, self.phase = rng.normal(size=(8, 32)), rng.uniform(0, 2 * np.pi, 32)
        self.outer = rng.normal(size=(32, 300)) / 4

    def __call__(self, X):
        return np.sin(X @ self.inner + self.phase) @ self.outer

    def sample_prior(self, n, random_state):
        return np.random.RandomState(random_state).uniform(-1, 1, (n, 8))


def methods(device, batch_size, second_order):
    """Unfitted estimators by name."""
    settings = {"max_epochs": N_EPOCHS, "batch_size": batch_size, "device": device}

    def surrogate(optimizer):
        own = {"max_epochs": N_STEPS_LM} if optimizer == "lm" else {}
        return ForwardRegressor(optimizer=optimizer, **{**settings, **own})

    # Few targets of 300 outputs can be reached, and all candidates would be drawn anew time and again.
    localise = {"max_redraws": 10 if second_order else 0, "random_state": 0}
    for optimizer in ("lm",) * second_order + ("soap", "adam"):
        yield f"NeuralAdjoint {optimizer}", NeuralAdjoint(surrogate(optimizer), **localise)
    yield "MDN", MDNInverter(**settings, random_state=0)
    yield "CINN", CINNInverter(**settings, random_state=0)
    yield "IPage", IPageInverter(forward_model=surrogate("soap"), **settings, **localise)


def times(make, X, y, targets, simulator, place, seconds):
    """Seconds of `fit` and of `inverse` by number of targets, NaN where they were too many, and the error."""
    with at(place), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if place.device != "cpu":  # kernels are loaded when first used
            make().fit(X[:500], y[:500]).inverse(targets[:2], 5, random_state=0)
        inverter = make()
        found = [wall(lambda: inverter.fit(X, y), place.device)]
        for n in N_TARGETS:
            # On the GPU ten times as many targets take far less than ten times as long.
            if n > N_TARGETS[0] and (10 if place.device == "cpu" else 2) * found[-1] > seconds:
                break
            found.append(
                wall(lambda n=n: inverter.inverse(targets[:n], N_DESIGNS, random_state=0), place.device)
            )
        designs = inverter.inverse(targets[:10], N_DESIGNS, random_state=0)
    missed = simulator(designs.reshape(-1, X.shape[1])).reshape(10, N_DESIGNS, -1) - targets[:10, None]
    error = float(np.median(np.sqrt((missed**2 / y.var(axis=0)).mean(axis=2))))
    return [*found, *[float("nan")] * (1 + len(N_TARGETS) - len(found))], error


def fit_and_invert(simulator, n_rows, batch_size, second_order):
    def section(args, clock):
        n = 300 if args.quick else n_rows
        X, y = table(simulator, n, seed=0)
        targets = table(simulator, N_TARGETS[-1], seed=1)[1]
        columns = "method", "place", "fit s", "x", *(f"inv {N_DESIGNS * n}" for n in N_TARGETS)
        print_row(*columns, "x", "error", widths=METHOD_WIDTHS)
        names = [name for name, _ in methods("cpu", batch_size, second_order)]
        for k, name in enumerate(names):
            reference, spent = None, 0.0
            share = clock.left / (len(names) - k)
            for place in places(args.device):
                if clock.left < 0:
                    print("(out of time)")
                    return
                if place.name == "1 thread" and spent > share / 2:
                    continue
                found, error = times(
                    lambda name=name, place=place: dict(methods(place.device, batch_size, second_order))[
                        name
                    ],
                    X,
                    y,
                    targets,
                    simulator,
                    place,
                    0 if args.quick else share / 3,
                )
                reference, spent = reference or found, np.nansum(found)
                known = np.flatnonzero(np.isfinite(found) & np.isfinite(reference))[-1]
                row = found[0], found[0] / reference[0], *found[1:], found[known] / reference[known], error
                print_row(name, place.name, *map(float, row), widths=METHOD_WIDTHS)

    return section


def batches(args, clock):
    """Throughput by batch size: the surrogate's Jacobian, and the solver through it."""
    print_row("what", "batch", "GPU/s", "all/s", "x", "GPU MiB", widths=BATCH_WIDTHS)
    device, cpu = args.device, places(args.device)[-2]
    generator = torch.Generator().manual_seed(0)
    net = {
        where: MLP(4, 2, generator=generator.manual_seed(0)).double().to(where) for where in {device, "cpu"}
    }
    share = 0.01 if args.quick else clock.left / 30
    for n in (2**k for k in ((10,) if args.quick else range(10, 23, 3))):
        x = torch.rand(n, 4, dtype=torch.float64, generator=generator)
        rates, memory = [], 0.0
        for where in (device, "cpu"):
            here = x.to(where)

            def call(where=where, here=here):
                value_and_jacobian(net[where], here)

            with at(places(device)[0] if where == device else cpu):
                rates.append(n / fastest(call, where, share))
            if where == device:
                memory = peak_memory(call, where)
        print_row("Jacobian of 128 x 3", n, *rates, rates[0] / rates[1], memory, widths=BATCH_WIDTHS)

    X, y = table(TASKS["arm"], 2_000, seed=0)
    model = ForwardRegressor(
        optimizer="lm", max_epochs=5 if args.quick else 30, device=device, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = {device: model.fit(X, y).module_}
    module["cpu"] = deepcopy(module[device]).cpu()
    n = 2_000 if args.quick else 2**17
    starts, wanted = (np.resize(a, (n, a.shape[1])) for a in (X, y[::-1]))
    space = DesignSpace(np.stack([X.min(axis=0), X.max(axis=0)], axis=1))
    slow = None
    for batch_size in (2**k for k in ((11,) if args.quick else range(11, 18, 2))):
        solver = LevenbergMarquardtSolver(batch_size=batch_size)

        def solve(where, m=n, solver=solver):
            solver.solve(
                module[where], Targets(wanted[:m], wanted[:m]), starts[:m], space, y_scale=y.std(axis=0)
            )

        rate = n / fastest(lambda solve=solve: solve(device), device, share, most=2)
        if slow is None:  # the CPU's rate hardly depends on the batch
            with at(cpu):
                m = max(batch_size, n // 16)
                slow = m / wall(lambda solve=solve, m=m: solve("cpu", m), "cpu")
        memory = peak_memory(lambda solve=solve: solve(device), device)
        print_row(
            "Levenberg-Marquardt solver", batch_size, rate, slow, rate / slow, memory, widths=BATCH_WIDTHS
        )


@contextmanager
def matmul_precision(name):
    """TF32 for products of float32 if `name` is "tf32", else none."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def trainer(hidden, device, name="fp32", n_steps=1):
    """A network of 8 inputs and 300 outputs, and a function that takes one step of Adam on a batch."""
    dtype = torch.float64 if name == "fp64" else torch.float32
    net = MLP(8, 300, hidden, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)

    def step(x, y):
        optimizer.zero_grad()
        # Entered anew at every step: weights that were cast are remembered until autocast is left.
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=name == "bf16"):
            loss = torch.nn.functional.mse_loss(net(x).float() if name == "bf16" else net(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()

    return net, step


def step_work(hidden, batch):
    """Floating-point operations of a training step: forward, and backward twice as many, but for the first layer."""
    widths = [8, *hidden, 300]
    return batch * (6 * sum(a * b for a, b in pairwise(widths)) - 2 * widths[0] * widths[1])


def step(args, clock):
    """Share of the attainable rate that a training step of a big network reaches, and the largest batch that fits."""
    hidden, batch = ((64,) * 4, 256) if args.quick else ((1024,) * 4, 4096)
    device = args.device
    cuda = device.startswith("cuda")
    print(f"4 hidden layers of {hidden[0]}; 'matmul' is batch x {hidden[0]} by {hidden[0]} x {hidden[0]}")
    print_row(
        "precision", "batch", "step ms", "TFLOP/s", "matmul TF/s", "share", "GPU MiB", widths=STEP_WIDTHS
    )
    share = 0.02 if args.quick else clock.left / 12
    generator, there = torch.Generator().manual_seed(0), torch.Generator(device).manual_seed(0)
    for name in ("fp64", "fp32", "tf32", "bf16"):
        dtype = torch.float64 if name == "fp64" else torch.float32
        A = torch.randn(batch, hidden[0], generator=generator).to(device, dtype)
        B = torch.randn(hidden[0], hidden[0], generator=generator).to(device, dtype)
        if name == "bf16":
            A, B = A.bfloat16(), B.bfloat16()
        with matmul_precision(name):
            n_calls = 20 if cuda else 1

            def product(A=A, B=B, n_calls=n_calls):
                for _ in range(n_calls):
                    A @ B

            rate = n_calls * 2 * batch * hidden[0] ** 2 / fastest(product, device, share)
            size = batch
            while True:
                try:
                    x = torch.rand(size, 8, generator=there, device=device, dtype=dtype)
                    y = torch.randn(size, 300, generator=there, device=device, dtype=dtype)
                    _, take = trainer(hidden, device, name)
                    repeats = max(1, 10 * batch // size) if cuda else 1

                    def steps(take=take, x=x, y=y, repeats=repeats):
                        for _ in range(repeats):
                            take(x, y)

                    spent = fastest(steps, device, share / 2, most=3) / repeats
                    memory = peak_memory(lambda take=take, x=x, y=y: take(x, y), device)
                except torch.cuda.OutOfMemoryError:
                    torch.cuda.empty_cache()
                    print(f"{name}: no memory for a batch of {size}")
                    break
                done = step_work(hidden, size) / spent
                print_row(
                    name, size, 1e3 * spent, done / 1e12, rate / 1e12, done / rate, memory, widths=STEP_WIDTHS
                )
                if not cuda or name != "fp32" or size >= 2**24 or clock.left < 2:
                    break
                size *= 4


def mixed_precision(args, clock):
    """Time and error of a surrogate trained in less than single precision."""
    n_steps, n_rows = (20, 2_000) if args.quick else (1500, 100_000)
    print(
        f"{n_steps} steps of Adam on {n_rows} rows of the wide task; error on fresh rows, in standard deviations"
    )
    columns = "network", "batch", "precision", "ms a step", "error", "x time", "x error"
    print_row(*columns, widths=PRECISION_WIDTHS)
    device, simulator = args.device, Wide()
    tables = [table(simulator, n, seed) for n, seed in ((n_rows, 0), (4096, 1))]
    (X, y), (X_new, y_new) = (
        [torch.tensor(a, dtype=torch.float32, device=device) for a in t] for t in tables
    )
    scale = y.std(dim=0)
    for hidden, batch in (((128,) * 3, 256), ((256,) * 2 if args.quick else (1024,) * 4, 4096)):
        batch = min(batch, len(X))
        reference = None
        for name in ("fp32", "tf32", "bf16"):
            if clock.left < 0:
                print("(out of time)")
                return
            net, take = trainer(hidden, device, name, n_steps=n_steps)
            generator = torch.Generator(device).manual_seed(0)
            with matmul_precision(name):

                def train(n, take=take, generator=generator, batch=batch):
                    for _ in range(n):
                        rows = torch.randint(len(X), (batch,), device=device, generator=generator)
                        take(X[rows], y[rows] / scale)

                train(10)
                synchronize(device)
                spent = wall(lambda train=train: train(n_steps - 10), device) / (n_steps - 10)
            with torch.no_grad():
                error = float((net(X_new) - y_new / scale).square().mean().sqrt())
            reference = reference or (spent, error)
            row = 1e3 * spent, error, reference[0] / spent, error / reference[1]
            print_row(f"{hidden[0]} x {len(hidden)}", batch, name, *row, widths=PRECISION_WIDTHS)
    print("(x time: how many times as fast as fp32; x error: how many times its error)")


SECTIONS = {
    "step": (step, 1.0),
    "precision": (mixed_precision, 1.5),
    "batches": (batches, 1.0),
    "arm": (fit_and_invert(TASKS["arm"], 10_000, 256, second_order=True), 3.0),
    "large": (fit_and_invert(TASKS["arm"], 100_000, 4096, second_order=True), 2.5),
    "wide": (fit_and_invert(Wide(), 10_000, 256, second_order=False), 2.0),
}


if __name__ == "__main__":
    run("Training and inverse design on a GPU", SECTIONS, parse(__doc__, SECTIONS, seconds=90))
