"""Draws what jobs/scaling_series measured (scaling.csv) and what dpl_hpc plan predicts (plan.csv)."""
import csv

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

INK, MODEL, START, QUIET = "#1a1a1a", "#0b5fa5", "#d9822b", "#b9c2cc"
# The parts of an update in the order they are stacked: column of plan.csv, label, colour.
PARTS = (("compute_s", "compute", "#0b5fa5"), ("imbalance_s", "wait: imbalance", "#8fb8de"),
         ("fill_s", "wait: pipeline depth", "#d9822b"), ("latency_s", "exchange: latency", "#a33b20"),
         ("bytes_s", "exchange: bytes", "#e8b796"), ("reduce_s", "reduce", "#5b7f3a"))


class BadTable(Exception):
    """One line that says what is wrong with a table."""


def read_table(path, columns, text=()):
    """Rows of a CSV file as a list of dictionaries; all columns but those of `text` are numbers."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise BadTable(f"{path} has no rows: nothing drawn")
    try:
        return [{name: row[name] if name in text else float(row[name]) for name in columns} for row in rows]
    except (KeyError, TypeError, ValueError) as problem:
        raise BadTable(f"{path} has no number in column {problem}: nothing drawn") from problem


def read_plan(path):
    return read_table(path, [c for c, _, _ in PARTS] + ["ranks", "input_s", "update_s", "memory_bytes", "limit"], ("limit",))


def read_series(path, name):
    """Rows of one series, ascending ranks; the newest where a number of ranks stands twice."""
    rows = read_table(path, ["series", "ranks", "reaches", "seconds_least"], ("series",))
    return sorted({row["ranks"]: row for row in rows if row["series"] == name}.values(), key=lambda row: row["ranks"])


def column(rows, name):
    return np.array([row[name] for row in rows])


def rank_axis(axes, ranks):
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(ranks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("ranks")
    if len(ranks) > 8:
        axes.tick_params(axis="x", labelrotation=45)


def draw_speed_up(axes, ranks, measured, plan):
    """Speed-up over the smallest number of ranks; a plan over its own smallest."""
    axes.plot(ranks, ranks, color=QUIET, linewidth=1.5, linestyle="--", label="ideal")
    for rows, name, label, style in ((plan, "update_s", "predicted by plan", {"color": START, "linewidth": 1.8, "marker": "."}),
                                     (measured, "seconds_least", "measured", {"color": MODEL, "linewidth": 0, "marker": "o"})):
        if rows:
            seconds = column(rows, name)
            axes.plot(column(rows, "ranks"), rows[0]["ranks"] * seconds[0] / seconds, label=label, **style)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    rank_axis(axes, ranks)
    axes.set_ylabel("speed-up")
    axes.set_title("Speed-up", loc="left")
    axes.legend(loc="upper left")


def draw_seconds(axes, ranks, measured, plan):
    """Seconds of an update, both axes logarithmic."""
    first = (measured or plan)[0]
    axes.plot(ranks, first["seconds_least" if measured else "update_s"] * first["ranks"] / ranks, color=QUIET, linewidth=1.5,
              linestyle="--", label="ideal")
    if plan:
        axes.plot(column(plan, "ranks"), column(plan, "update_s"), ".-", color=START, linewidth=1.8, label="predicted by plan")
        axes.plot(column(plan, "ranks"), column(plan, "input_s"), ":", color=INK, linewidth=1.2, label="input, read meanwhile")
    if measured:
        axes.plot(column(measured, "ranks"), column(measured, "seconds_least"), "o", color=MODEL, label="measured")
    axes.set_yscale("log")
    rank_axis(axes, ranks)
    axes.set_ylabel("s")
    axes.set_title("Seconds of an update", loc="left")
    axes.legend(loc="lower left", fontsize=8)


def draw_time_split(axes, plan):
    """Parts of an update in percent, one bar for each number of ranks."""
    whole = column(plan, "update_s")
    parts = [(label, colour, column(plan, name) / whole) for name, label, colour in PARTS]
    parts.append(("waiting for input", QUIET, np.maximum(0, 1 - sum(share for _, _, share in parts))))
    bottom = np.zeros(len(plan))
    for label, colour, share in parts:
        if share.max() > 1e-3:
            axes.bar(np.arange(len(plan)), 100 * share, bottom=100 * bottom, width=0.8, color=colour, label=label)
        bottom += share
    axes.set_xticks(np.arange(len(plan)), [f"{row['ranks']:g}" for row in plan], rotation=45 if len(plan) > 8 else 0)
    axes.set_xlabel("ranks")
    axes.set_ylabel("% of an update")
    axes.set_ylim(0, 100)
    axes.grid(False)
    axes.set_title("Where the time goes (predicted)", loc="left")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8)


def draw_strong(measured, plan):
    ranks = np.array(sorted({row["ranks"] for row in measured + plan}))
    figure, panels = plt.subplots(1, 3 if plan else 2, figsize=(17 if plan else 11, 4.8), layout="constrained")
    draw_speed_up(panels[0], ranks, measured, plan)
    draw_seconds(panels[1], ranks, measured, plan)
    if plan:
        draw_time_split(panels[2], plan)
    reaches = f", {measured[0]['reaches']:,.0f} reaches" if measured else ""
    figure.suptitle(f"Strong scaling of training{reaches}", x=0.01, ha="left")
    return figure


def draw_weak(measured):
    ranks, seconds = column(measured, "ranks"), column(measured, "seconds_least")
    figure, axes = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
    axes.axhline(100, color=QUIET, linewidth=1.5, linestyle="--", label="ideal")
    axes.plot(ranks, 100 * seconds[0] / seconds, "o-", color=MODEL, label="measured")
    for rank, second, share in zip(ranks, seconds, 100 * seconds[0] / seconds):
        axes.annotate(f"{second:.3g} s", (rank, share), xytext=(6, 6), textcoords="offset points", fontsize=8)
    rank_axis(axes, ranks)
    axes.margins(x=0.12)
    axes.set_ylim(0, 115)
    axes.set_ylabel("efficiency (%)")
    axes.set_title(f"Weak scaling of training, {measured[0]['reaches'] / ranks[0]:,.0f} reaches a rank", loc="left")
    axes.legend(loc="lower left")
    return figure


def is_scaling(folder):
    return (folder / "scaling.csv").exists() or (folder / "plan.csv").exists()


def figures_of(folder):
    """Name and figure of everything the folder's tables hold."""
    measured, plan = folder / "scaling.csv", folder / "plan.csv"
    strong = read_series(measured, "strong") if measured.exists() else []
    weak = read_series(measured, "weak") if measured.exists() else []
    planned = read_plan(plan) if plan.exists() else []
    if strong or planned:
        yield "strong_scaling.png", draw_strong(strong, planned)
    if weak:
        yield "weak_scaling.png", draw_weak(weak)
