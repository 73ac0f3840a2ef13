"""The MoS2 table: local copies, the download, and what may go wrong with both."""

import hashlib
import os
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinverse.datasets import fetch_mos2_band_gap, fetchers
from skinverse.utils.validation import InvalidParameterError

FILENAME = "mos2_dft_bandgap.npz"
COLUMNS = ["a", "b", "c", "alpha", "beta", "gamma", "efield"]


@pytest.fixture(autouse=True)
def _nothing_outside(tmp_path, monkeypatch):
    """No home and no environment but those of the test, and no network."""

    def offline(url, **kwargs):
        raise URLError("offline")

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SKINVERSE_DATA", raising=False)
    monkeypatch.setattr(fetchers, "fetch_file", offline)


@pytest.fixture(scope="module")
def real_folder():
    """Folder of the published table, where there is one."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    for folder in (os.environ.get("SKINVERSE_DATA"), beside):
        if folder and Path(folder, FILENAME).exists():
            return Path(folder).resolve()
    pytest.skip(f"needs {FILENAME} in the folder SKINVERSE_DATA or in ../shared/data")


@pytest.fixture
def small(monkeypatch):
    """A small table, made the published one; its third row is a copy of the first."""
    X = np.arange(28.0).reshape(4, 7)[::-1] / 10
    X[2] = X[0]
    y = np.array([0.0, 0.1234, 0.0, 2.0])
    monkeypatch.setattr(fetchers, "_SHA256", hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest())
    return X, y


@pytest.fixture
def origin(tmp_path, monkeypatch):
    """An empty folder, made the place to download from; counts the downloads."""
    folder = tmp_path / "origin"
    folder.mkdir()
    urls = []

    def copy(url, folder):
        urls.append(url)
        source = Path(url.removeprefix("origin://"))
        target = Path(folder, source.name)
        target.write_bytes(source.read_bytes())
        return target

    monkeypatch.setattr(fetchers, "_ORIGIN", f"origin://{folder}/")
    monkeypatch.setattr(fetchers, "fetch_file", copy)
    folder_and_urls = folder, urls
    return folder_and_urls


def _publish(folder, X, y):
    np.savetxt(folder / "data_x.csv", X, delimiter=",", fmt="%.10g")
    np.savetxt(folder / "data_y.csv", y, delimiter=",", fmt="%.10g")


def test_real_table(real_folder):
    mos2 = fetch_mos2_band_gap(real_folder)
    assert mos2.data.shape == (10_798, 7)
    assert mos2.target.shape == (10_798,)
    assert mos2.data.dtype == mos2.target.dtype == np.float64
    assert (mos2.target == 0).sum() == 6922
    assert mos2.target.max() == 2.391
    assert mos2.feature_names == COLUMNS
    assert mos2.target_names == ["band_gap"]
    assert list(mos2.units) == [*COLUMNS, "band_gap"]
    assert mos2.frame is None
    assert mos2.filename == str(real_folder / FILENAME)
    for word in ("MIT", "npj Computational Materials", "twice", "inferred", "0-4996", "eV"):
        assert word in mos2.DESCR
    assert_array_equal(mos2.data[370:738], mos2.data[753:1121])


def test_real_table_through_the_environment_without_its_duplicates(real_folder, monkeypatch):
    monkeypatch.setenv("SKINVERSE_DATA", str(real_folder))
    X, y = fetch_mos2_band_gap(return_X_y=True)
    X_once, y_once = fetch_mos2_band_gap(return_X_y=True, drop_duplicates=True)
    kept = np.r_[0:753, 1121:10_798]
    assert_array_equal(X_once, X[kept])
    assert_array_equal(y_once, y[kept])


def test_real_table_survives_the_text_of_its_origin(real_folder, origin, tmp_path):
    X, y = fetch_mos2_band_gap(real_folder, return_X_y=True)
    _publish(origin[0], X, y)
    X_loaded, y_loaded = fetch_mos2_band_gap(tmp_path / "new", return_X_y=True)
    assert_array_equal(X_loaded, X)
    assert_array_equal(y_loaded, y)


def test_download_is_stored_once_and_completely(small, origin, tmp_path):
    _publish(origin[0], *small)
    home = tmp_path / "deep" / "home"
    for _ in range(2):
        mos2 = fetch_mos2_band_gap(home)
        assert_array_equal(mos2.data, small[0])
        assert_array_equal(mos2.target, small[1])
    assert [url.rsplit("/", 1)[1] for url in origin[1]] == ["data_x.csv", "data_y.csv"]
    assert [path.name for path in home.iterdir()] == [FILENAME]


def test_real_downloader_reads_the_same_files(small, origin, tmp_path, monkeypatch):
    from sklearn.datasets import fetch_file

    _publish(origin[0], *small)
    monkeypatch.setattr(fetchers, "_ORIGIN", f"file://localhost{origin[0]}/")
    monkeypatch.setattr(fetchers, "fetch_file", fetch_file)
    assert_array_equal(fetch_mos2_band_gap(tmp_path / "new").data, small[0])


def test_places_are_searched_in_order(small, origin, tmp_path, monkeypatch):
    named, cache = tmp_path / "named", tmp_path / "home" / "skinverse_data"
    X, y = small
    cache.mkdir(parents=True)
    np.savez(cache / FILENAME, X=X, y=y[:, None])
    monkeypatch.setenv("SKINVERSE_DATA", str(named))
    assert fetch_mos2_band_gap().filename == str(cache / FILENAME)
    named.mkdir()
    np.savez(named / FILENAME, X=X, y=y)
    assert fetch_mos2_band_gap().filename == str(named / FILENAME)
    assert origin[1] == []


def test_read_only_environment_folder_falls_back_to_the_cache(small, origin, tmp_path, monkeypatch):
    _publish(origin[0], *small)
    blocked = tmp_path / "blocked"  # a file in the way stands for a folder that cannot be written to
    blocked.write_text("")
    monkeypatch.setenv("SKINVERSE_DATA", str(blocked))
    assert fetch_mos2_band_gap().filename == str(tmp_path / "home" / "skinverse_data" / FILENAME)


def test_nowhere_to_write_raises(small, origin, tmp_path):
    (tmp_path / "blocked").write_text("")
    with pytest.raises(OSError, match=r"can be written to\. Pass data_home=FOLDER"):
        fetch_mos2_band_gap(tmp_path / "blocked")
    assert origin[1] == []


def test_missing_without_download_names_the_ways_out(tmp_path):
    with pytest.raises(OSError, match=r"download_if_missing=True, or data_home=FOLDER.*SKINVERSE_DATA"):
        fetch_mos2_band_gap(tmp_path, download_if_missing=False)
    assert list(tmp_path.iterdir()) == []


def test_no_network_names_the_address_and_the_ways_out(tmp_path):
    with pytest.raises(
        OSError, match=r"https://raw\.githubusercontent\.com/.*/data_x.csv could not.*data_home"
    ):
        fetch_mos2_band_gap(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["numbers", "bytes", "empty", "arrays", "text"])
def test_corrupted_copy_raises(small, tmp_path, kind):
    X, y = small
    path = tmp_path / FILENAME
    np.savez(path, X=X, y=y + 1e-12)
    if kind == "bytes":
        path.write_bytes(path.read_bytes()[:300])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "arrays":
        np.savez(path, X=X)
    elif kind == "text":
        np.savez(path, X=X.astype(str), y=np.array(["a"]))
    with pytest.raises(OSError, match=f"{FILENAME} (does not hold|cannot be read).*Delete it to have it"):
        fetch_mos2_band_gap(tmp_path)


@pytest.mark.parametrize("content", ["<html>rate limit</html>", "", "1,2,3\n", "1,2\n1,2,3\n"])
@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_corrupted_download_raises_and_leaves_nothing(small, origin, tmp_path, content):
    _publish(origin[0], *small)
    (origin[0] / "data_x.csv").write_text(content)
    home = tmp_path / "new"
    with pytest.raises(OSError, match="try again later"):
        fetch_mos2_band_gap(home)
    assert list(home.iterdir()) == []


def test_frames(small, origin, tmp_path):
    _publish(origin[0], *small)
    mos2 = fetch_mos2_band_gap(tmp_path / "new", as_frame=True, drop_duplicates=True)
    assert list(mos2.frame.columns) == [*COLUMNS, "band_gap"]
    assert list(mos2.data.columns) == COLUMNS
    assert mos2.target.name == "band_gap"
    assert_array_equal(mos2.data.to_numpy(), small[0][[0, 1, 3]])
    assert_array_equal(mos2.target.to_numpy(), small[1][[0, 1, 3]])


def test_wrong_parameters_raise():
    with pytest.raises(InvalidParameterError, match="The 'as_frame' parameter of fetch_mos2_band_gap"):
        fetch_mos2_band_gap(as_frame="yes")
    with pytest.raises(InvalidParameterError, match="The 'data_home' parameter of fetch_mos2_band_gap"):
        fetch_mos2_band_gap(3)
