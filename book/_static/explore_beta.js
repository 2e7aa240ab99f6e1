/* The law of lambda for the explorables: masses, densities and quantiles of Beta laws, to about twelve digits. */
"use strict";

explore.beta = {
  /* ln Gamma(x), x > 0: Stirling's series from 10 on, below by Gamma(x + 1) = x Gamma(x). */
  lnGamma(x) {
    let shift = 0;
    for (; x < 10; x++) shift -= Math.log(x);
    const series = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188].reduce((sum, c, i) => sum + c / x ** (2 * i + 1), 0);
    return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
  },

  lnBeta(a, b) {
    return explore.beta.lnGamma(a) + explore.beta.lnGamma(b) - explore.beta.lnGamma(a + b);
  },

  /* P(lambda < x) under Beta(a, b): the continued fraction of the incomplete beta function, evaluated by Lentz's method. */
  below(a, b, x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - explore.beta.below(b, a, 1 - x); // there it converges fast
    const nonzero = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
    let c = 1, d = 1 / nonzero(1 - ((a + b) * x) / (a + 1)), fraction = d;
    for (let m = 1; m < 1000; m++) {
      const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
      const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
      let change = 1;
      for (const term of [even, odd]) {
        d = 1 / nonzero(1 + term * d);
        c = nonzero(1 + term / c);
        change = c * d;
        fraction *= change;
      }
      if (Math.abs(change - 1) < 1e-15) break;
    }
    return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) - explore.beta.lnBeta(a, b)) / a) * fraction;
  },

  /* P(low < lambda < high) under Beta(a, b): a difference in the tail that is near, so that it does not cancel. */
  mass(a, b, low, high) {
    const { below } = explore.beta;
    return low > a / (a + b) ? below(b, a, 1 - low) - below(b, a, 1 - high) : below(a, b, high) - below(a, b, low);
  },

  /* Density of Beta(alpha, alpha) at x in (0, 1). */
  density(alpha, x) {
    return Math.exp((alpha - 1) * (Math.log(x) + Math.log1p(-x)) - explore.beta.lnBeta(alpha, alpha));
  },

  /* The x with P(lambda < x) = share under Beta(alpha, alpha), by halving. */
  quantile(alpha, share) {
    if (share > 0.5) return 1 - explore.beta.quantile(alpha, 1 - share); // the law is symmetric
    let low = 0, high = 0.5;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (explore.beta.below(alpha, alpha, middle) < share) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  },
};
