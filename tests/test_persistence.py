"""Files of fitted estimators: the same answers, no code, and clear errors."""

import json
import pickle
import struct
import sys
import warnings
from functools import partial
from inspect import isabstract

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from exact_models import ExactRegressor, sine
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA, FastICA, KernelPCA
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, QuantileTransformer, StandardScaler
from torch import nn

import skinverse
from skinverse import (
    DesignSpace,
    ForwardRegressor,
    GANDesignEncoder,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
)
from skinverse.datasets import make_sine_wave
from skinverse.nets.gan import Generator
from skinverse.persistence import codec, files
from skinverse.persistence.registry import CLASSES, FUNCTIONS, METHODS, resolve
from skinverse.simulators import NeuralSimulator, SineWave
from skinverse.solvers import best_of, diverse_best_of
from skinverse.testing import all_inverters

RNG = np.random.RandomState(0)
X = pd.DataFrame(RNG.uniform([-1, 300, 0], [1, 400, 1e-3], (60, 3)), columns=["width", "T", "dose"])
y = pd.Series(np.sin(2 * X["width"]) + (X["T"] - 350) / 50, name="gap")
SPACE = DesignSpace([[-1, 1], [300, 400], [0, 1e-3]], names=["width", "T", "dose"], units=["nm", "K", "mol"])
SMALL = ForwardRegressor((4,), max_epochs=5, random_state=0)


