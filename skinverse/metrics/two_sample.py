"""Do candidates follow p(x | y*)? Distances between two samples."""

import warnings

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier

from skinverse.utils.chunks import chunks
from skinverse.utils.scaling import check_scale, column_scale
from skinverse.utils.validation import Integral, check_random_state

# Pairs of points compared at once: small enough to stay in a processor's cache.
_MAX_PAIRS = 2**17


def posterior_mmd(X, reference, *, scale=None, widths=(0.05, 0.2, 0.9), biased=False):
    r"""Squared maximum mean discrepancy of candidates and draws from the true posterior [1]_.

    .. math::
        \mathrm{MMD}^2 = \mathbb E\,k(x, x') - 2\, \mathbb E\,k(x, r) + \mathbb E\,k(r, r'),
        \qquad k(x, x') = \sum_a \frac{a^2}{a^2 + \lVert x - x' \rVert^2}

    over candidates x and reference draws r, in standardised designs. This is the kernel of Table 4 in
    [1]_: a sum over the widths, not a mean, and no square root is taken.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
        Candidates for each target, or for one.
    reference : array-like of shape (n_targets, m, n_features) or (m, n_features)
        Draws from p(x | y*), such as those of :func:`reference_posterior`.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is: the standard deviations of the training designs, if scores are
        to be compared with published ones. None is the standard deviation of the reference over
        all targets. A zero counts as one.
    widths : sequence of float, default=(0.05, 0.2, 0.9)
        Widths a of the kernels: distances that matter, in units of `scale`.
    biased : bool, default=False
        True keeps every point's similarity to itself, as the paper does, which adds about
        :math:`3 (1/n + 1/m)` to the score of exact draws. False leaves it out: the mean over
        repeated draws is then the true distance, and a single score may be a little below zero.

    Returns
    -------
    score : float or ndarray of shape (n_targets,)
        Unbiased, exact draws score 0, give or take 0.001 for a thousand points each, and a single design
        repeated scores 2.6 to 2.8, nearly the number of widths. Draws from the prior, which know nothing of
        the target, score no more than 0.03 (sine wave), 0.07 (ballistics) and 0.15 (robotic arm) in
        the mean over targets: give that number beside any other.

    See Also
    --------
    classifier_two_sample_test : Sharper, slower.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919
    .. [2] A. Gretton et al., "A kernel two-sample test", JMLR 2012.
       https://jmlr.org/papers/v13/gretton12a.html

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.metrics import posterior_mmd
    >>> rng = np.random.RandomState(0)
    >>> reference = rng.normal(size=(1000, 2))
    >>> exact, shifted = rng.normal(size=(2, 1000, 2)) + [[[0, 0]], [[1, 0]]]
    >>> round(posterior_mmd(exact, reference), 2), round(posterior_mmd(shifted, reference), 2)
    (0.0, 0.09)
    """
    X, reference, single = _check_samples(X, reference)
    scale = check_scale(scale, column_scale(reference.reshape(-1, reference.shape[-1])))
    widths = np.asarray(widths, dtype=np.float64)
    if widths.ndim != 1 or len(widths) == 0 or not (widths > 0).all():
        raise ValueError(f"widths must be a sequence of positive numbers, got {widths}.")
    n, m = X.shape[1], reference.shape[1]
    if not biased and min(n, m) < 2:
        raise ValueError(
            f"An unbiased score needs at least 2 candidates and 2 reference draws, got {n} and {m}. "
            "Ask for more, or pass biased=True."
        )
    score = [_mmd(x / scale, r / scale, widths, biased) for x, r in zip(X, reference, strict=True)]
    return float(score[0]) if single else np.array(score)


def _mmd(x, r, widths, biased):
    within = 0.0
    for points in (x, r):
        n = len(points)
        pairs = 2 * _kernel_sum(points, None, widths)
        within += (pairs + n * len(widths)) / n**2 if biased else pairs / (n * (n - 1))
    return within - 2 * _kernel_sum(x, r, widths) / (len(x) * len(r))


