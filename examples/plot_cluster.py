"""
How do searches and slow simulations use more than one machine?
===============================================================

Searches of scikit-learn, :func:`~skinverse.choose_inverter` and :func:`~skinverse.metrics.resimulation_error` hand
their work to joblib, and joblib takes it to the workers of a Dask cluster. Nothing else changes, nor does the answer.
Here the cluster is two workers on this machine, and the simulator a robotic arm that keeps us waiting.
"""

import time
import warnings

import joblib
import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client, LocalCluster, get_task_stream
from scipy.stats import loguniform
from sklearn.model_selection import RandomizedSearchCV

from skinverse import MDNInverter
from skinverse.datasets import make_robotic_arm
from skinverse.metrics import make_resimulation_scorer, resimulation_error
from skinverse.simulators import RoboticArm

# %%
# A simulator in the manner of an external program: it takes its time for each design, and gives up on some. Wherever it
# runs, a failure is the status of one design and costs no other.

arm = RoboticArm()


def slow_arm(X):
    time.sleep(0.01 * len(X))
    if (abs(X[:, 3]) > 1.2).any():
        raise RuntimeError("the last joint is blocked")
    return arm(X)


# %%
# The workers live in threads of this process, which is enough for a simulator that waits. Real ones are started by
# ``dask scheduler`` and, on each machine, ``dask worker ADDRESS --nthreads 1 --nworkers -1``; then ``Client(ADDRESS)``
# is all there is to change.

cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)

X, y = make_robotic_arm(200, random_state=0)
search = RandomizedSearchCV(
    MDNInverter(hidden_layer_sizes=(64,), max_epochs=20, random_state=0),
    {"n_components": [2, 5, 10], "lr": loguniform(1e-3, 3e-2)},
    n_iter=4,
    cv=2,
    scoring=make_resimulation_scorer(slow_arm),
    random_state=0,
)
y_star = arm(arm.sample_prior(40, random_state=1))

with joblib.parallel_config("dask", client=client), get_task_stream(client) as stream:
    with warnings.catch_warnings():
        # Folds hold targets beyond the responses of their training rows, and say so.
        warnings.simplefilter("ignore")
        search.fit(X, y)
    designs = search.best_estimator_.inverse(y_star, n=10, random_state=0)
    result = resimulation_error(designs, y_star, slow_arm, batch_size=20)
client.close()
cluster.close()

best = search.best_params_
print(f"chosen: {best['n_components']} components, lr {best['lr']:.1e}")
print(
    f"r_1 {result.r_curve().mean[0]:.3f}, r_10 {result.r_curve().mean[9]:.4f}; {result.failure_rate:.0%} failed"
)

# %%
# One process gives the same answer, later:

alone = resimulation_error(designs, y_star, slow_arm, batch_size=20)
print("equal, to the bit:", np.array_equal(alone.error, result.error, equal_nan=True))
print(f"{alone.seconds:.1f} s in one process, {result.seconds:.1f} s on two workers")

# %%
# What the workers did. Each takes the next fit of the search as it falls free, and so with the batches of the
# re-simulation. Those with a blocked joint take longer, as their designs are simulated again one at a time.

workers = sorted({task["worker"] for task in stream.data})
begin = min(step["start"] for task in stream.data for step in task["startstops"])
figure, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
for stage, pattern, color in [("fit and score", "fit_and_score", "C0"), ("simulate", "simulate", "C1")]:
    for place, worker in enumerate(workers):
        spans = [
            (step["start"] - begin, step["stop"] - step["start"])
            for task in stream.data
            if task["worker"] == worker and pattern in task["key"]
            for step in task["startstops"]
            if step["action"] == "compute"
        ]
        label = stage if place == 0 else None
        ax.broken_barh(
            spans, (place - 0.35, 0.7), facecolor=color, edgecolor="white", linewidth=0.3, label=label
        )
ax.set(yticks=range(len(workers)), yticklabels=["worker 1", "worker 2"], xlabel="seconds")
ax.set_title(
    f"{search.n_splits_ * search.n_iter} fits, then {result.error.size} simulations in batches of 20"
)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
plt.show()

# %%
# Where it fails
# --------------
#
# A task costs some hundredths of a second to hand out: many designs of a simulator that answers in a thousandth belong
# into one (``batch_size``), or stay here. An exception is a status; a simulator that *ends its process*, as by a
# segmentation fault, is none, and takes one worker after the other along: call such a program by ``subprocess.run``
# inside the simulator. One that draws from a random state of its own is copied to the workers with that state; seed it
# by the design instead. :doc:`The guide <../guide/clusters>` has more, also of Ray and of training on several GPUs.
