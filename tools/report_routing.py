"""Claims about channel parameters found from discharge: how many gauges, hourly or daily, and which parameters."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, START, dataset, floats, rows_of
from report_statistics import signed, spearman, statistic_interval, verdict

FOUND = 0.9  # a correlation from which a parameter counts as found


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
        few = f"{gauges} gauge{'s' if gauges > 1 else ''}, {step} observations"
        others = "" if learned == "n" else ", with p and q learned too"
        yield (
            f"Manning's n is found (correlation above {FOUND}) from {few}{others}",
            verdict(low - FOUND, high - FOUND),
            f"Rank correlation over {len(mine)} reaches {value:.3f} (95 % interval {low:.3f} to {high:.3f}; median of the "
            f"seeds in each reach, seeds alone {alone}), median error {100 * error:.1f} %, bias "
            f"{100 * bias:+.1f} %.",
        )
        for name in "pq" if learned != "n" else "":
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
    figure, panels = plt.subplots(
        1, len(groups), figsize=(3.3 * len(groups), 3.6), layout="constrained", sharex=True, sharey=True
    )
    for axes, ((learned, gauges, step), _, mine) in zip(np.atleast_1d(panels), groups):
        axes.loglog(mine.true_n, mine.n, ".", color=MODEL if step == "hourly" else START, markersize=4, alpha=0.7)
        ends = [table.true_n.min(), table.true_n.max()]
        axes.plot(ends, ends, color=INK, linewidth=0.8)
        axes.set_title(
            f"{gauges} gauge{'s' if gauges > 1 else ''}, {step}{'' if learned == 'n' else '; n, p, q'}\n"
            f"r {signed(spearman(mine.n, mine.true_n))}",
            loc="left",
            fontsize=9,
        )
        axes.set_xlabel("true n (s m$^{-1/3}$)")
        axes.grid(alpha=0.3)
    np.atleast_1d(panels)[0].set_ylabel("learned n")
    yield "routing_twin.png", figure, (
        "Manning's n of the reaches of a twin, learned from discharge at one or eight gauges, hourly or daily; median of the seeds."
    )
