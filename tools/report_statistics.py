"""What a claim is judged by: medians over places, their differences, bootstrap intervals, rank correlations."""

import numpy as np

DRAWS, SEED = 4000, 1


def quartiles(values):
    return np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75])


def difference(a, b):
    """Of the medians of paired values (places x ...): difference, low, high of its 95 % interval, number of places.
    Places are drawn with replacement, the same for both."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if not len(a):
        raise ValueError("no place has both values")
    picked = np.random.default_rng(SEED).integers(0, len(a), size=(DRAWS, len(a)))
    drawn = np.median(a[picked], axis=1) - np.median(b[picked], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return np.median(a) - np.median(b), low, high, len(a)


def statistic_interval(function, places, draws=400):
    """Value and 95 % interval of function(row numbers of places) over places drawn with replacement."""
    random = np.random.default_rng(SEED)
    drawn = [function(random.integers(0, places, places)) for _ in range(draws)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return function(np.arange(places)), low, high


def ranks(values):
    """Mean ranks where values are equal."""
    values = np.asarray(values, dtype=float)
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[inverse]


def spearman(a, b):
    """NaN where one does not vary."""
    a, b = ranks(a), ranks(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def verdict(low, high):
    """Of a claim that a difference is above 0."""
    return "held" if low > 0 else "did not hold" if high < 0 else "not decided"


def signed(value):
    return f"{value:+.3f}"


def told(result):
    """`+0.047 (95 % interval +0.037 to +0.064, 382 basins)` of difference()."""
    value, low, high, count = result
    return f"{signed(value)} (95 % interval {signed(low)} to {signed(high)}, {count} places)"
