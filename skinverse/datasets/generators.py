"""Training sets of the analytic tasks: prior designs and their simulated responses."""

from skinverse.simulators import (
    Ballistics,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    RoboticArm,
    SineWave,
    SrTiO3TightBinding,
    ThinFilmStack,
)
from skinverse.utils.validation import (
    Interval,
    Real,
    check_positive_int,
    check_random_state,
    validate_parameter_constraints,
)

_CONSTRAINTS = {
    "noise": [Interval(Real, 0, None, closed="left")],
    "as_frame": ["boolean"],
}


def make_sine_wave(n_samples=10_000, *, noise=0.0, random_state=None, as_frame=False):
    """Designs and responses of the sine-wave task.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows; the default is that of the published benchmark.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response. The designs of a given `random_state`
        do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.

    Returns
    -------
    X : ndarray of shape (n_samples, 2) or DataFrame
        Designs, uniform in [-1, 1]².
    y : ndarray of shape (n_samples,) or Series
        Responses, -2 to 2 without noise.

    See Also
    --------
    skinverse.simulators.SineWave : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_sine_wave
    >>> X, y = make_sine_wave(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    """
    return _make("make_sine_wave", SineWave(), n_samples, noise, random_state, as_frame)


def make_robotic_arm(
    n_samples=10_000, *, noise=0.0, random_state=None, as_frame=False, convention="absolute"
):
    """Designs and responses of the robotic-arm task.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows; the default is that of the published benchmark.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to both outputs, in lengths of the last segment. The
        designs of a given `random_state` do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    convention : {"absolute", "relative"}, default="absolute"
        Meaning of the joint angles, see :class:`~skinverse.simulators.RoboticArm`.

    Returns
    -------
    X : ndarray of shape (n_samples, 4) or DataFrame
        Designs: height (in segment lengths) and three joint angles (rad).
    y : ndarray of shape (n_samples, 2) or DataFrame
        Tip position, horizontal and vertical, in segment lengths.

    See Also
    --------
    skinverse.simulators.RoboticArm : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_robotic_arm
    >>> X, y = make_robotic_arm(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 4), (100, 2))
    """
    return _make("make_robotic_arm", RoboticArm(convention), n_samples, noise, random_state, as_frame)


def make_ballistics(n_samples=10_000, *, noise=0.0, random_state=None, as_frame=False, angle_interval="code"):
    """Designs and responses of the ballistics task.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows; the default is that of the published benchmark.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response, m. The designs of a given `random_state`
        do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    angle_interval : {"code", "paper"}, default="code"
        Range of the launch angle, see :class:`~skinverse.simulators.Ballistics`.

    Returns
    -------
    X : ndarray of shape (n_samples, 4) or DataFrame
        Designs: launch abscissa and height (m), angle (rad), speed (m/s).
    y : ndarray of shape (n_samples,) or Series
        Landing abscissa, m.

    See Also
    --------
    skinverse.simulators.Ballistics : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_ballistics
    >>> X, y = make_ballistics(100, random_state=0, as_frame=True)
    >>> list(X.columns), y.name
    (['x0', 'y0', 'angle', 'v0'], 'landing')
    """
    return _make("make_ballistics", Ballistics(angle_interval), n_samples, noise, random_state, as_frame)


def make_strontium_titanate(n_samples=5_000, *, noise=0.0, random_state=None, as_frame=False):
    """Designs and responses of the crystal task: strained cells and their band gaps, by tight binding.

    Parameters
    ----------
    n_samples : int, default=5_000
        Number of rows; the default is about that of the published table, which was computed by density-functional
        theory and is not public.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response, eV. The designs of a given `random_state`
        do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.

    Returns
    -------
    X : ndarray of shape (n_samples, 6) or DataFrame
        Designs: lattice constants (Å) and angles (degrees), uniform within 10 % of the cubic cell.
    y : ndarray of shape (n_samples,) or Series
        Band gap, eV.

    See Also
    --------
    skinverse.simulators.SrTiO3TightBinding : The law behind it, with its references and its error.

    Examples
    --------
    >>> from skinverse.datasets import make_strontium_titanate
    >>> X, y = make_strontium_titanate(50, random_state=0)
    >>> X.shape, y.shape
    ((50, 6), (50,))
    """
    return _make("make_strontium_titanate", SrTiO3TightBinding(), n_samples, noise, random_state, as_frame)


def make_cylinder_metamaterial(
    n_samples=1_000, *, noise=0.0, random_state=None, as_frame=False, n_frequencies=300, order=4
):
    """Designs and responses of the meta-material task: four cylinders and their transmittance.

    Parameters
    ----------
    n_samples : int, default=1_000
        Number of rows. One takes 1.5 s of a core, 0.1 s with ``n_frequencies=60, order=3``.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response. The designs of a given `random_state` do not
        depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    n_frequencies, order : int, default=300, 4
        As for :class:`~skinverse.simulators.CylinderMetamaterial`.

    Returns
    -------
    X : ndarray of shape (n_samples, 8) or DataFrame
        Designs: four heights and four radii, um, on the grid of the published data.
    y : ndarray of shape (n_samples, n_frequencies) or DataFrame
        Transmittances, 0 to 1.

    See Also
    --------
    skinverse.simulators.CylinderMetamaterial : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_cylinder_metamaterial
    >>> X, y = make_cylinder_metamaterial(3, n_frequencies=4, order=2, random_state=0)
    >>> X.shape, y.shape
    ((3, 8), (3, 4))
    """
    return _make(
        "make_cylinder_metamaterial",
        CylinderMetamaterial(n_frequencies, order=order),
        n_samples,
        noise,
        random_state,
        as_frame,
    )


