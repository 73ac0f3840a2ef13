"""Published tables: found locally or downloaded, checked against their checksum, kept outside the package."""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_file
from sklearn.utils import Bunch

from skinverse.utils.validation import validate_parameter_constraints

_FILENAME = "mos2_dft_bandgap.npz"
_ORIGIN = (
    "https://raw.githubusercontent.com/jxzhangjhu/MatDesINNe/"
    "bfc2003881844857cb2ce8c170c8c34b1671f92a/Simulated_DataSets/MoS2/"
)
# Of the numbers, not of a file: little-endian float64 bytes of X (10798, 7), row by row, then of y.
_SHA256 = "994157fb4fee95dbe07bc3477f3f366ebcc858460377466ccd6cc3b6bef4261e"
_UNITS = {
    "a": "angstrom",
    "b": "angstrom",
    "c": "angstrom",
    "alpha": "degree",
    "beta": "degree",
    "gamma": "degree",
    "efield": "V/angstrom",
    "band_gap": "eV",
}
_DESCR = """\
Band gaps of strained MoS2 in an electric field
===============================================

10,798 density-functional computations of a MoS2 layer: six lattice parameters and an electric field in, the
electronic band gap out. Rows are kept in the published order.

=========  ===============  =================  =====================================
column     unit             range              meaning
=========  ===============  =================  =====================================
a, b       angstrom         2.53 to 3.79       lattice lengths, 3.1605 unstrained
c          angstrom         9.84 to 14.75      lattice length, 12.295 unstrained
alpha,     degree           72 to 108          lattice angles, 90 unstrained
beta
gamma      degree           96 to 144          lattice angle, 120 unstrained
efield     V/angstrom       -1 to 1            electric field
band_gap   eV               0 to 2.391         target
=========  ===============  =================  =====================================

The origin names neither columns nor units: the names follow its description, the units of the lattice are
inferred from the unstrained values, and that of the field is likely but not verified.

Before use
----------
- 6,922 gaps (64.1 %) are exactly 0: metals. The others start at 0.02 eV and are multiples of 1e-4 eV.
- 368 rows appear twice: rows 370-737 again as rows 753-1120, input and target alike. Drop them before
  splitting (``drop_duplicates=True``), or test rows have their twins in the training part.
- Five blocks were sampled differently, so rows are not exchangeable. Split at random, never by position:

  ============  ===============  ===============  ===========  =========
  rows          lattice lengths  lattice angles   field        metals
  ============  ===============  ===============  ===========  =========
  0-4996        +-20 %           +-20 %           U(-1, 1)     87.0 %
  4997-6994     +-20 %           +-20 %           0            87.2 %
  6995-8798     +-10 %           +-10 %           U(-1, 1)     19.9 %
  8799-9797     +-20 %           unstrained       U(-1, 1)     42.1 %
  9798-10797    +-10 %           unstrained       U(-1, 1)     5.5 %
  ============  ===============  ===============  ===========  =========

Source: https://github.com/jxzhangjhu/MatDesINNe (Simulated_DataSets/MoS2).
Licence: MIT, (c) 2021 Jiaxin Zhang.
Please cite: V. Fung, J. Zhang, G. Hu, P. Ganesh, B. G. Sumpter, "Inverse design of two-dimensional materials
with invertible neural networks", npj Computational Materials 7, 200 (2021),
https://doi.org/10.1038/s41524-021-00670-x
"""


