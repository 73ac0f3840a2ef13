import matplotlib
import pytest


@pytest.fixture(autouse=True)
def no_screen():
    """Draw in memory, and close what a test has drawn."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
