"""Alternating lines: integers whose classes take turns, the data on which mixup provably loses a sample.

Source: Chidambaram et al. 2022, Definition 2.6, Theorem 2.7 and Definition D.1.
"""

import numpy as np
from scipy import optimize, special


def alternating_line(m: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples 0, 1, ..., m - 1 with classes 0, 1, ..., k - 1, 0, 1, ... (Definition D.1).

    Returns:
        points float64 (m,), labels int64 (m,).

    Raises:
        ValueError: if ``m`` or ``k`` is less than 1.

    Example:
        >>> from mixbook.theory.lines import alternating_line
        >>> alternating_line(5, 2)
        (array([0., 1., 2., 3., 4.]), array([0, 1, 0, 1, 0]))
    """
    if m < 1 or k < 1:
        raise ValueError(f"m and k must be at least 1, got {m} points and {k} classes")
    return np.arange(m, dtype=float), np.arange(m) % k


def critical_alpha(eps: float) -> float:
    """The alpha above which h_eps misclassifies the middle one of three samples 0, 1, 2 with classes A, B, A.

    Theorem 2.7 says that such an alpha exists. Its proof takes (log 4 / eps^2 - 1) / 2 for sufficient, which is too small
    for 0.3992 < eps < 0.9991. This is the exact one. Weighing the two classes on the ball around 1 gives::

        2 P(|Y - 1/2| < eps / 2)  >  1 + 4 (eps (1 - eps))^alpha / (alpha B(alpha, alpha)),   Y ~ Beta(alpha, alpha)

    for a wrong answer. The left side grows with alpha and the right side falls, so there is one crossing.

    Args:
        eps: radius of the ball, in (0, 1); the distance of neighbours is 1.

    Raises:
        ValueError: if ``eps`` is not in (0, 1). At 1 and above the answer is wrong for every alpha.

    Example:
        >>> from mixbook.theory.lines import critical_alpha
        >>> round(critical_alpha(0.25), 2)  # Theorem 2.7 prints 10.59, which is enough
        4.88
    """
    if not 0 < eps < 1:
        raise ValueError(f"eps must be in (0, 1), got {eps}: from 1 on, the ball reaches the neighbours")

    def margin(log_alpha: float) -> float:
        alpha = np.exp(log_alpha)
        across = 1 - 2 * special.betainc(alpha, alpha, (1 - eps) / 2)
        # The integral of (1 - 2 u) f(u) from 0 to eps: the pairs 0-1 and 1-2, what class B has over class A.
        beside = np.exp(alpha * np.log(eps * (1 - eps)) - log_alpha - special.betaln(alpha, alpha))
        return 2 * across - 1 - 4 * beside

    # Near eps = 1 the root tends to log 4 / log(1 / (1 - eps)), above 0.03 in float64; near 0 to 0.23 / eps^2.
    return float(np.exp(optimize.brentq(margin, np.log(1e-3), np.log(1 / eps**2 + 10), xtol=1e-14, rtol=1e-14)))