def answers(inverter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        designs, info = inverter.inverse(y[:4].to_numpy(), 3, random_state=1, return_info=True)
    return {"designs": designs, **{name: array for name, array in info.items() if array is not None}}


def assert_same_answers(a, b):
    a, b = answers(a), answers(b)
    assert a.keys() == b.keys()
    for name in a:
        assert_array_equal(a[name], b[name], err_msg=name, strict=True)


@pytest.fixture(scope="module", params=all_inverters(), ids=repr)
def fitted(request):
    return clone(request.param).set_params(space=SPACE).fit(X, y)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def reloaded(estimator, path, **params):
    skinverse.save(estimator, path)
    return skinverse.load(path, **params)


def rewrite(path, change):
    """Let `change` alter the header and the tree of a file, and give it a checksum that is right."""
    with safe_open(path, framework="np") as file:
        header, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
    tree = json.loads(header["tree"])
    change(header, tree)
    header["tree"] = json.dumps(tree)
    header["sha256"] = files._digest(header, arrays)
    save_file(arrays, path, metadata=header)


def test_same_answers_after_loading(fitted, path):
    before = answers(fitted)
    fitted.save(path)
    again = skinverse.load(path)
    assert type(again) is type(fitted)
    assert again.space_ == fitted.space_
    assert again.space_.units == ("nm", "K", "mol")
    assert list(again.feature_names_in_) == ["width", "T", "dose"]
    assert list(again.output_names_in_) == ["gap"]
    assert_same_answers(again, fitted)
    after = answers(fitted)  # saving changes nothing
    for name in before:
        assert_array_equal(before[name], after[name])
    again.save(path)
    assert_same_answers(skinverse.load(path), fitted)


def test_parameters_survive_and_loaded_estimators_are_fitted_again(fitted, path):
    again = reloaded(fitted, path)
    assert repr(again) == repr(fitted)
    assert repr(clone(again)) == repr(clone(fitted))
    answer = clone(again).fit(X, y)
    assert_same_answers(again.fit(X, y), answer)


@pytest.mark.parametrize("way", ["joblib", "pickle"])
def test_pickles(fitted, path, way):
    if way == "joblib":
        joblib.dump(fitted, path)
        again = joblib.load(path)
    else:
        again = pickle.loads(pickle.dumps(fitted))
    assert_same_answers(again, fitted)


def test_file_is_a_json_header_and_arrays_and_nothing_else(fitted, path):
    fitted.save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    assert metadata.keys() == {"skinverse_format", "card", "tree", "sha256"}
    json.loads(metadata["tree"]), json.loads(metadata["card"])
    ends = [entry["data_offsets"][1] for entry in header.values()]
    assert len(content) == 8 + length + max(ends)
    assert sum(
        end - entry["data_offsets"][0] for end, entry in zip(ends, header.values(), strict=True)
    ) == max(ends)


def test_what_was_shared_stays_shared(path):
    inverter = NeuralAdjoint(SMALL, n_starts=8, random_state=np.random.RandomState(3)).fit(X, y)
    again = reloaded(inverter, path)
    model = again.forward_model_
    assert again.localizer_.model.module is model.module_
    assert model.net_ is model.nets_[0]
    assert again.localizer_.model.to_unit.__self__ is again.space_
    assert again.localizer_.model.interpolator.tree.data.shape == (60, 3)
    assert again.random_state.randint(2**31) == inverter.random_state.randint(2**31)


def test_history_is_kept_and_the_rest_of_a_skorch_net_says_that_it_is_not(path):
    model = clone(SMALL).fit(X, y)
    again = reloaded(model, path)
    for name in ("train_loss", "valid_loss", "train_loss_best", "epoch"):
        assert again.history_[:, name] == model.history_[:, name]
    assert again.history_ is again.net_.history
    assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(
        AttributeError, match="loaded from a file has its `history` and nothing else, not 'opt"
    ):
        again.net_.optimizer_  # noqa: B018
    assert pickle.loads(pickle.dumps(again.net_)).history == again.net_.history


# Estimators other than inverters.


def test_censored_ensemble(path):
    floor = np.maximum(np.column_stack([y, -y]), [0.2, -np.inf])
    model = clone(SMALL).set_params(n_members=2, censored=[0.2, -np.inf]).fit(X, floor)
    again = reloaded(model, path)
    for a, b in zip(again.predict(X, return_std=True), model.predict(X, return_std=True), strict=True):
        assert_array_equal(a, b)
    assert again.censored == [0.2, -np.inf]


def test_encoder(path):
    generator = Generator(2, generator=torch.Generator().manual_seed(0))
    weights = {f"G_conv{i + 1}_bias": c.bias for i, c in enumerate(generator.convolutions)}
    for i, convolution in enumerate(generator.convolutions):
        weights[f"G_conv{i + 1}_weights"] = convolution.weight.permute(2, 3, 1, 0)
    for i, norm in enumerate(generator.norms):
        for theirs, ours in dict(gamma="weight", beta="bias", moving_mean="running_mean").items():
            weights[f"G_BN{i + 1}_{theirs}"] = getattr(norm, ours)
        weights[f"G_BN{i + 1}_moving_variance"] = norm.running_var
    weights = {name: value.detach().numpy() for name, value in weights.items()}
    encoder = GANDesignEncoder.from_generator(weights, 1)
    again = reloaded(FrozenEstimator(encoder), path)
    Z = np.linspace(-1, 1, 5)[:, None]
    images = encoder.inverse_transform(Z)
    assert_array_equal(again.inverse_transform(Z), images)
    assert_array_equal(again.transform(images), encoder.transform(images))


def test_neural_simulator(path):
    proxy = NeuralSimulator(SineWave(), SMALL, n_samples=100, random_state=0).fit()
    designs, _ = make_sine_wave(5, random_state=1)
    assert_array_equal(reloaded(proxy, path)(designs), proxy(designs))
    card = skinverse.read_card(path)
    assert card["features"]["names"] == list(SineWave().input_names)
    assert f"{proxy.held_out_rmse_[0]:.3f}"[:4] in card["held_out_error"]


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(2),
        KernelPCA(2, kernel="rbf", fit_inverse_transform=True),
        FastICA(2, random_state=0),
        PowerTransformer(),
        QuantileTransformer(n_quantiles=20),
        make_pipeline(StandardScaler(), "passthrough", PCA(2, svd_solver="randomized", random_state=0)),
    ],
    ids=repr,
)
def test_pipelines_of_sklearn_transformers(path, transformer):
    pipe = make_pipeline(clone(transformer), NearestDesignInverter()).fit(X, y)
    again = reloaded(pipe, path)
    assert_array_equal(skinverse.inverse(again, y[:3], 4), skinverse.inverse(pipe, y[:3], 4))
    assert "Pipeline ending in NearestDesignInverter" in str(skinverse.read_card(path))
    scaler = make_pipeline(StandardScaler(), "passthrough").fit(X)
    assert_array_equal(reloaded(scaler, path).transform(X), scaler.transform(X))