def fetch_mos2_band_gap(
    data_home=None, *, download_if_missing=True, as_frame=False, return_X_y=False, drop_duplicates=False
):
    """Load the band gaps of strained MoS2 in an electric field (regression).

    The table is looked for in `data_home` if given; otherwise in the folder that the environment variable
    ``SKINVERSE_DATA`` names, then in ``~/skinverse_data``. If it is in none of them it is downloaded from its
    origin and kept in the first of them that can be written to. Every copy is checked against a checksum.

    ==============   ==================
    Samples                      10,798
    Inputs                            7
    Target           real, 0 to 2.39 eV
    ==============   ==================

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the data, the only place looked at when given. It is made when a download needs it.
    download_if_missing : bool, default=True
        Whether a missing table may be downloaded.
    as_frame : bool, default=False
        Return pandas objects.
    return_X_y : bool, default=False
        Return ``(data, target)`` alone.
    drop_duplicates : bool, default=False
        Leave out the second of any two identical rows (368 of them), in the published order otherwise. The
        default is the table as published; pass True before any split into training and test rows.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        data : ndarray of shape (10798, 7) or DataFrame
            Lattice lengths (angstrom), lattice angles (degree) and electric field (V/angstrom).
        target : ndarray of shape (10798,) or Series
            Band gap, eV.
        frame : DataFrame of shape (10798, 8) or None
            Both side by side, if `as_frame`.
        feature_names, target_names : list of str
            Names of the columns.
        units : dict of str to str
            Unit of every column.
        DESCR : str
            Columns, sampling blocks, duplicates, source, licence and citation.
        filename : str
            Path of the file the numbers were read from.
    (data, target) : tuple, if `return_X_y`

    Raises
    ------
    OSError
        If a copy does not hold the published numbers, if there is none and `download_if_missing` is False, or
        if it cannot be downloaded or written.

    References
    ----------
    .. [1] V. Fung, J. Zhang, G. Hu, P. Ganesh, B. G. Sumpter, "Inverse design of two-dimensional materials
           with invertible neural networks", npj Comput. Mater. 7, 200, 2021,
           https://doi.org/10.1038/s41524-021-00670-x

    Examples
    --------
    >>> from skinverse.datasets import fetch_mos2_band_gap
    >>> mos2 = fetch_mos2_band_gap(drop_duplicates=True)  # doctest: +SKIP
    >>> mos2.data.shape, mos2.units["band_gap"]  # doctest: +SKIP
    ((10430, 7), 'eV')
    """
    switches = {
        "download_if_missing": download_if_missing,
        "as_frame": as_frame,
        "return_X_y": return_X_y,
        "drop_duplicates": drop_duplicates,
    }
    validate_parameter_constraints(
        {"data_home": [str, os.PathLike, None]} | {name: ["boolean"] for name in switches},
        {"data_home": data_home} | switches,
        "fetch_mos2_band_gap",
    )
    folders = _folders(data_home)
    path = next((folder / _FILENAME for folder in folders if os.path.isfile(folder / _FILENAME)), None)
    if path is None:
        if not download_if_missing:
            raise OSError(
                f"{_FILENAME} is in none of {[str(folder) for folder in folders]} and download_if_missing is "
                "False. Pass download_if_missing=True, or data_home=FOLDER, or set the environment variable "
                "SKINVERSE_DATA to a folder that holds the file."
            )
        path = _download(folders)
    X, y = _read(path)
    return _bunch(X, y, path, drop_duplicates, as_frame, return_X_y)


def _folders(data_home):
    """Where to look, in this order."""
    if data_home is not None:
        return [Path(data_home).expanduser()]
    named = os.environ.get("SKINVERSE_DATA")
    return [Path(folder).expanduser() for folder in (named, "~/skinverse_data") if folder]


def _read(path):
    """Checked X (n, 7) and y (n,) of a local copy."""
    way_out = "Delete it to have it downloaded again."
    try:
        with np.load(path) as arrays:
            X, y = (arrays[name].astype("<f8") for name in "Xy")
    except Exception as error:  # a damaged archive fails in many ways
        raise OSError(f"{path} cannot be read ({error!r}). {way_out}") from error
    return _check(X, y, path, way_out)


def _parse(x_file, y_file):
    """Checked X (n, 7) and y (n,) of the two files of the origin."""
    way_out = "The transfer may have been cut short: try again later."
    try:
        X, y = (np.loadtxt(path, delimiter=",", dtype="<f8") for path in (x_file, y_file))
    except ValueError as error:
        raise OSError(f"What {_ORIGIN} sent is no table of numbers ({error}). {way_out}") from error
    return _check(X, y, _ORIGIN, way_out)


def _check(X, y, source, way_out):
    """X (n, 7) and y (n,), or an error if their little-endian float64 are not the published numbers."""
    found = hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest()
    if found != _SHA256:
        raise OSError(
            f"{source} does not hold the published table: the SHA-256 of its numbers must be {_SHA256}, "
            f"got {found}. {way_out}"
        )
    return X.astype(np.float64).reshape(-1, 7), y.astype(np.float64).reshape(-1)


def _download(folders):
    """Download, check and store the table in the first folder that can be written to; its path there."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            scratch_folder = tempfile.TemporaryDirectory(prefix=".download_", dir=folder)
        except OSError:
            continue
        with scratch_folder as scratch:
            X, y = _parse(_fetch(_ORIGIN + "data_x.csv", scratch), _fetch(_ORIGIN + "data_y.csv", scratch))
            complete = Path(scratch, _FILENAME)
            np.savez_compressed(complete, X=X, y=y)
            return complete.replace(folder / _FILENAME)  # atomic: nobody ever sees half a file
    raise OSError(
        f"None of {[str(folder) for folder in folders]} can be written to. Pass data_home=FOLDER, or set the "
        "environment variable SKINVERSE_DATA to a folder that can."
    )


def _fetch(url, folder):
    """Path of the downloaded file."""
    try:
        return fetch_file(url, folder=folder)
    except OSError as error:
        raise OSError(
            f"{url} could not be downloaded ({error}). Check the network, or copy {_FILENAME} from elsewhere "
            "into a folder and name that in data_home or in the environment variable SKINVERSE_DATA."
        ) from error


def _bunch(X, y, path, drop_duplicates, as_frame, return_X_y):
    *feature_names, target_name = _UNITS
    if drop_duplicates:
        first = np.sort(np.unique(np.column_stack([X, y]), axis=0, return_index=True)[1])
        X, y = X[first], y[first]
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(np.column_stack([X, y]), columns=[*feature_names, target_name])
        X, y = frame[feature_names], frame[target_name]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        frame=frame,
        feature_names=feature_names,
        target_names=[target_name],
        units=dict(_UNITS),
        DESCR=_DESCR,
        filename=str(path),
    )
