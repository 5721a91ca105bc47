"""Claims about channel parameters found from discharge: how many gauges, hourly or daily, and which parameters."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, START, dataset, floats, rows_of
from report_statistics import signed, spearman, statistic_interval, verdict

FOUND = 0.9  # a correlation from which a parameter counts as found
BIASED = 0.1  # a median relative error from which it counts as biased
# What is learned where (first part of a step's name): how a claim says it, and the cause of bias that it tests.
LEARNED = {
    "n": ("", None),
    "npq": (", with p and q learned too", "Learning p and q too"),
    "n-wrongp": (", with a wrong p", "A wrong p (40 where 21 is true)"),
    "n-wrongq": (", with a wrong q", "A wrong q (0.3 where 0.5 is true)"),
    "n-scheme": (", by another scheme", "Another scheme than the truth's (published)"),
}
OBSERVED = {"hourly": "hourly observations", "daily": "daily observations", "hourly-noisy": "hourly observations with errors of 20 %"}


def collect_routing(folder):
    truth, rows = {}, []
    for record, at in runs.steps_of(folder):
        learned, gauges, step = record["step"].split("_")
        if record["verb"] == "synth":
            with dataset(at / "truth.nc", "truth") as file:
                truth[gauges, step] = np.asarray(file["reach_id"][:]), {name: floats(file[name]) for name in "npq"}
            continue
        ids, true = truth[gauges, step]
        with dataset(at / "parameters.nc", "parameters") as file:
            order = rows_of(ids, np.asarray(file["reach_id"][:]))
            rows.append(
                pd.DataFrame(
                    {"learned": learned, "gauges": gauges, "observations": step, "seed": record["seed"], "reach": ids[order]}
                    | {name: floats(file[name]) for name in "npq"}
                    | {f"true_{name}": true[name][order] for name in "npq"}
                )
            )
    return {"routing_twin.csv": pd.concat(rows, ignore_index=True)}


def groups_of(table):
    """[(learned, gauges, observations), rows of all seeds, median over the seeds of each reach]"""
    keys = ["learned", "gauges", "observations"]
    return [
        (key, part, part.groupby("reach", as_index=False).median(numeric_only=True))
        for key, part in table.groupby(keys, sort=False)
    ]


def judge_routing(data):
    for (learned, gauges, step), seeds, mine in groups_of(runs.read(data, "routing_twin.csv")):
        alone = ", ".join(f"{spearman(part.n, part.true_n):.3f}" for _, part in seeds.groupby("seed"))
        estimate, true = mine.n.to_numpy(), mine.true_n.to_numpy()
        value, low, high = statistic_interval(lambda rows: spearman(estimate[rows], true[rows]), len(mine))
        error, bias = np.median(np.abs(estimate / true - 1)), np.median(estimate / true - 1)
        few = f"{gauges} gauge{'s' if int(gauges) > 1 else ''}, {OBSERVED[step]}"
        others, cause = LEARNED[learned]
        yield (
            f"Manning's n is found (correlation above {FOUND}) from {few}{others}",
            verdict(low - FOUND, high - FOUND),
            f"Rank correlation over {len(mine)} reaches {value:.3f} (95 % interval {low:.3f} to {high:.3f}; median of the "
            f"seeds in each reach, seeds alone {alone}), median error {100 * error:.1f} %, bias "
            f"{100 * bias:+.1f} %.",
        )
        if step == "hourly-noisy":
            cause = "An error of observations of 20 % instead of 5 %"
        if cause:
            value, low, high = statistic_interval(lambda rows: np.median(estimate[rows] / true[rows] - 1), len(mine))
            yield (
                f"{cause} biases n (median error beyond {100 * BIASED:.0f} %; {gauges} gauges, hourly)",
                "held" if low > BIASED or high < -BIASED else "did not hold" if max(high, -low) < BIASED else "not decided",
                f"Median of n / true n - 1 {100 * value:+.1f} % (95 % interval {100 * low:+.1f} to {100 * high:+.1f} %).",
            )
        for name in "pq" if learned == "npq" else "":
            relative = np.median(np.abs(mine[name] / mine[f"true_{name}"] - 1))
            yield (
                f"{name} is found (median error below 10 %) from {few}",
                "held" if relative < 0.1 else "did not hold",
                f"True {mine[f'true_{name}'].median():.3g} everywhere, learned {mine[name].median():.3g} (median), "
                f"median error {100 * relative:.1f} %. "
                "A constant has no correlation and no interval.",
            )


def draw_routing(data):
    table = runs.read(data, "routing_twin.csv")
    groups = groups_of(table)
    columns = 5
    figure, panels = plt.subplots(
        -(-len(groups) // columns), columns, figsize=(3.2 * columns, 3.4 * -(-len(groups) // columns)), layout="constrained",
        sharex=True, sharey=True, squeeze=False,
    )
    for axes in panels.flat[len(groups):]:
        axes.set_visible(False)
    for axes, ((learned, gauges, step), _, mine) in zip(panels.flat, groups):
        axes.loglog(mine.true_n, mine.n, ".", color=START if step == "daily" else MODEL, markersize=4, alpha=0.7)
        ends = [table.true_n.min(), table.true_n.max()]
        axes.plot(ends, ends, color=INK, linewidth=0.8)
        axes.set_title(
            f"{gauges} gauge{'s' if int(gauges) > 1 else ''}, {step.replace('-', ', ')}{LEARNED[learned][0]}\n"
            f"r {signed(spearman(mine.n, mine.true_n))}",
            loc="left",
            fontsize=9,
        )
        axes.set_xlabel("true n (s m$^{-1/3}$)")
        axes.grid(alpha=0.3)
    for row in panels:
        row[0].set_ylabel("learned n")
    yield "routing_twin.png", figure, (
        "Manning's n of the reaches of a twin, learned from discharge at one or eight gauges, hourly or daily; median of the seeds. What is not as the truth is said above a panel."
    )