def make_microstructures(
    n_samples=100, *, noise=0.0, random_state=None, as_frame=False, n_pixels=64, order=6
):
    """Designs and responses of the microstructure task: binary images and their absorptance.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows. One takes 0.1 s of a core, whatever the number of pixels.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response. The designs of a given `random_state` do not
        depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    n_pixels, order : int, default=64, 6
        As for :class:`~skinverse.simulators.MicrostructureAbsorber`.

    Returns
    -------
    X : ndarray of shape (n_samples, n_pixels**2) or DataFrame
        Images of zeros and ones, ``image.ravel()``.
    y : ndarray of shape (n_samples,) or Series
        Absorptances, 0 to 1.

    See Also
    --------
    skinverse.simulators.MicrostructureAbsorber : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_microstructures
    >>> X, y = make_microstructures(3, n_pixels=16, order=2, random_state=0)
    >>> X.shape, y.shape
    ((3, 256), (3,))
    """
    return _make(
        "make_microstructures",
        MicrostructureAbsorber(n_pixels, order=order),
        n_samples,
        noise,
        random_state,
        as_frame,
    )


def make_thin_film_stack(
    n_samples=10_000, *, noise=0.0, random_state=None, as_frame=False, output="absorptance"
):
    """Designs and responses of the stack task: films of silicon nitride between graphene, and a spectrum.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows, of which 10,000 take a second.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response. The designs of a given `random_state` do not
        depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    output : {"absorptance", "reflectance", "transmittance"}, default="absorptance"
        As for :class:`~skinverse.simulators.ThinFilmStack`.

    Returns
    -------
    X : ndarray of shape (n_samples, 5) or DataFrame
        Designs: thicknesses, nm.
    y : ndarray of shape (n_samples, 256) or DataFrame
        Shares of the incident power, 240 to 2000 nm.

    See Also
    --------
    skinverse.simulators.ThinFilmStack : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_thin_film_stack
    >>> X, y = make_thin_film_stack(3, random_state=0)
    >>> X.shape, y.shape
    ((3, 5), (3, 256))
    """
    return _make(
        "make_thin_film_stack", ThinFilmStack(output=output), n_samples, noise, random_state, as_frame
    )


def make_multilayer_sphere(
    n_samples=10_000, *, noise=0.0, random_state=None, as_frame=False, output="scattering"
):
    """Designs and responses of the shell task: a sphere of eight layers, and a spectrum.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows, of which 10,000 take 45 s.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the response. The designs of a given `random_state` do not
        depend on it.
    random_state : int, RandomState instance or None, default=None
        Governs the designs and the noise. An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.
    output : {"scattering", "extinction", "absorption"}, default="scattering"
        As for :class:`~skinverse.simulators.MultilayerSphere`.

    Returns
    -------
    X : ndarray of shape (n_samples, 8) or DataFrame
        Designs: thicknesses from the core outwards, nm.
    y : ndarray of shape (n_samples, 201) or DataFrame
        Efficiencies, 400 to 800 nm.

    See Also
    --------
    skinverse.simulators.MultilayerSphere : The law behind it, with its references.

    Examples
    --------
    >>> from skinverse.datasets import make_multilayer_sphere
    >>> X, y = make_multilayer_sphere(3, random_state=0)
    >>> X.shape, y.shape
    ((3, 8), (3, 201))
    """
    return _make(
        "make_multilayer_sphere", MultilayerSphere(output=output), n_samples, noise, random_state, as_frame
    )


def _make(caller, simulator, n_samples, noise, random_state, as_frame):
    """Prior designs of `simulator` and its responses, 1-D for a single output."""
    validate_parameter_constraints(_CONSTRAINTS, {"noise": noise, "as_frame": as_frame}, caller)
    check_positive_int(n_samples, "n_samples")
    rng = check_random_state(random_state)
    X = simulator.sample_prior(n_samples, rng)
    y = simulator(X)
    if noise:
        y = y + rng.normal(scale=noise, size=y.shape)
    return as_table(simulator, X, y, as_frame)


def as_table(simulator, X, y, as_frame):
    """Designs and responses (n, n_outputs) as they are given out: a single output is 1-D, frames have names."""
    if as_frame:
        import pandas as pd

        X = pd.DataFrame(X, columns=list(simulator.input_names))
        y = pd.DataFrame(y, columns=list(simulator.output_names))
        return X, y.iloc[:, 0] if y.shape[1] == 1 else y
    return X, y[:, 0] if y.shape[1] == 1 else y
