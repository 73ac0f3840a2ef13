"""The quantitative tables of the papers, regenerated: ``python -m skinverse.benchmark --help``."""
