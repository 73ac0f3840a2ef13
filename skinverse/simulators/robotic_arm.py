"""The robotic-arm task: inverse kinematics with one redundant joint and a sliding base."""

from typing import ClassVar

import numpy as np

from skinverse.simulators.base import Simulator
from skinverse.utils.validation import StrOptions

_LENGTHS = np.array([0.5, 0.5, 1.0])
_PRIOR_SD = np.array([0.25, 0.5, 0.5, 0.5])


class RoboticArm(Simulator):
    r"""Tip of a planar arm of three segments on a vertical slide.

    The base slides to the height :math:`x_1`; the segments, of lengths 0.5, 0.5 and 1, point into the
    directions :math:`\theta_1, \theta_2, \theta_3` (angles to the horizontal):

    .. math::
        y_1 = \textstyle\sum_i l_i \cos\theta_i, \qquad y_2 = x_1 + \textstyle\sum_i l_i \sin\theta_i

    Four inputs and two outputs leave a two-dimensional family of designs for every target, and for each
    height and last direction there are two of them: elbow up and elbow down (see :meth:`mirror`).

    Parameters
    ----------
    convention : {"absolute", "relative"}, default="absolute"
        What the joint angles mean; the literature knows two arms which are not equivalent.

        - ``"absolute"``: :math:`\theta = (x_2,\; x_3 - x_2,\; x_4 - x_3 - x_2)`, the arm of the benchmark of
          [1]_, to which most published figures refer;
        - ``"relative"``: :math:`\theta = (x_2,\; x_2 + x_3,\; x_2 + x_3 + x_4)`, every joint measured from
          the segment before it, as in [2]_ and [3]_.

    Attributes
    ----------
    bounds : ndarray of shape (4, 2)
        Four standard deviations of the prior on either side, ±1 for the height and ±2 rad for the joints:
        99.97 % of the prior's draws lie inside, and the formula holds outside. The prior itself is
        unbounded, so any box is a choice.

    Notes
    -----
    Prior: :math:`x_1 \sim N(0, 0.25^2)` and :math:`x_2, x_3, x_4 \sim N(0, 0.5^2)` rad. The unit of length is
    the last segment. The first output is the horizontal one, in both conventions.
    Standard deviations of the outputs under the prior: (0.44, 0.58) for ``"absolute"`` and (0.51, 1.05) for
    ``"relative"``.

    References
    ----------
    .. [1] S. Ren, W. Padilla, J. Malof, "Benchmarking deep inverse models over time, and the
           neural-adjoint method", NeurIPS 2020, https://arxiv.org/abs/2009.12919
    .. [2] L. Ardizzone et al., "Analyzing inverse problems with invertible neural networks", ICLR 2019,
           https://arxiv.org/abs/1808.04730
    .. [3] J. Kruse, L. Ardizzone, C. Rother, U. Köthe, "Benchmarking invertible architectures on inverse
           problems", 2021, https://arxiv.org/abs/2101.10763

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.simulators import RoboticArm
    >>> arm = RoboticArm()
    >>> arm([[0.0, 0.0, 0.0, 0.0]])
    array([[2., 0.]])
    >>> up = [[0.1, 0.5, 0.3, 0.2]]
    >>> down = arm.mirror(up)
    >>> bool(np.allclose(arm(up), arm(down))), down.round(2)
    (True, array([[ 0.1, -0.2,  0.3, -0.5]]))
    """

    _parameter_constraints: ClassVar[dict] = {"convention": [StrOptions({"absolute", "relative"})]}

    input_names = ("height", "joint1", "joint2", "joint3")
    input_units = ("1", "rad", "rad", "rad")
    output_names = ("horizontal", "vertical")
    output_units = ("1", "1")

    def __init__(self, convention="absolute"):
        self.convention = convention

    @property
    def bounds(self):
        """Four standard deviations of the prior on either side, shape (4, 2)."""
        return 4 * _PRIOR_SD[:, np.newaxis] * np.array([-1.0, 1.0])

    def mirror(self, X):
        """The other elbow: same height, same wrist and same direction of the last segment.

        The two lower segments are equally long, so exchanging their directions leaves their sum, the wrist,
        in its place. The mirror image of the mirror image is the design itself.

        Parameters
        ----------
        X : array-like of shape (n, 4)
            Designs.

        Returns
        -------
        X_mirrored : ndarray of float64 of shape (n, 4)
            The second solution with the same response; equal to `X` where the elbow is straight. It may
            lie outside `bounds`.
        """
        self._validate_params()
        x1, x2, x3, x4 = self._check_designs(X).T
        if self.convention == "absolute":
            mirrored = x1, x3 - x2, x3, x4 + x3 - 2 * x2
        else:
            mirrored = x1, x2 + x3, -x3, x3 + x4
        return np.column_stack(mirrored)

    def _simulate(self, X):
        height, x2, x3, x4 = X.T
        if self.convention == "absolute":
            directions = x2, x3 - x2, x4 - x3 - x2
        else:
            directions = x2, x2 + x3, x2 + x3 + x4
        horizontal = sum(length * np.cos(angle) for length, angle in zip(_LENGTHS, directions, strict=True))
        vertical = sum(length * np.sin(angle) for length, angle in zip(_LENGTHS, directions, strict=True))
        return np.column_stack([horizontal, height + vertical])

    def _sample_prior(self, n, rng):
        return rng.normal(scale=_PRIOR_SD, size=(n, 4))
