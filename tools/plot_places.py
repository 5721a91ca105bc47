"""Draws what dpl_hpc scaling measured: skill and cost of learning against the number of places trained on."""
import csv

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from plot_files import INK, MODEL, START, plain_numbers
from plot_scaling import BadTable, read_table

COLUMNS = ("subset", "seed", "places", "updates", "forward_runs_per_place", "seconds_per_place", "nse_in", "nse_out")
MARKED = 0.125  # of the places: where the literature looks at the curve


def is_places(folder):
    """The table of the verb scaling, not of jobs/scaling_series."""
    path = folder / "scaling.csv"
    if not path.exists():
        return False
    with open(path) as file:
        return file.readline().startswith("subset,seed,")


def read_points(path):
    """Rows with numbers; a set that nobody was held out of has no score outside: NaN."""
    with open(path, newline="") as file:
        empty = {name for row in csv.DictReader(file) for name in ("nse_out",) if not row.get(name)}
    rows = read_table(path, [c for c in COLUMNS if c not in empty])
    return [{**dict.fromkeys(empty, np.nan), **row} for row in rows]


def over_seeds(rows, name):
    """Subsets ascending: (places, 25 %, 50 %, 75 % of the seeds)."""
    subsets = sorted({row["subset"] for row in rows})
    chosen = [[row for row in rows if row["subset"] == subset] for subset in subsets]
    return np.array([(mine[0]["places"], *np.quantile([row[name] for row in mine], (0.25, 0.5, 0.75))) for mine in chosen]).T


def read_scores(path):
    """Published efficiency of each basin: columns gauge_id, nse."""
    try:
        with open(path, newline="") as file:
            return {row["gauge_id"].zfill(8): float(row["nse"]) for row in csv.DictReader(file) if row["nse"]}
    except (OSError, KeyError, ValueError) as problem:
        raise BadTable(f"{path}: columns gauge_id and nse cannot be read ({problem!r}): nothing drawn") from problem


def read_basins(path):
    """{(subset, seed, list): ids} of the basins that were scored."""
    basins = {}
    try:
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                key = float(row["subset"]), float(row["seed"]), row["list"]
                basins.setdefault(key, []).append(row["place_id"])
    except (OSError, KeyError, ValueError) as problem:
        raise BadTable(f"{path}: scored basins cannot be read ({problem!r}): nothing drawn") from problem
    return basins


def beside(rows, basins, scores, which):
    """Published median on the basins of each training: the rows with `published` instead of own scores, and how many
    basins the file lacks."""
    found, lacking = [], 0
    for row in rows:
        ids = basins.get((row["subset"], row["seed"], which), [])
        known = [scores[i] for i in ids if i in scores]
        lacking = max(lacking, len(ids) - len(known))
        found.append({**row, "published": np.median(known) if known else np.nan})
    return found, lacking


def place_axis(axes, rows):
    places = sorted({row["places"] for row in rows})
    share = {row["places"]: row["subset"] for row in rows}
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}\n{100 * share.get(value, np.nan):g} %"))
    axes.margins(x=0.08)
    marked = [row["places"] for row in rows if abs(row["subset"] - MARKED) < 1e-9]
    if marked:
        axes.axvline(marked[0], color=INK, linewidth=0.9, linestyle=":")
    return marked


def draw_curve(axes, rows, name, colour, label, marker="o", style="-"):
    places, low, middle, high = over_seeds(rows, name)
    axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(places, middle, marker + style, color=colour, linewidth=1.8, markersize=5, label=label)
    return places, middle


def draw_beside(axes, rows, basins, published):
    outside = any(key[2] == "holdout" for key in basins)
    for (name, scores), style in zip(published, ("--", "-.", ":", (0, (1, 3)))):
        inside, lacking = beside(rows, basins, scores, "train")
        without = f", {lacking} basins lack" if lacking else ""
        places, _, middle, _ = over_seeds(inside, "published")
        axes.plot(places, middle, linestyle=style, color=MODEL, linewidth=1.2, alpha=0.75,
                  label=f"{name}, the basins trained on{without}")
        if outside:
            held, _ = beside(rows, basins, scores, "holdout")
            axes.axhline(held[0]["published"], linestyle=style, color=START, linewidth=1.2, alpha=0.9,
                         label=f"{name}, the basins never trained on")


def draw_skill(axes, rows, basins, published):
    draw_curve(axes, rows, "nse_in", MODEL, "basins trained on (other ones in each subset)")
    if not np.isnan([row["nse_out"] for row in rows]).any():
        held = {len(ids) for (_, _, which), ids in basins.items() if which == "holdout"}
        number = f"{max(held)} " if held else ""
        draw_curve(axes, rows, "nse_out", START, f"{number}basins never trained on")
    draw_beside(axes, rows, basins, published)
    marked = place_axis(axes, rows)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.35 * (high - low), high + 0.05 * (high - low))
    if marked:
        axes.annotate(f" {100 * MARKED:g} %", (marked[0], 0.985), xycoords=("data", "axes fraction"), va="top", fontsize=9)
    axes.set_xlabel("basins trained on, and their share of those that may be")
    axes.set_ylabel("NSE, median over basins")
    axes.set_title("Skill in the test period", loc="left")
    axes.legend(loc="lower right", fontsize=8)


def draw_cost(axes, rows, name, label, colour):
    places, middle = draw_curve(axes, rows, name, colour, "")
    place_axis(axes, rows)
    for x, y in zip(places, middle):
        axes.annotate(f"{y:.3g}", (x, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8)
    axes.set_yscale("log")
    plain_numbers(axes.yaxis)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.2)
    axes.set_title(label, loc="left")


def figures_of(folder, published_files=()):
    """Name and figure of a scaling run; published_files: (name, path) of scores of other models."""
    rows = read_points(folder / "scaling.csv")
    basins = read_basins(folder / "scaling_by_basin.csv")
    published = [(name, read_scores(path)) for name, path in published_files]
    figure = plt.figure(figsize=(12.5, 5.4), layout="constrained")
    skill, runs, seconds = figure.subplot_mosaic([["skill", "runs"], ["skill", "seconds"]], width_ratios=(1.6, 1)).values()
    draw_skill(skill, rows, basins, published)
    draw_cost(runs, rows, "forward_runs_per_place", "Forward runs per basin", INK)
    draw_cost(seconds, rows, "seconds_per_place", "Rank seconds of training per basin", INK)
    seconds.set_xlabel("basins trained on")
    seeds = len({row["seed"] for row in rows})
    figure.suptitle(f"Learning from more basins: median and quartiles of {seeds} seed{'s' if seeds > 1 else ''}", x=0.01,
                    ha="left")
    yield "scaling_places.png", figure