def test_sklearn_warns_of_another_version_of_its_own(path):
    make = make_pipeline(StandardScaler(), NearestDesignInverter()).fit(X, y)
    skinverse.save(make, path)

    def older(header, tree):
        tree["state"]["_sklearn_version"] = "1.0"

    rewrite(path, older)
    with pytest.warns(InconsistentVersionWarning, match=r"1\.0"):
        skinverse.load(path)


# Values.


def round_trip(value):
    encoder = codec.Encoder()
    tree = json.loads(json.dumps(encoder(value, "value"), allow_nan=False))
    return codec.Decoder(encoder.arrays)(tree)


@pytest.mark.parametrize(
    "array",
    [
        np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
        np.array([np.float64("nan")]).view(np.int64).view(np.float64),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)).transpose(1, 0, 2),
        np.arange(10)[::-3],
        np.arange(3, dtype=">i4"),
        np.array(2**63, dtype=np.uint64),
        np.array([[True, False]]),
        np.empty((0, 3)),
        np.array(["a", "größe", "😀"]),
        np.array(["a", 1, None, -np.inf], dtype=object),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays(array):
    again = round_trip(array)
    assert again.dtype == array.dtype.newbyteorder("=")
    assert_array_equal(again, array)
    if array.dtype == float:
        assert again.tobytes("C") == array.tobytes("C")
    if array.dtype.kind == "f" and array.ndim > 1 and array.size:
        assert again.strides == array.strides  # sums and products depend on the order in memory
    assert again.flags.writeable


def test_plain_values():
    value = {
        "floats": (0.1, -0.0, 1e308, float("inf"), float("-inf")),
        3: [True, None, 10**30, "\ud800", b"\x00\xff"],
        (1, "a"): {np.float32(0.1): np.int64(3), 2.5: np.bool_(True)},
        "device": torch.device("cuda", 1),
        "functions": [best_of, partial(diverse_best_of, tolerance=3.0)],
        "long": 3,
    }
    again = round_trip(value)
    tail = again["functions"].pop()
    assert (tail.func, tail.args, tail.keywords) == (diverse_best_of, (), {"tolerance": 3.0})
    value["functions"].pop()
    assert repr(again) == repr(value)
    assert again == value
    assert [type(k) for k in again[(1, "a")]] == [np.float32, float]
    assert np.isnan(round_trip(float("nan")))


def test_containers_that_hold_themselves_and_each_other():
    inner = [1]
    value = {"a": inner, "b": inner}
    value["self"] = value
    again = round_trip(value)
    assert again["a"] is again["b"]
    assert again["self"] is again


def test_modules_keep_parameters_buffers_and_mode():
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.BatchNorm1d(3), nn.Tanh(), shared, nn.Linear(3, 2, bias=False).double())
    net[1].register_buffer("scratch", torch.ones(2), persistent=False)
    net[4].weight.requires_grad_(False)
    net[1](torch.randn(8, 3))
    net.eval()
    again = round_trip(net)
    assert again[0] is again[3]
    assert list(again.state_dict()) == list(net.state_dict())
    assert not again.training
    assert not again[4].weight.requires_grad
    assert again[0].weight.requires_grad
    for (name, a), (_, b) in zip(again.named_buffers(), net.named_buffers(), strict=True):
        assert a.dtype == b.dtype, name
        assert torch.equal(a, b), name
    x = torch.randn(5, 3)
    assert torch.equal(again[:4](x), net[:4](x))


def test_tensors_keep_their_place_in_memory():
    flat = torch.arange(12.0, dtype=torch.float64)
    value = [flat[3:9].view(2, 3).T, nn.Parameter(flat[9:]), torch.zeros(0), torch.ones(1).expand(4), flat]
    again = round_trip(value)
    for a, b in zip(again, value, strict=True):
        assert torch.equal(a, b)
        assert (type(a), a.dtype, a.stride()) == (type(b), b.dtype, b.stride())
        assert a.data_ptr() % 32 == b.data_ptr() % 32
    again[4][3] = -1
    assert again[0][0, 0] == -1


