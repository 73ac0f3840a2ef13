"""What a user does who has installed skinverse and nothing else: no extra, no checkout."""

import importlib
import pkgutil
import re
import sys
import sysconfig
import tempfile
from importlib.metadata import distributions, requires
from pathlib import Path

import numpy as np

import skinverse

place = Path(skinverse.__file__).resolve()
assert place.is_relative_to(Path(sysconfig.get_path("purelib")).resolve()), f"skinverse is that of {place}"

extras = {re.match(r"[\w-]+", line)[0].lower() for line in requires("skinverse") if "extra ==" in line}
unasked = extras & {distribution.name.lower() for distribution in distributions()}
assert "matplotlib" in extras
assert not unasked, f"installed although nobody asked: {sorted(unasked)}"

modules = [module.name for module in pkgutil.walk_packages(skinverse.__path__, "skinverse.")]
for name in modules:
    importlib.import_module(name)
for name in skinverse.__all__:
    getattr(skinverse, name)

X, y = skinverse.datasets.make_sine_wave(200, random_state=0)
inverters = [
    skinverse.NeuralAdjoint(
        skinverse.ForwardRegressor((16,), max_epochs=30), start="sampler", random_state=0
    ),
    skinverse.MDNInverter(4, hidden_layer_sizes=(16,), max_epochs=5, random_state=0),
]
for inverter in inverters:
    designs = inverter.fit(X, y).inverse([0.5, 1.2], n=3)
    with tempfile.TemporaryDirectory() as folder:
        inverter.save(f"{folder}/inverter.safetensors")
        again = skinverse.load(f"{folder}/inverter.safetensors")
    assert (again.inverse([0.5, 1.2], n=3) == designs).all()
error = skinverse.resimulation_error(
    inverters[0].inverse(y[:20]), y[:20], skinverse.simulators.SineWave()
).error
assert np.median(error) < 0.01 * y.var(), error

python = sys.version.split()[0]
print(f"skinverse {skinverse.__version__} on Python {python}: {len(modules)} modules in {place.parent}")
