"""Refractive indices n + ik of a few named materials, and of those that a user brings."""

import numpy as np
from scipy.constants import fine_structure

GRAPHENE_THICKNESS = 0.35  # nm


def _sellmeier(*terms):
    """The law ``n² = 1 + sum of B λ² / (λ² - C²)`` for pairs (B, C), with λ and C in um."""

    def index(wavelengths):
        squared = (wavelengths / 1000) ** 2
        return np.sqrt(1 + sum(B * squared / (squared - C**2) for B, C in terms))

    return index


def _rutile(wavelengths):
    return np.sqrt(5.913 + 0.2441 / ((wavelengths / 1000) ** 2 - 0.0803))


def _graphene(wavelengths):
    return np.sqrt(1 + 0.5j * fine_structure * wavelengths / GRAPHENE_THICKNESS)


MATERIALS = {
    "SiO2": _sellmeier((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161)),
    "Si3N4": _sellmeier((3.0249, 0.1353406), (40314, 1239.842)),
    "TiO2": _rutile,
    "graphene": _graphene,
}


def refractive_index(material, wavelengths, name="material"):
    r"""Refractive index of a material, checked.

    Parameters
    ----------
    material : str, complex or array-like of shape (n_wavelengths,)
        A number, one number for each wavelength, or a name:

        - "SiO2": fused silica, 210 to 3710 nm [1]_;
        - "Si3N4": silicon nitride, 310 to 5504 nm [2]_;
        - "TiO2": rutile, ordinary ray, 430 to 1530 nm [3]_;
        - "graphene": a sheet of the universal optical conductance :math:`\sigma = e^2/4\hbar` [4]_, spread over
          :math:`d` = 0.35 nm,

          .. math:: n^2 = 1 + \frac{i\sigma}{\varepsilon_0\omega d} = 1 + \frac{i\alpha\lambda}{2d},

          with the fine-structure constant :math:`\alpha`. It holds from the near infrared to the visible; the
          absorption peak of real graphene at 270 nm is not in it.

        The formulas are continued beyond the wavelengths where they were measured.
    wavelengths : ndarray of shape (n_wavelengths,)
        Wavelengths in vacuum, nm.
    name : str
        What an error calls `material`.

    Returns
    -------
    index : ndarray of complex of shape (n_wavelengths,)
        :math:`n + ik`, with :math:`k \geq 0` in an absorbing material.

    References
    ----------
    .. [1] I. H. Malitson, "Interspecimen comparison of the refractive index of fused silica", J. Opt. Soc. Am. 55,
           1965, https://doi.org/10.1364/JOSA.55.001205
    .. [2] K. Luke et al., "Broadband mid-infrared frequency comb generation in a Si3N4 microresonator", Opt. Lett.
           40, 2015, https://doi.org/10.1364/OL.40.004823
    .. [3] J. R. DeVore, "Refractive indices of rutile and sphalerite", J. Opt. Soc. Am. 41, 1951,
           https://doi.org/10.1364/JOSA.41.000416
    .. [4] R. R. Nair et al., "Fine structure constant defines visual transparency of graphene", Science 320, 2008,
           https://doi.org/10.1126/science.1156965

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.simulators.materials import refractive_index
    >>> refractive_index("SiO2", np.array([587.6])).round(4)
    array([1.4585+0.j])
    """
    try:
        given = (
            MATERIALS[material](wavelengths)
            if isinstance(material, str)
            else np.asarray(material, dtype=complex)
        )
        index = np.broadcast_to(given, wavelengths.shape).astype(complex)
        fine = (index.real >= 0) & (index.imag >= 0) & (index != 0) & np.isfinite(index)
    except (KeyError, TypeError, ValueError):
        fine = np.False_
    if not fine.all():
        raise ValueError(
            f"{name} must be a refractive index n + ik with n, k >= 0, one for each of {len(wavelengths)} "
            f"wavelengths, or one of {sorted(MATERIALS)}; got {material!r}."
        )
    return index