def test_random_numbers_go_on():
    state = np.random.RandomState(5)
    state.normal()  # one of a pair, the other of which is kept
    again = round_trip(state)
    assert_array_equal(again.normal(size=5), state.normal(size=5))


# What is refused.


class Mine(BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))


class MyAdjoint(NeuralAdjoint):
    pass


@pytest.mark.parametrize(
    ("estimator", "where"),
    [
        (PriorInverter(forward_model=Mine()), r"PriorInverter.forward_model is a .*Mine"),
        (
            NeuralAdjoint(ExactRegressor(sine)),
            r"NeuralAdjoint.forward_model is a exact_models.ExactRegressor",
        ),
        (
            NeuralAdjoint(SMALL, n_starts=8, select=lambda X, score, n: np.arange(n)),
            r"select is the function .*lambda",
        ),
        (
            MDNInverter(2, hidden_layer_sizes=(4,), max_epochs=1, net_params={"optimizer": torch.optim.SGD}),
            r"MDNInverter.net_params\['optimizer'\] is a builtins.type",
        ),
        (MyAdjoint(SMALL, n_starts=8), r"MyAdjoint is a .*MyAdjoint"),
        (
            make_pipeline(FunctionTransformer(np.log), NearestDesignInverter()),
            r"steps\[0\]\[1\] is a sklearn",
        ),
    ],
    ids=["regressor", "module", "lambda", "class", "subclass", "sklearn"],
)
def test_what_is_not_on_the_list_is_refused(path, estimator, where):
    sine_X, sine_y = make_sine_wave(60, random_state=0)
    table = (sine_X, sine_y) if "ExactRegressor" in where else (X.to_numpy() ** 2 + 1, y.to_numpy())
    fitted = estimator.fit(*table)
    with pytest.raises(TypeError, match=rf"{where}.*joblib.dump\(estimator, path\)"):
        skinverse.save(fitted, path)
    assert not path.parent.joinpath(path).exists()


def test_modules_with_hooks_are_refused():
    net = nn.Linear(1, 1)
    net.register_forward_hook(print)
    with pytest.raises(TypeError, match="value is a module with hooks"):
        codec.Encoder()(net, "value")


@pytest.mark.parametrize(
    "value",
    [
        np.array([1 + 2j]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=[("a", float)]),
        torch.zeros(2, dtype=torch.bfloat16),
        torch.eye(2).to_sparse(),
        np.longdouble(1),
        {1, 2},
        2j,
        np.random.RandomState(np.random.PCG64(0)),
        np.random.default_rng(0),
        eval,
        Mine,
        Mine().fit,
        partial(print, 1),
    ],
    ids=lambda v: type(v).__name__,
)
def test_values_that_are_refused(value):
    with pytest.raises(TypeError, match=r"value\S* is .*joblib"):
        codec.Encoder()(value, "value")


