"""Data sets: ``make_*`` draws from a simulator, ``fetch_*`` brings measured or computed tables.

:func:`fit_in_batches` trains on a :class:`ChunkedTable`, which need not fit in memory.
"""

from skinverse.datasets.cells import make_architected_cells
from skinverse.datasets.chunked import ChunkedTable, fit_in_batches
from skinverse.datasets.fetchers import fetch_mos2_band_gap
from skinverse.datasets.generators import (
    make_ballistics,
    make_cylinder_metamaterial,
    make_microstructures,
    make_multilayer_sphere,
    make_robotic_arm,
    make_sine_wave,
    make_strontium_titanate,
    make_thin_film_stack,
)

__all__ = [
    "ChunkedTable",
    "fetch_mos2_band_gap",
    "fit_in_batches",
    "make_architected_cells",
    "make_ballistics",
    "make_cylinder_metamaterial",
    "make_microstructures",
    "make_multilayer_sphere",
    "make_robotic_arm",
    "make_sine_wave",
    "make_strontium_titanate",
    "make_thin_film_stack",
]
