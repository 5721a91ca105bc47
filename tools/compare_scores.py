"""Two runs at the same gauges or basins: medians of a score, their difference, its bootstrap interval over the gauges."""
import argparse
import csv
import os
import sys

import numpy as np


def scores_of(run, contender, metric, wanted):
    """{id: score} of a run folder's metrics_by_gauge.csv or metrics_by_basin.csv; scores that do not exist are left out."""
    paths = [os.path.join(run, f"metrics_by_{what}.csv") for what in ("gauge", "basin")]
    found = [path for path in paths if os.path.exists(path)]
    if not found:
        raise SystemExit(f"error: {run}: neither metrics_by_gauge.csv nor metrics_by_basin.csv; give a run folder")
    with open(found[0]) as file:
        rows = list(csv.DictReader(file))
    if not rows or metric not in rows[0]:
        raise SystemExit(f"error: {found[0]}: no column {metric}")
    if wanted and "list" not in rows[0]:
        raise SystemExit(f"error: {found[0]}: no column list, so --list {wanted} cannot be told apart")
    names = sorted({row["contender"] for row in rows})
    if contender not in names:
        raise SystemExit(f"error: {found[0]}: no contender {contender}; there are {', '.join(names)}")
    place = "gauge_id" if "gauge_id" in rows[0] else "place_id"
    return {row[place]: float(row[metric]) for row in rows
            if row["contender"] == contender and row[metric] and (not wanted or row["list"] == wanted)
            and row.get("variable", "streamflow") == "streamflow"}


def bootstrap(a, b, draws, seed):
    """Differences of medians of gauges drawn with replacement, the same gauges for both."""
    picked = np.random.default_rng(seed).integers(0, len(a), size=(draws, len(a)))
    return np.median(a[picked], axis=1) - np.median(b[picked], axis=1)


def arguments():
    parser = argparse.ArgumentParser(prog="tools/compare_scores", description=__doc__)
    parser.add_argument("run_a", metavar="RUN_A", help="run folder")
    parser.add_argument("run_b", metavar="RUN_B", help="run folder, subtracted; may be the same")
    parser.add_argument("--metric", default="nse", help="column of the table (default nse)")
    parser.add_argument("--list", default="", help="only gauges of this list: train, holdout (default all)")
    parser.add_argument("--contender-a", default="learned")
    parser.add_argument("--contender-b", default="learned")
    parser.add_argument("--draws", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    given = arguments()
    one = scores_of(given.run_a, given.contender_a, given.metric, given.list)
    other = scores_of(given.run_b, given.contender_b, given.metric, given.list)
    both = sorted(one.keys() & other.keys())
    if not both:
        raise SystemExit("error: no gauge has a score in both runs")
    a, b = (np.array([scores[k] for k in both]) for scores in (one, other))
    low, high = np.quantile(bootstrap(a, b, given.draws, given.seed), [0.025, 0.975])
    left_out = len(one.keys() ^ other.keys())
    print(f"{given.metric} of {len(both)} gauges or basins{' of the list ' + given.list if given.list else ''}"
          + (f"; {left_out} have it in one run only and are left out" if left_out else ""))
    for name, run, contender, values in (("A", given.run_a, given.contender_a, a), ("B", given.run_b, given.contender_b, b)):
        q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75])
        print(f"{name} {run} ({contender}): median {median:.4f}, quartiles {q25:.4f} {q75:.4f}")
    print(f"median A - median B {np.median(a) - np.median(b):+.4f}, 95 % bootstrap interval {low:+.4f} to {high:+.4f} "
          f"({given.draws} draws, seed {given.seed})")
    print(f"A above B at {np.count_nonzero(a > b)} of {len(both)}; median of the differences {np.median(a - b):+.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
