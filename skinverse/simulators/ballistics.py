"""The ballistics task: where does a thrown ball with air drag land?"""

from typing import ClassVar

import numpy as np

from skinverse.simulators.base import Simulator
from skinverse.utils.validation import Interval, Real, StrOptions

_ANGLE_DEGREES = {"code": (9.0, 81.0), "paper": (9.0, 72.0)}
_POSITIVE = [Interval(Real, 0, None, closed="neither")]


class Ballistics(Simulator):
    r"""Landing abscissa of a ball thrown with linear air drag [1]_ [2]_.

    With :math:`\tau = m/k` and the launch velocity :math:`(v_x, v_y) = v_0 (\cos\varphi, \sin\varphi)` the
    path is

    .. math::
        x(t) = x_0 + \tau v_x (1 - e^{-t/\tau}), \qquad
        y(t) = y_0 + \tau (v_y + g\tau)(1 - e^{-t/\tau}) - g \tau t,

    and the response is :math:`x(t^*)` at the landing, :math:`y(t^*) = 0` after the apex.

    Parameters
    ----------
    angle_interval : {"code", "paper"}, default="code"
        Range of the launch angle under the prior and in `bounds`: U(9, 81) degrees, which all published
        programs draw from, or U(9, 72) degrees, which the articles print. It changes no landing point.
    g : float, default=9.81
        Gravitational acceleration, m/s².
    k : float, default=0.25
        Drag coefficient, kg/s.
    m : float, default=0.2
        Mass of the ball, kg.

    Attributes
    ----------
    bounds : ndarray of shape (4, 2)
        Interval of every marginal of the prior between the quantiles of a normal law's ±4 standard
        deviations: x0 ±2 m, y0 0 to 3.5 m, v0 2 to 33 m/s; for the angle, its whole interval.
    integer : ndarray of bool of shape (4,)
        All False: the prior draws whole numbers for v0, but the physics takes any speed.

    Notes
    -----
    Prior: :math:`x_0 \sim N(0, 0.5^2)` m, :math:`y_0 = \max(N(1.5, 0.5^2), 0)` m, the angle uniform, and
    :math:`v_0 \sim \mathrm{Poisson}(15)` m/s. Response: mean 6.8 m, standard deviation 3.1 m.

    A launch below the ground (``y0 < 0``) or a negative speed has no answer: ``NaN`` in its row, as has
    a landing beyond the range of floating-point numbers. A ball thrown downwards or backwards lands.

    The landing time solves :math:`s = c - a e^{-s}`, :math:`s = t/\tau`, with
    :math:`a = 1 + v_y/(g\tau)` and :math:`c = a + y_0/(g\tau^2)`; in closed form
    :math:`s = c + W_0(-a e^{-c})` with Lambert's W. It is found here by Newton's method from a bound of the
    root on the side where the steps cannot overshoot: accurate to rounding (1e-12 m) also for flat throws
    from the ground, where the closed form loses half of its digits, and without its overflow. Published
    programs read the landing off a time grid instead, which falls short by 0.003 m on average.

    References
    ----------
    .. [1] J. Kruse, L. Ardizzone, C. Rother, U. Köthe, "Benchmarking invertible architectures on inverse
           problems", 2021, https://arxiv.org/abs/2101.10763
    .. [2] S. Ren, W. Padilla, J. Malof, "Benchmarking deep inverse models over time, and the
           neural-adjoint method", NeurIPS 2020, https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.simulators import Ballistics
    >>> throw = Ballistics()
    >>> throw([[0.0, 1.5, np.pi / 4, 15.0], [0.0, -1.0, np.pi / 4, 15.0]]).round(3)
    array([[7.693],
           [  nan]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "angle_interval": [StrOptions(set(_ANGLE_DEGREES))],
        "g": _POSITIVE,
        "k": _POSITIVE,
        "m": _POSITIVE,
    }

    input_names = ("x0", "y0", "angle", "v0")
    input_units = ("m", "m", "rad", "m/s")
    output_names = ("landing",)
    output_units = ("m",)

    def __init__(self, angle_interval="code", *, g=9.81, k=0.25, m=0.2):
        self.angle_interval = angle_interval
        self.g = g
        self.k = k
        self.m = m

    @property
    def bounds(self):
        """Central interval of every marginal of the prior, shape (4, 2)."""
        self._validate_params()
        low, high = np.deg2rad(_ANGLE_DEGREES[self.angle_interval])
        return np.array([[-2.0, 2.0], [0.0, 3.5], [low, high], [2.0, 33.0]])

    def _simulate(self, X):
        x0, y0, angle, v0 = X.T
        tau = self.m / self.k
        with np.errstate(over="ignore", invalid="ignore"):
            rise = v0 * np.sin(angle) / (self.g * tau)
            drop = y0 / (self.g * tau**2)
            travelled = -np.expm1(-_landing_time(rise, drop))
            landing = x0 + tau * v0 * np.cos(angle) * travelled
        return np.where(np.isfinite(landing), landing, np.nan)[:, np.newaxis]

    def _obstacles(self, X):
        yield "the launch lies below the ground, y0 < 0", X[:, 1] < 0
        yield "the speed v0 is negative", X[:, 3] < 0

    def _sample_prior(self, n, rng):
        low, high = np.deg2rad(_ANGLE_DEGREES[self.angle_interval])
        x0 = rng.normal(0.0, 0.5, size=n)
        y0 = np.maximum(rng.normal(1.5, 0.5, size=n), 0.0)
        angle = rng.uniform(low, high, size=n)
        v0 = rng.poisson(15, size=n)
        return np.column_stack([x0, y0, angle, v0])


def _landing_time(rise, drop, max_iter=100):
    """Root s >= 0 of ``F(s) = (1 + rise) p - s + drop``, where ``p = 1 - exp(-s)``, behind its maximum.

    Parameters
    ----------
    rise, drop : ndarray of shape (n,)
        Vertical launch speed and launch height, over the terminal speed and over what it falls in tau.
    max_iter : int, default=100
        Cap of the Newton steps. Five are needed, and a dozen for a violent throw downwards.

    Returns
    -------
    s : ndarray of shape (n,)
        Landing time over tau; meaningless where `drop` is negative, NaN where the steps have not settled.
    """
    # Two bounds of the root, above it for concave F (rise > -1) and below it for convex F: c drops the
    # exponential; the other one puts s / (1 + s/2) for p and is sharp for short flights.
    a, c = 1 + rise, 1 + rise + drop
    u = rise + drop / 2
    root = np.sqrt(u * u + 2 * drop)
    short = np.where(u >= 0, u + root, 2 * drop / np.where(u >= 0, 1.0, root - u))
    s = np.where(a >= 0, np.minimum(c, short), np.maximum(c, short))
    moving = np.ones(s.shape, dtype=bool)
    for _ in range(max_iter):
        p = -np.expm1(-s)
        value = (p - s) + rise * p + drop
        slope = rise * (1 - p) - p
        step = np.divide(value, slope, out=np.zeros_like(s), where=slope != 0)
        s = np.where(moving, s - step, s)
        moving &= np.abs(step) > 1e-9 * s + 1e-15
        if not moving.any():
            break
    return np.where(moving, np.nan, s)