def _kernel_sum(a, b, widths):
    """Sum of k over all pairs of a row of `a` and a row of `b`; over all pairs within `a` if `b` is None."""
    total = 0.0
    for rows in chunks(len(a), _MAX_PAIRS // len(a if b is None else b)):
        blocks = [cdist(a[rows], a[rows.stop :] if b is None else b, "sqeuclidean").ravel()]
        if b is None:
            blocks.append(pdist(a[rows], "sqeuclidean"))
        for squared in blocks:
            work = np.empty_like(squared)
            for width in widths:
                np.add(squared, width**2, out=work)
                total += width**2 * np.reciprocal(work, out=work).sum()
    return total


def classifier_two_sample_test(X, reference, *, classifier=None, cv=5, random_state=0):
    """How well a classifier tells candidates from draws of the true posterior (C2ST) [1]_ [2]_.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
        Candidates for each target, or for one.
    reference : array-like of shape (n_targets, m, n_features) or (m, n_features)
        Draws from p(x | y*). The classes must be equally large for 0.5 to mean anything, so the larger
        set is thinned at random to the size of the smaller.
    classifier : classifier, default=None
        It is cloned for every target; what in it is random and not seeded is seeded by `random_state`.
        None is the network of ``sbi.utils.metrics.c2st(..., classifier="mlp")``: two hidden layers of
        10 units for every feature, Adam, at most 1000 epochs, stopped when a tenth of the
        training rows, held out, has not been told better for 50 epochs.
    cv : int or cross-validation splitter, default=5
        Number of shuffled folds.
    random_state : int or RandomState, default=0
        Governs thinning, folds and classifier, alike for every target.

    Returns
    -------
    accuracy : float or ndarray of shape (n_targets,)
        On held-out points, mean over folds: 0.5 if the two cannot be told apart, 1 if every point
        betrays where it comes from. By chance it varies by about 0.011 for 1000 points each.

    Notes
    -----
    Columns are standardised by mean and standard deviation of the reference. A reference of
    rejection sampling has a thickness (its tolerance) that a classifier may see where candidates are more
    exact than the reference: then 1 is no fault of the candidates.

    `sbi` takes a random forest unless it is asked for the network, and the benchmark `sbibm` this network
    without early stopping: say which one a published number comes from.

    References
    ----------
    .. [1] D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
       https://arxiv.org/abs/1610.06545
    .. [2] J. Friedman, "On multivariate goodness-of-fit and two-sample testing", 2003.
       https://www.osti.gov/biblio/826696

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinverse.metrics import classifier_two_sample_test
    >>> rng = np.random.RandomState(0)
    >>> X, reference = rng.normal(size=(1000, 2)) + [4, 0], rng.normal(size=(1000, 2))
    >>> round(classifier_two_sample_test(X, reference, classifier=LogisticRegression()), 2)
    0.98
    """
    X, reference, single = _check_samples(X, reference)
    n = min(X.shape[1], reference.shape[1])
    if isinstance(cv, Integral) and not 2 <= cv <= n:
        raise ValueError(f"cv must be between 2 folds and the {n} points of the smaller set, got {cv}.")
    is_int = isinstance(random_state, Integral)
    seed = int(random_state) if is_int else int(check_random_state(random_state).randint(2**31 - 1))
    if classifier is None:
        width = 10 * X.shape[2]
        classifier = MLPClassifier((width, width), max_iter=1000, early_stopping=True, n_iter_no_change=50)
    classifier = clone(classifier)
    unseeded = [key for key, value in classifier.get_params().items() if value is None]
    classifier.set_params(**{key: seed for key in unseeded if key.split("__")[-1] == "random_state"})
    folds = KFold(cv, shuffle=True, random_state=seed) if isinstance(cv, Integral) else cv
    accuracy = [_accuracy(r, x, classifier, folds, seed) for x, r in zip(X, reference, strict=True)]
    return accuracy[0] if single else np.array(accuracy)


def _accuracy(first, second, classifier, folds, seed):
    rng = np.random.RandomState(seed)
    n = min(len(first), len(second))
    first, second = (a if len(a) == n else a[rng.choice(len(a), n, replace=False)] for a in (first, second))
    spread = first.std(axis=0, ddof=1)
    points = (np.concatenate([first, second]) - first.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(classifier, points, np.repeat([0, 1], n), cv=folds, scoring="accuracy")
    return float(scores.mean())


def _check_samples(X, reference):
    """Both as (n_targets, n, n_features), and whether they came for a single target."""
    pair = []
    for name, A in (("X", X), ("reference", reference)):
        A = np.asarray(A, dtype=np.float64)
        if A.ndim not in (2, 3) or A.size == 0:
            raise ValueError(
                f"{name} must have shape (n, n_features) or (n_targets, n, n_features), none of them 0, got {A.shape}."
            )
        if not np.isfinite(A).all():
            raise ValueError(f"{name} holds NaN or infinity; leave such designs out.")
        pair.append(A)
    X, reference = pair
    if X.ndim != reference.ndim or X.shape[:-2] != reference.shape[:-2] or X.shape[-1] != reference.shape[-1]:
        raise ValueError(
            f"X and reference must agree in targets and features, got shapes {X.shape} and {reference.shape}. "
            "Use np.broadcast_to to compare many runs with one reference."
        )
    return (X[None], reference[None], True) if X.ndim == 2 else (X, reference, False)
