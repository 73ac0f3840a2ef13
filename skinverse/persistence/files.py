"""Saving to a safetensors file, and loading from it."""

import hashlib
import json
import os
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from skinverse._version import __version__
from skinverse.persistence.card import ResultCard, make_card
from skinverse.persistence.codec import Decoder, Encoder
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import check_is_fitted

# Raised when files of a new version cannot be read by the versions before it.
FORMAT = 1
# What a header must have.
_ENTRIES = ("skinverse_format", "card", "tree", "sha256")


class SaveMixin:
    """Gives an estimator the method ``save``."""

    def save(self, path, *, about=None):
        """Save the fitted estimator to a file that holds no code, see :func:`skinverse.save`.

        Parameters
        ----------
        path : str or path
        about : dict, default=None
            What else the card should say.
        """
        save(self, path, about=about)


def save(estimator, path, *, about=None):
    """Save a fitted estimator to one file without code.

    The file is in the safetensors format: arrays, and a header in JSON with everything else, a card for readers
    included. It names objects by classes of a fixed list, so that loading runs nothing that the file brings along.
    :func:`skinverse.load` gives the estimator back with its parameters and answers.

    Parameters
    ----------
    estimator : estimator
        Any inverter, :class:`~skinverse.ForwardRegressor`, encoder or :class:`~skinverse.simulators.NeuralSimulator`,
        or a Pipeline of those and of scikit-learn's scalers and decompositions.
    path : str or path
        Usually ends in ``.safetensors``. A file that is there is replaced, and only once the new one is complete.
    about : dict, default=None
        What the card should say beyond what the estimator knows, as plain values: where the data come from, who judged
        the designs and with which error, what they are meant for.

    Raises
    ------
    NotFittedError
        Before `fit`.
    TypeError
        If the estimator holds something of its user's own: a forward model, a sampler, a function. Keep such
        an estimator with :mod:`joblib` or :mod:`pickle`.
    FileNotFoundError
        If the folder does not exist.

    Notes
    -----
    Of skorch nets (`net_`, `nets_`) only the history is kept, epoch by epoch; the trained network is in `module_`.

    Examples
    --------
    >>> import tempfile, skinverse
    >>> X, y = skinverse.datasets.make_sine_wave(200, random_state=0)
    >>> inverter = skinverse.NearestDesignInverter().fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     inverter.save(f"{folder}/sine.safetensors", about={"data": "make_sine_wave"})
    ...     again = skinverse.load(f"{folder}/sine.safetensors")
    ...     card = skinverse.read_card(f"{folder}/sine.safetensors")
    >>> bool((again.inverse(0.5, n=3) == inverter.inverse(0.5, n=3)).all())
    True
    >>> card["n_samples"], card["about"]
    (200, {'data': 'make_sine_wave'})
    """
    check_is_fitted(estimator)
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to save in. Create it first.")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder. Give the name of a file in it.")
    encoder = Encoder()
    tree = _as_json(encoder(estimator, type(estimator).__name__))
    try:
        card = _as_json(make_card(estimator, about))
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"about must be a dict of text and finite numbers, got {about!r}: {error}"
        ) from error
    header = {"skinverse_format": str(FORMAT), "card": card, "tree": tree}
    header["sha256"] = _digest(header, encoder.arrays)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        save_file(encoder.arrays, unfinished, metadata=header)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path, device=None):
    """Estimator from a file that :func:`skinverse.save` wrote.

    Parameters
    ----------
    path : str or path
    device : str or torch.device, default=None
        Where its networks should lie: "cpu", "cuda" or "auto". The parameter `device` of every part is set to it, for
        later fits. None goes by these parameters as they were saved; "auto", their default, is a GPU where there is
        one.

    Returns
    -------
    estimator : estimator
        Fitted. On the same kind of machine and with the same versions its answers are those it gave before it was
        saved, bit for bit.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, speaks of anything but the classes that skinverse loads, has a newer format, was
        written by another major version of skinverse, or needs a device that is not there.

    Warns
    -----
    UserWarning
        If another minor version of skinverse wrote it, or another version of scikit-learn one of its own
        classes.
    """
    with _open(path) as file:
        header = _header(path, file)
        try:
            arrays = {key: file.get_tensor(key) for key in file.keys()}
        except (SafetensorError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error
    if header["sha256"] != _digest(header, arrays):
        raise _damaged(path, "its content does not match its checksum")
    try:
        _check_version(path, json.loads(header["card"])["versions"]["skinverse"])
        tree = json.loads(header["tree"])
        decoder = Decoder(arrays, device)
        return decoder(tree)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}.") from error
    except (AttributeError, LookupError, OverflowError, RuntimeError, TypeError) as error:
        raise _damaged(path, repr(error)) from error


def read_card(path):
    """What a saved estimator was trained on, how good it is and what its limits are, without loading it.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    card : ResultCard
        A dict that prints as text: ``print(read_card(path))``. Its keys are `estimator`, `saved`, `n_samples`,
        `features` and `responses` (`n`, `names`, `units`, `range`: allowed designs, and responses seen),
        `held_out_error`, `judge`, `limits`, `about`, `parameters` and `versions`.
    """
    with _open(path) as file:
        header = _header(path, file)
    try:
        return ResultCard(json.loads(header["card"]))
    except (TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _as_json(value):
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _digest(header, arrays):
    """Checksum of a header's entries and of the arrays, against damage; it proves nothing about who wrote them."""
    total = hashlib.sha256()
    for name in ("skinverse_format", "card", "tree"):
        total.update(f"{name} {len(header[name])} ".encode() + header[name].encode())
    for key in sorted(arrays):
        array = arrays[key]
        total.update(f"{key} {array.dtype.name} {array.shape} ".encode())
        total.update(memoryview(array.reshape(-1)).cast("B") if array.size else b"")
    return total.hexdigest()


def _open(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        return safe_open(path, framework="np")
    except SafetensorError as error:
        raise _damaged(path, error) from error


def _header(path, file):
    header = file.metadata() or {}
    if not all(entry in header for entry in _ENTRIES):
        raise ValueError(f"{str(path)!r} is a safetensors file, but not one that skinverse.save wrote.")
    if not header["skinverse_format"].isdecimal():
        raise _damaged(path, "its format has no number")
    if int(header["skinverse_format"]) > FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {header['skinverse_format']}, but skinverse {__version__} reads formats up to "
            f"{FORMAT}. Load it with the version that wrote it, or a newer one."
        )
    return header


def _check_version(path, writer):
    """Attributes of fitted estimators may differ between versions."""
    (major, minor), (our_major, our_minor) = (v.split(".")[:2] for v in (writer, __version__))
    if major != our_major:
        raise ValueError(
            f"skinverse {writer} wrote it and this is skinverse {__version__}, which may keep other things in its "
            "estimators. Load it with a version of the same major number, or fit again"
        )
    if minor != our_minor:
        warn_user(
            f"{str(path)!r} was written by skinverse {writer} and is loaded by {__version__}: compare some answers "
            "before you rely on it.",
        )


def _damaged(path, reason):
    return ValueError(
        f"{str(path)!r} is damaged, cut short, or no file of skinverse ({reason}). Copy it again from where it was "
        "saved, or fit again."
    )
