"""Draws a run of dpl_hpc surrogate: skill round by round (rounds.csv), slopes of the surrogate beside HBV's adjoint."""
import csv

import matplotlib.pyplot as plt
import numpy as np

from plot_files import INK, MODEL, QUIET, START, MissingData, existing

SERIES = (("surrogate_runs", "other runs", MODEL, "o"), ("surrogate_places", "other places", QUIET, "s"),
          ("surrogate_near", "near what was learned", START, "^"))
TEST = (("test_program", "in the program", MODEL, "o"), ("test_surrogate", "in the surrogate", START, "^"))


def is_surrogate(run):
    return (run / "rounds.csv").exists()


def rows_of(path, what):
    with open(existing(path, what), newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise MissingData(f"{path} has no rows: no {what} drawn")
    return rows


def number(text):
    return float(text) if text else np.nan


def draw_rounds(axes, rows, series):
    """Medians with quartiles; a shift keeps the bars apart."""
    for k, (name, label, colour, marker) in enumerate(series):
        try:
            low, middle, high = (np.array([number(row[f"{name}_{q}"]) for row in rows]) for q in ("q25", "median", "q75"))
        except (KeyError, ValueError) as problem:
            raise MissingData(f"rounds.csv has no number in column {problem}: no rounds drawn") from problem
        if np.isfinite(middle).any():
            rounds = np.array([float(row["round"]) for row in rows]) + 0.06 * k
            axes.errorbar(rounds, middle, (middle - low, high - middle), color=colour, marker=marker, capsize=3, label=label)
    axes.set_xticks([float(row["round"]) for row in rows])
    axes.set_xlabel("round")
    axes.set_ylabel("NSE: median, quartiles")
    axes.legend()


def rounds_figure(run):
    rows = rows_of(run / "rounds.csv", "rounds")
    figure, (skill, test) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw_rounds(skill, [row for row in rows if row["round"] != "0"], SERIES)
    skill.set_title("Surrogate against the program, training period", loc="left")
    draw_rounds(test, rows, TEST)
    test.set_title("Learned parameters against observations, test period", loc="left")
    return figure


def slopes_figure(run):
    rows = [row for row in rows_of(run / "slopes_by_place.csv", "slopes") if row["at"] == "learned"]
    if not rows:
        raise MissingData(f"{run / 'slopes_by_place.csv'} has no rows of learned parameters: no slopes drawn")
    names = list(dict.fromkeys(row["parameter"] for row in rows))
    across = min(4, len(names))
    down = -(-len(names) // across)
    figure, panels = plt.subplots(down, across, figsize=(2.6 * across, 2.6 * down), layout="constrained", squeeze=False)
    for axes, name in zip(panels.flat, names):
        pairs = np.array([(number(row["adjoint"]), number(row["surrogate"])) for row in rows if row["parameter"] == name])
        axes.axline((0, 0), slope=1, color=QUIET)
        axes.plot(pairs[:, 0], pairs[:, 1], ".", color=MODEL, markersize=4)
        axes.set_title(name, loc="left", color=INK)
        axes.locator_params(nbins=3)
    for axes in panels.flat[len(names):]:
        axes.set_visible(False)
    figure.supxlabel("slope of the loss by HBV's adjoint")
    figure.supylabel("by the surrogate")
    return figure


FIGURES = (("rounds.png", rounds_figure), ("slopes.png", slopes_figure))
