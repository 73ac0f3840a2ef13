"""Fitted objects as a tree of plain values with arrays beside it, and back, without running any code of the file."""

import math
from contextlib import contextmanager
from functools import partial
from types import FunctionType, MethodType

import numpy as np
import torch
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from torch import nn

from skinverse.persistence.registry import CLASSES, FUNCTIONS, METHODS, names, resolve
from skinverse.utils.devices import resolve_device

_DTYPES = {"bool", "float16", "float32", "float64"} | {
    f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)
}
# What nn.Module itself keeps; the rest of a module's attributes are its own.
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")


class SavedNet:
    """What a file keeps of a skorch net: the history of its training.

    Parameters
    ----------
    history : skorch.history.History
        The numbers of each epoch. Those of batches are not kept.
    """

    def __init__(self, history):
        self.history = history

    def __getattr__(self, name):
        raise AttributeError(
            f"A skorch net that was loaded from a file has its `history` and nothing else, not {name!r}: optimizer, "
            "callbacks and training data are not saved. The trained network is the `module_` of the estimator."
        )


class Encoder:
    """Turns a value into a tree for JSON; arrays are put into the dict ``arrays`` and called by their key.

    An object that is met twice is written once, so that what was shared stays shared.
    """

    def __init__(self):
        self.arrays = {}
        self._classes, self._functions = names(CLASSES), names(FUNCTIONS)
        self._nodes = {}  # by id; the values are kept, or their ids would be given to others
        self._n_shared = 0
        self._storages = {}

    def __call__(self, value, where):
        """The tree of `value`, which is found at `where`.

        Raises
        ------
        TypeError
            If it is, or holds, what a file cannot hold.
        """
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"type": "float", "value": repr(value)}
        if kind is tuple:
            return {"type": "tuple", "items": self._items(value, where)}
        if kind is bytes:
            return {"type": "bytes", "value": value.hex()}
        if kind is torch.device:
            return {"type": "device", "value": str(value)}
        if kind is np.str_:
            return str(value)
        if isinstance(value, np.generic) and value.dtype.name in _DTYPES:
            return {"type": "scalar", "dtype": value.dtype.name, "value": self(value.item(), where)}
        if kind is FunctionType and value in self._functions:
            return {"type": "function", "name": self._functions[value]}
        if id(value) in self._nodes:
            node, _ = self._nodes[id(value)]
            if "id" not in node:
                node["id"] = self._n_shared
                self._n_shared += 1
            return {"type": "shared", "id": node["id"]}
        node = {}
        self._nodes[id(value)] = node, value
        node.update(self._content(value, where))
        return node

    def _items(self, values, where):
        return [self(value, f"{where}[{k}]") for k, value in enumerate(values)]

    def _content(self, value, where):
        kind = type(value)
        if kind is list:
            return {"type": "list", "items": self._items(value, where)}
        if kind is dict:
            pairs = [[self(k, where), self(v, f"{where}[{k!r}]")] for k, v in value.items()]
            return {"type": "dict", "items": pairs}
        if kind in (np.ndarray, np.memmap):
            return self._array(np.asarray(value), where)
        if kind in (torch.Tensor, nn.Parameter):
            return self._tensor(value, where)
        if kind is np.random.RandomState:
            state = value.get_state(legacy=False)
            if state["bit_generator"] != "MT19937":
                raise _refusal(where, f"a RandomState of {state['bit_generator']}")
            return {"type": "random_state", "state": self(state, where)}
        if kind is cKDTree and value.boxsize is None:
            return {"type": "tree", "data": self(value.data, where), "leafsize": value.leafsize}
        if kind is partial:
            parts = {"args": value.args, "keywords": value.keywords}
            return {"type": "partial", "function": self(value.func, where), **self._state(parts, where)}
        if kind is MethodType and (self._classes.get(type(value.__self__)), value.__name__) in METHODS:
            return {"type": "method", "name": value.__name__, "of": self(value.__self__, where)}
        bases = {f"{base.__module__}.{base.__name__}" for base in kind.__mro__}
        if "skorch.history.History" in bases:
            return self._history(value, where)
        if "skorch.net.NeuralNet" in bases:
            name = "skinverse.persistence.SavedNet"
            return {"type": "object", "class": name, "state": self._state({"history": value.history}, where)}
        if kind in self._classes:
            state = (
                _module_state(value, where) if isinstance(value, nn.Module) else value.__getstate__() or {}
            )
            return {"type": "object", "class": self._classes[kind], "state": self._state(state, where)}
        if kind in (FunctionType, MethodType):
            raise _refusal(where, f"the function {value.__module__}.{value.__qualname__}")
        raise _refusal(where, f"a {kind.__module__}.{kind.__qualname__}")

    def _state(self, state, where):
        return {name: self(value, f"{where}.{name}") for name, value in state.items()}

    def _array(self, array, where):
        if array.dtype.kind == "U" or array.dtype == object:
            kind = "str" if array.dtype.kind == "U" else "object"
            items = self._items(array.ravel().tolist(), where)
            return {"type": "items", "dtype": kind, "shape": list(array.shape), "items": items}
        if array.dtype.name not in _DTYPES:
            raise _refusal(where, f"an array of {array.dtype}")
        return {"type": "array", **self._store(array)}

    def _tensor(self, tensor, where):
        if tensor.layout != torch.strided or str(tensor.dtype).removeprefix("torch.") not in _DTYPES:
            raise _refusal(where, f"a tensor of {tensor.dtype}, {tensor.layout}")
        # Parts of one storage stay so. Their place in it decides on alignment, and that on the last bits of products.
        storage = tensor.detach().untyped_storage()
        place = storage.data_ptr(), tensor.dtype
        if place not in self._storages:
            flat = tensor.detach().as_strided((storage.nbytes() // tensor.element_size(),), (1,), 0)
            self._storages[place] = self._store(flat.cpu().numpy())
        return {
            "type": "tensor",
            "parameter": isinstance(tensor, nn.Parameter),
            "requires_grad": tensor.requires_grad,
            "size": list(tensor.size()),
            "stride": list(tensor.stride()),
            "offset": tensor.storage_offset(),
            **self._storages[place],
        }

    def _store(self, array):
        """Key of an array, and the order of its axes in memory where it is not the usual one: sums depend on it."""
        axes = sorted(range(array.ndim), key=lambda k: -abs(array.strides[k]))
        if array.flags.c_contiguous:
            axes = list(range(array.ndim))
        key = str(len(self.arrays))
        dtype = array.dtype.newbyteorder("=")
        self.arrays[key] = np.asarray(array.transpose(axes), dtype=dtype, order="C")
        return {"key": key} if axes == sorted(axes) else {"key": key, "axes": axes}

    def _history(self, history, where):
        columns = {}
        for name in history[0] if history else ():
            column = np.array([row.get(name) for row in history]) if name != "batches" else np.array(None)
            if column.shape == (len(history),) and column.dtype.name in _DTYPES:
                columns[name] = self(column, where)
        return {"type": "history", "n": len(history), "columns": columns}


def _module_state(module, where):
    """Attributes of a torch module as of any object, those that every module has reduced to what matters."""
    everywhere = vars(nn.Module())
    if any(vars(module)[name] for name in everywhere if "hook" in name):
        raise _refusal(where, "a module with hooks")
    own = {name: value for name, value in vars(module).items() if name not in everywhere}
    parts = {name: dict(vars(module)[name]) for name in _MODULE_PARTS}
    not_kept = sorted(module._non_persistent_buffers_set)  # in torch's own files; here every buffer is
    return {**own, **parts, "training": module.training, "_non_persistent_buffers_set": not_kept}


def _refusal(where, what):
    return TypeError(
        f"{where} is {what}, which a skinverse file cannot hold: it has numbers, text, and objects of a fixed list of "
        "classes (skinverse.persistence.registry), but no code. Keep the estimator with joblib.dump(estimator, path) "
        "or pickle instead, and load such a file only if you trust whoever wrote it."
    )


class Decoder:
    """Builds what an :class:`Encoder` wrote.

    Objects are made without their constructor and given their attributes.

    Parameters
    ----------
    arrays : dict {str: ndarray}
    device : str, torch.device or None
        Takes the place of the parameter `device` of every estimator. None leaves them. Tensors go where the `device`
        of the estimator around them says.
    """

    def __init__(self, arrays, device=None):
        self.arrays = arrays
        self.device = device if device is None else str(device)
        self._here = _usable("cpu" if device is None else device)
        self._shared, self._storages = {}, {}
        self._builders = {
            "array": self._array,
            "bytes": lambda node: bytes.fromhex(node["value"]),
            "device": lambda node: torch.device(node["value"]),
            "dict": self._dict,
            "float": lambda node: float(node["value"]),
            "function": lambda node: resolve(node["name"], FUNCTIONS),
            "history": self._history,
            "items": self._object_array,
            "list": self._list,
            "method": self._method,
            "object": self._object,
            "partial": self._partial,
            "random_state": self._random_state,
            "scalar": self._scalar,
            "shared": lambda node: self._shared[node["id"]],
            "tensor": self._tensor,
            "tree": lambda node: cKDTree(self(node["data"]), leafsize=node["leafsize"]),
            "tuple": lambda node: tuple(map(self, node["items"])),
        }

    def __call__(self, node):
        """The value of a tree.

        Raises
        ------
        ValueError
            If it names what is not in the registry, or a device that is not there.
        """
        if node is None or isinstance(node, bool | int | float | str):
            return node
        value = self._builders[node["type"]](node)
        self._keep(node, value)
        return value

    def _keep(self, node, value):
        if "id" in node:
            self._shared[node["id"]] = value

    def _list(self, node):
        value = []
        self._keep(node, value)
        value.extend(map(self, node["items"]))
        return value

    def _dict(self, node):
        value = {}
        self._keep(node, value)
        value.update((self(k), self(v)) for k, v in node["items"])
        return value

    def _object(self, node):
        kind, state = resolve(node["class"], CLASSES), node["state"]
        value = kind.__new__(kind)
        self._keep(node, value)
        if issubclass(kind, nn.Module):
            nn.Module.__init__(value)
            state = {name: self(child) for name, child in state.items()}
            value._non_persistent_buffers_set.update(state.pop("_non_persistent_buffers_set"))
            for name in _MODULE_PARTS:
                vars(value)[name].update(state.pop(name))
            vars(value).update(state)
        elif issubclass(kind, BaseEstimator):
            with self._at(state.get("device")):
                state = {name: self(child) for name, child in state.items()}
            if self.device is not None and "device" in state:
                state["device"] = self.device
            value.__setstate__(state)  # scikit-learn's, which warns of other versions of its own classes
        else:
            vars(value).update((name, self(child)) for name, child in state.items())
        return value

    @contextmanager
    def _at(self, device):
        """Tensors made inside go where the tree `device` says, None being where the others go."""
        before = self._here
        if device is not None and self.device is None:
            self._here = _usable(self(device))
        try:
            yield
        finally:
            self._here = before

    def _array(self, node):
        array = self.arrays[node["key"]].copy()
        return array.transpose(np.argsort(node.get("axes", range(array.ndim))))

    def _tensor(self, node):
        place = node["key"], self._here
        if place not in self._storages:
            self._storages[place] = torch.tensor(self.arrays[node["key"]]).to(self._here)
        tensor = self._storages[place].as_strided(node["size"], node["stride"], node["offset"])
        if node["parameter"]:
            return nn.Parameter(tensor, requires_grad=node["requires_grad"])
        return tensor.requires_grad_(node["requires_grad"])

    def _object_array(self, node):
        items = list(map(self, node["items"]))
        if node["dtype"] == "str":
            return np.array(items, dtype=str).reshape(node["shape"])
        flat = np.empty(len(items), dtype=object)
        for k, item in enumerate(items):
            flat[k] = item
        return flat.reshape(node["shape"])

    def _scalar(self, node):
        if node["dtype"] not in _DTYPES:
            raise ValueError(f"it holds a number of type {node['dtype']!r}")
        return np.dtype(node["dtype"]).type(self(node["value"]))

    def _random_state(self, node):
        value = np.random.RandomState(np.random.MT19937())
        value.set_state(self(node["state"]))
        return value

    def _method(self, node):
        owner = self(node["of"])
        if (names(CLASSES).get(type(owner)), node["name"]) not in METHODS:
            raise ValueError(
                f"it speaks of the method {node['name']!r}, which is not among those that are loaded"
            )
        return getattr(owner, node["name"])

    def _partial(self, node):
        return partial(self(node["function"]), *self(node["args"]), **self(node["keywords"]))

    def _history(self, node):
        columns = {name: self(column).tolist() for name, column in node["columns"].items()}
        rows = [{"batches": []} for _ in range(node["n"])]
        for name, column in columns.items():
            for row, number in zip(rows, column, strict=True):
                row[name] = number
        return resolve("skorch.history.History", {"skorch.history": ("History",)})(rows)


def _usable(device):
    """The device of that name, "auto" included, if tensors can lie there."""
    return torch.empty(0, device=resolve_device(device, "load(path, device='cpu')")).device
