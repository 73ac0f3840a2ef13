"""Inverters: estimators that answer "which designs give this response?"."""

from skinverse.inverters.autoregressive import AutoregressiveInverter
from skinverse.inverters.bayes_opt import BayesOptInverter
from skinverse.inverters.cinn import CINNInverter
from skinverse.inverters.cvae import CVAEInverter
from skinverse.inverters.flow_matching import FlowMatchingInverter
from skinverse.inverters.inn import INNInverter
from skinverse.inverters.ipage import IPageInverter
from skinverse.inverters.mdn import MDNInverter
from skinverse.inverters.nearest import NearestDesignInverter
from skinverse.inverters.neural_adjoint import NeuralAdjoint
from skinverse.inverters.prior import PriorInverter
from skinverse.inverters.tandem import TandemInverter

__all__ = [
    "AutoregressiveInverter",
    "BayesOptInverter",
    "CINNInverter",
    "CVAEInverter",
    "FlowMatchingInverter",
    "INNInverter",
    "IPageInverter",
    "MDNInverter",
    "NearestDesignInverter",
    "NeuralAdjoint",
    "PriorInverter",
    "TandemInverter",
]