@pytest.mark.parametrize(
    "node",
    [
        {"type": "function", "name": "os.system"},
        {"type": "function", "name": "builtins.eval"},
        {"type": "function", "name": "skinverse.persistence.files.os.system"},
        {"type": "function", "name": "skinverse.solvers.selection"},
        {"type": "function", "name": ["os", "system"]},
        {"type": "object", "class": "os.system", "state": {}},
        {"type": "object", "class": "subprocess.Popen", "state": {"args": "touch owned"}},
        {"type": "object", "class": "builtins.eval", "state": {}},
        {"type": "object", "class": "booby_trap.Trap", "state": {}},
        {"type": "object", "class": "skinverse.persistence.codec.Decoder", "state": {}},
        {
            "type": "partial",
            "function": {"type": "function", "name": "builtins.exec"},
            "args": [],
            "keywords": {},
        },
        {
            "type": "method",
            "name": "__reduce__",
            "of": {"type": "object", "class": "torch.nn.ReLU", "state": {}},
        },
        {"type": "method", "name": "save", "of": {"type": "shared", "id": 0}},
        {"type": "scalar", "dtype": "object", "value": 1},
        {"type": "eval", "value": "1"},
        {"type": "tree", "data": [1], "leafsize": "x"},
        {"type": "tensor", "key": "no such"},
        {
            "type": "tensor",
            "key": "0",
            "size": [9],
            "stride": [1],
            "offset": 10**6,
            "parameter": False,
            "requires_grad": False,
        },
        {"no": "type"},
        [1, 2],
    ],
    ids=str,
)
def test_malicious_headers_are_refused(path, tmp_path, monkeypatch, node):
    (tmp_path / "booby_trap.py").write_text("class Trap: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    NearestDesignInverter().fit(X, y).save(path)

    def alter(header, tree):
        tree["id"] = 0
        tree["state"]["n_neighbors"] = node

    rewrite(path, alter)
    with pytest.raises(ValueError, match=r"model.safetensors' (cannot be loaded|is damaged)"):
        skinverse.load(path)
    assert "booby_trap" not in sys.modules


def test_damaged_files(path):
    NearestDesignInverter().fit(X, y).save(path)
    content = path.read_bytes()
    for length in (0, 5, 8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="damaged"):
            skinverse.load(path)
    for place in np.random.RandomState(0).randint(len(content), size=150):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 7)
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"damaged|not one that|has format"):
            skinverse.load(path)
    path.write_bytes(content)
    skinverse.load(path)


