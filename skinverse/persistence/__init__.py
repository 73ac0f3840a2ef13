"""Fitted estimators as files that hold no code."""

from skinverse.persistence.card import ResultCard
from skinverse.persistence.codec import SavedNet
from skinverse.persistence.files import SaveMixin, load, read_card, save

__all__ = ["ResultCard", "SaveMixin", "SavedNet", "load", "read_card", "save"]
