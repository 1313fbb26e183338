"""Matrices with known singular values, and the shapes of spectra that tell methods apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backend.array import HostArray


def with_spectrum(
    shape: tuple[int, int],
    singular_values: ArrayLike,
    *,
    seed: int = 0,
    dtype: Any = "float64",
    coherent: bool = False,
) -> HostArray:
    """Return a matrix with the given singular values.

    Parameters
    ----------
    shape : (int, int)
        Of the matrix, ``(m, n)``.
    singular_values : array_like, shape (k,)
        At most ``min(m, n)`` of them; the others are zero.
    seed : int
        Of the singular vectors.
    dtype : optional
        Of the result; a complex one makes the singular vectors complex.
    coherent : bool
        Take unit vectors in random order for singular vectors instead of random orthonormal ones:
        few entries carry all, which sparse test matrices may miss.

    Returns
    -------
    ndarray, shape (m, n)

    References
    ----------
    .. [1] F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices
       AMS 54 (2007) 592-604, arXiv:math-ph/0609050: the singular vectors.

    Examples
    --------
    >>> import numpy as np
    >>> a = with_spectrum((6, 4), [3.0, 1.0])
    >>> bool(np.allclose(np.linalg.svdvals(a), [3, 1, 0, 0]))
    True
    """
    s = np.asarray(singular_values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    is_complex = np.issubdtype(dtype, np.complexfloating)

    def vectors(size: int) -> HostArray:
        if coherent:
            return np.eye(size)[:, rng.permutation(size)[: len(s)]]
        x: HostArray = rng.standard_normal((size, len(s)))
        if is_complex:
            x = x + 1j * rng.standard_normal((size, len(s)))
        return np.linalg.qr(x)[0]

    u, v = (vectors(size) for size in shape)
    a: HostArray = ((u * s) @ v.conj().T).astype(dtype)
    return a


def exponential(size: int, ratio: float) -> NDArray[np.float64]:
    """Return the singular values ``ratio**i``, i from 0.

    Parameters
    ----------
    size : int
    ratio : float

    Returns
    -------
    array of float64, shape (size,)

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Practical sketching algorithms for low-rank
       matrix approximation", SIMAX 38 (2017) 1454-1485, section 7.3, arXiv:1609.00048.

    Examples
    --------
    >>> from sketch.testing import exponential
    >>> exponential(3, 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    return ratio ** np.arange(float(size))


def polynomial(size: int, power: float = 1.0) -> NDArray[np.float64]:
    """Return the singular values ``1 / i**power``, i from 1.

    Parameters
    ----------
    size : int
    power : float

    Returns
    -------
    array of float64, shape (size,)

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Practical sketching algorithms for low-rank
       matrix approximation", SIMAX 38 (2017) 1454-1485, section 7.3, arXiv:1609.00048.

    Examples
    --------
    >>> from sketch.testing import polynomial
    >>> polynomial(4, 2).tolist()[1::2]
    [0.25, 0.0625]
    """
    return np.arange(1.0, size + 1) ** -power


def flat(size: int) -> NDArray[np.float64]:
    """Return singular values that are all 1: nothing can be gained.

    Parameters
    ----------
    size : int

    Returns
    -------
    array of float64, shape (size,)

    References
    ----------
    .. [1] C. Eckart, G. Young, "The approximation of one matrix by another of lower rank",
       Psychometrika 1 (1936) 211-218, doi:10.1007/BF02288367: what no method can beat.

    Examples
    --------
    >>> from sketch.testing import flat
    >>> flat(2).tolist()
    [1.0, 1.0]
    """
    return np.ones(size)


def low_rank_plus_noise(size: int, rank: int, noise: float) -> NDArray[np.float64]:
    """Return `rank` singular values of 1 and others that are all `noise`.

    Parameters
    ----------
    size, rank : int
    noise : float

    Returns
    -------
    array of float64, shape (size,)

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Practical sketching algorithms for low-rank
       matrix approximation", SIMAX 38 (2017) 1454-1485, section 7.3, arXiv:1609.00048.

    Examples
    --------
    >>> from sketch.testing import low_rank_plus_noise
    >>> low_rank_plus_noise(4, 2, 0.1).tolist()
    [1.0, 1.0, 0.1, 0.1]
    """
    return np.where(np.arange(size) < rank, 1.0, noise)


def one_residual_direction(width: int, ratio: float = 0.9) -> NDArray[np.float64]:
    """Return ``ratio**i`` for one singular value more than a sketch of `width` columns can hold.

    The residual has rank one then: the worst case of every error estimate.

    Parameters
    ----------
    width : int
        Columns of the sketch.
    ratio : float

    Returns
    -------
    array of float64, shape (width + 1,)

    References
    ----------
    .. [1] G. Szekely, N. Bakirov, "Extremal probabilities for Gaussian quadratic forms", Probab.
       Theory Relat. Fields 126 (2003) 184-202, doi:10.1007/s00440-003-0262-6: why this is the worst
       case.

    Examples
    --------
    >>> from sketch.testing import one_residual_direction
    >>> one_residual_direction(2, 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    return exponential(width + 1, ratio)