def test_other_files(path, tmp_path):
    save_file({"a": np.zeros(2)}, path)
    for read in (skinverse.load, skinverse.read_card):
        with pytest.raises(ValueError, match="not one that skinverse"):
            read(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="damaged"):
        skinverse.load(path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        skinverse.load(tmp_path / "nowhere")


def test_versions(path, monkeypatch):
    NearestDesignInverter().fit(X, y).save(path)
    ours = skinverse.__version__
    monkeypatch.setattr(files, "__version__", "0.99.0")
    with pytest.warns(UserWarning, match=rf"written by skinverse {ours} and is loaded by 0.99.0"):
        skinverse.load(path)
    monkeypatch.setattr(files, "__version__", "7.1.0")
    with pytest.raises(ValueError, match=rf"skinverse {ours} wrote it and this is skinverse 7.1.0"):
        skinverse.load(path)
    assert skinverse.read_card(path)["versions"]["skinverse"] == ours
    monkeypatch.undo()
    rewrite(path, lambda header, tree: header.update(skinverse_format="2"))
    for read in (skinverse.load, skinverse.read_card):
        with pytest.raises(ValueError, match=rf"has format 2, but skinverse {ours} reads formats up to 1"):
            read(path)


# Writing.


def test_a_save_that_fails_leaves_the_old_file(path, monkeypatch):
    inverter = NearestDesignInverter().fit(X, y)
    inverter.save(path)
    content = path.read_bytes()

    def break_off(arrays, name, metadata):
        name.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(files, "save_file", break_off)
    with pytest.raises(OSError, match="disk full"):
        inverter.save(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_where_it_cannot_be_saved(tmp_path):
    inverter = NearestDesignInverter()
    with pytest.raises(NotFittedError):
        inverter.save(tmp_path / "a")
    inverter.fit(X, y)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*missing"):
        inverter.save(tmp_path / "missing" / "a")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        inverter.save(str(tmp_path))
    with pytest.raises(TypeError, match="about must be a dict"):
        inverter.save(tmp_path / "a", about={"judge": SineWave()})
    with pytest.raises(ValueError, match="about must be a dict"):
        inverter.save(tmp_path / "a", about={"error": np.nan})
    assert not list(tmp_path.iterdir())


def test_card(path):
    inverter = NeuralAdjoint(SMALL, n_starts=8, space=SPACE, random_state=0).fit(X, y)
    inverter.save(path, about={"judge": "ellipsometry, 12 samples"})
    card = skinverse.read_card(path)
    assert (card["estimator"], card["n_samples"]) == ("NeuralAdjoint", 60)
    assert card["features"] == {
        "n": 3,
        "names": ["width", "T", "dose"],
        "units": ["nm", "K", "mol"],
        "range": [[-1, 1], [300, 400], [0, 1e-3]],
    }
    assert card["responses"]["names"] == ["gap"]
    assert card["responses"]["range"] == [[y.min(), y.max()]]
    loss = np.nanmin(inverter.forward_model_.history_[:, "valid_loss"])
    assert f"{np.sqrt(loss):.2g} standard deviations" in card["held_out_error"]
    assert card["parameters"]["n_starts"] == 8
    assert card["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    text = str(card)
    for part in (
        "60 rows",
        "T [K]: 300 to 400",
        "gap: ",
        "the forward model inside, ForwardRegressor",
        "ellipsometry",
    ):
        assert part in text, text


def test_card_of_many_variables(path):
    PriorInverter(random_state=0).fit(RNG.uniform(size=(5, 50)), np.arange(5.0)).save(path)
    card = skinverse.read_card(path)
    assert len(card["features"]["range"]) == 50
    assert "and 30 more" in str(card)
    assert card["held_out_error"] is None


# Devices.


def test_device_is_set_for_every_part(path):
    inverter = NeuralAdjoint(SMALL, n_starts=8, random_state=0).fit(X, y)
    again = reloaded(inverter, path, device="cpu")
    assert again.forward_model.device == again.forward_model_.device == "cpu"
    assert skinverse.load(path).forward_model.device == "auto"
    with pytest.raises(ValueError, match=r"device='abacus' is not available here .*device='cpu'"):
        skinverse.load(path, device="abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_file_that_wants_a_gpu_where_there_is_none(path):
    inverter = MDNInverter(2, hidden_layer_sizes=(4,), max_epochs=1, random_state=0).fit(X, y)
    inverter.set_params(device="cuda")  # as if it had been fitted there
    inverter.save(path)
    with pytest.raises(ValueError, match=r"device='cuda' is not available here .*load\(path, device='cpu'\)"):
        skinverse.load(path)
    again = skinverse.load(path, device="cpu")
    assert again.device == "cpu"
    assert_same_answers(again, inverter)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_from_gpu_to_cpu_and_back(fitted, path):
    here = reloaded(fitted, path, device="cpu")
    there = reloaded(here, path, device="cuda")
    assert {name: array.shape for name, array in answers(there).items()} == {
        name: array.shape for name, array in answers(here).items()
    }
    for estimator, kind in ((here, "cpu"), (there, "cuda")):
        parts = [estimator, *(getattr(estimator, name, None) for name in ("forward_model_", "inverter_"))]
        modules = [part.module_ for part in parts if hasattr(part, "module_")]
        assert {p.device.type for module in modules for p in module.parameters()} <= {kind}
    assert_same_answers(reloaded(there, path, device="cpu"), here)


# The list.


def test_every_name_of_the_list_can_be_had():
    for table in (CLASSES, FUNCTIONS):
        for module, members in table.items():
            for member in members:
                assert callable(resolve(f"{module}.{member}", table))
    for owner, method in METHODS:
        assert callable(getattr(resolve(owner, CLASSES), method))


def test_every_public_estimator_is_on_the_list():
    listed = {resolve(f"{module}.{name}", CLASSES) for module, names in CLASSES.items() for name in names}
    public = [getattr(skinverse, name) for name in skinverse.__all__]
    for module in ("simulators", "samplers", "solvers"):
        members = getattr(skinverse, module)
        public += [getattr(members, name) for name in members.__all__]
    missing = {
        kind.__name__
        for kind in public
        if isinstance(kind, type) and issubclass(kind, BaseEstimator) and not isabstract(kind)
        if kind not in listed
    }
    assert not missing


def test_loading_leaves_global_state_alone(path):
    inverter = NeuralAdjoint(SMALL, n_starts=8, random_state=0).fit(X, y)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    reloaded(inverter, path)
    assert np.random.get_state()[1].tolist() == before[0]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


def test_regressors_of_sklearn(path):
    inverter = PriorInverter(forward_model=LinearRegression(), n_candidates=20, random_state=0).fit(X, y)
    assert_same_answers(reloaded(inverter, path), inverter)
