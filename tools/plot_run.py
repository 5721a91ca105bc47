"""Draws a run's loss curve, hydrograph and parameters along the river from its files: plot_run.py RUN_DIR [--gauge ID]. The
folder of a scaling series or of a plan gives their figures instead."""
import argparse
import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

import plot_basins
import plot_places
import plot_recovery
import plot_scaling
import plot_surrogate
from plot_files import (INK, MODEL, MOST_SINGLE_REACHES, PARAMETERS, QUIET, START, MissingData, dataset, existing, floats,
                        is_constant, is_wide, plain_numbers, plot_density, quantiles_by_area, reaches_upstream, rows_of, spread,
                        texts, variable)

SIMULATED, UNTRAINED, OBSERVED = "discharge_simulated", "discharge_untrained", "discharge_observed"


def style():
    plt.rcParams.update({
        "figure.dpi": 130, "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
        "axes.grid": True, "grid.color": "#e6e9ec", "axes.axisbelow": True, "legend.edgecolor": "none",
    })


def save(figure, folder, name):
    folder.mkdir(exist_ok=True)
    path = folder / name
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)
    return path


# --- loss curve


def running_median(values, half_width):
    """Median over the 2 half_width + 1 neighbours of each value, fewer at the ends."""
    return np.array([np.nanmedian(values[max(0, i - half_width):i + half_width + 1]) for i in range(len(values))])


def read_training(path):
    with open(existing(path, "loss curve"), newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise MissingData(f"{path} has no rows: no loss curve drawn")
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in ("update", "loss", "learning_rate")}
    except (KeyError, TypeError, ValueError) as problem:
        raise MissingData(f"{path} has no number in column {problem}: no loss curve drawn") from problem


def draw_loss(run, figures):
    training = read_training(run / "training.csv")
    update, loss = training["update"], training["loss"]
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot(update, loss, ".", color=QUIET, markersize=4, label="loss of each update")
    half_width = max(1, min(15, len(loss) // 10))
    axes.plot(update, running_median(loss, half_width), color=MODEL, linewidth=2,
              label=f"running median over {2 * half_width + 1} updates")
    for k in np.flatnonzero(np.diff(training["learning_rate"])):
        rate = training["learning_rate"][k + 1]
        axes.axvline(update[k + 1], color=INK, linewidth=0.8, linestyle=":")
        axes.annotate(f"learning rate {rate:g} ", (update[k + 1], 0.3), xycoords=("data", "axes fraction"), fontsize=8,
                      rotation=90, ha="right")
    if np.all(loss > 0) and loss.max() > 30 * loss.min():
        axes.set_yscale("log")
    axes.set_xlabel("update")
    axes.set_ylabel("loss")
    axes.set_title(f"Training: {len(loss)} updates", loc="left")
    axes.legend(loc="upper right")
    return [save(figure, figures, "loss.png")]


# --- hydrograph


def gauge_row(file, wanted):
    ids = texts(variable(file, "gauge_id", "hydrograph"))
    if wanted is None:
        return 0, ids[0]
    if wanted not in ids:
        shown = ", ".join(ids[:10]) + (", ..." if len(ids) > 10 else "")
        raise MissingData(f"--gauge {wanted}: {file.filepath()} has the gauges {shown}")
    return ids.index(wanted), wanted


def scores_by_gauge(run, gauge):
    """NSE and KGE of each contender at the gauge, from metrics_by_gauge.csv."""
    path = run / "metrics_by_gauge.csv"
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("gauge_id") == gauge]
    return {row["contender"]: f"NSE {float(row['nse']):.3f}, KGE {float(row['kge']):.3f}"
            for row in rows if row.get("nse") and row.get("kge")}


def largest_year(time, observed, simulated):
    """Slice of the 12 months from 1 October around the largest observed (else simulated) flow."""
    flow = observed if np.isfinite(observed).any() else simulated
    peak = time[np.nanargmax(flow)]
    year = peak.astype("datetime64[Y]").astype(int) + 1970
    if peak < np.datetime64(f"{year}-10-01"):
        year -= 1
    return (time >= np.datetime64(f"{year}-10-01")) & (time < np.datetime64(f"{year + 1}-10-01"))


def plot_flows(axes, time, flows, scores, linewidth):
    drawn = ((UNTRAINED, "untrained", "untrained start", START, 0.8), (OBSERVED, None, "observed", INK, 1.0),
             (SIMULATED, "learned", "learned parameters", MODEL, 1.2))
    for name, contender, label, colour, width in drawn:
        if name in flows and np.isfinite(flows[name]).any():
            score = f" ({scores[contender]})" if contender in scores else ""
            axes.plot(time, flows[name], color=colour, linewidth=width * linewidth, label=label + score)
    axes.set_ylabel("discharge (m³/s)")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)


def read_flows(run, wanted_gauge):
    with dataset(run / "discharge.nc", "hydrograph") as file:
        if "gauge_id" not in file.variables:
            raise MissingData(f"{run / 'discharge.nc'} has no gauges: no hydrograph drawn")
        row, gauge = gauge_row(file, wanted_gauge)
        seconds = np.asarray(variable(file, "time", "hydrograph")[:], dtype="int64")
        flows = {name: floats(file.variables[name], row)
                 for name in (SIMULATED, UNTRAINED, OBSERVED) if name in file.variables}
    if SIMULATED not in flows:
        raise MissingData(f"{run / 'discharge.nc'} has no variable {SIMULATED}: no hydrograph drawn")
    return gauge, seconds.astype("datetime64[s]"), flows


def draw_hydrograph(run, figures, wanted_gauge):
    gauge, time, flows = read_flows(run, wanted_gauge)
    observed = flows.get(OBSERVED, np.full(len(time), np.nan))
    scores = scores_by_gauge(run, gauge)
    figure, (whole, year) = plt.subplots(2, 1, figsize=(11, 7), height_ratios=(1, 2.6), layout="constrained")
    plot_flows(whole, time, {k: v for k, v in flows.items() if k != UNTRAINED}, {}, 0.6)
    whole.set_title(f"Gauge {gauge}, {time[0].astype('datetime64[D]')} to {time[-1].astype('datetime64[D]')}", loc="left")
    inside = largest_year(time, observed, flows[SIMULATED])
    plot_flows(year, time[inside], {k: v[inside] for k, v in flows.items()}, scores, 1.2)
    whole.axvspan(time[inside][0], time[inside][-1], color=MODEL, alpha=0.1, linewidth=0)
    year.set_title("The year of the largest flow (shaded above); scores are those of the whole period", loc="left")
    year.xaxis.set_major_formatter(mdates.ConciseDateFormatter(year.xaxis.get_major_locator()))
    handles, labels = year.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return [save(figure, figures, f"hydrograph_{gauge}.png")]


# --- parameters along the river

def read_parameters(path):
    with dataset(path, "parameters along the river") as file:
        ids = np.asarray(variable(file, "reach_id", "parameters along the river")[:])
        down = np.asarray(variable(file, "downstream_id", "parameters along the river")[:])
        distance_km = floats(variable(file, "distance_to_outlet", "parameters along the river")) / 1000
        area = floats(file.variables["upstream_area"]) if "upstream_area" in file.variables else None
        values = {name: floats(file.variables[name]) for name in PARAMETERS if name in file.variables}
    return rows_of(ids, down), distance_km, area, values


def line_widths(area):
    """From 0.5 for the smallest to 4 for the largest drainage area, by its square root."""
    finite = np.where(np.isfinite(area) & (area > 0), area, 0)
    return 0.5 + 3.5 * np.sqrt(finite / max(finite.max(), 1e-30))


def plot_parameter(axes, downstream, distance_km, width, value):
    upper = np.flatnonzero(downstream >= 0)
    lower = downstream[upper]
    segments = np.stack([np.column_stack([distance_km[upper], value[upper]]),
                         np.column_stack([distance_km[lower], value[lower]])], axis=1)
    axes.add_collection(LineCollection(segments, colors=MODEL, linewidths=width[upper], alpha=0.55, capstyle="round"))
    axes.scatter(distance_km, value, s=3 + 4 * width, color=MODEL, linewidths=0)
    spread = np.nanmax(value) - np.nanmin(value)
    if np.nanmin(value) > 0 and np.nanmax(value) > 20 * np.nanmin(value):
        axes.set_yscale("log")
    if spread < 0.02 * abs(np.nanmean(value)):
        centre = np.nanmean(value)
        axes.set_ylim(centre - 0.05 * abs(centre) - 1e-12, centre + 0.05 * abs(centre) + 1e-12)


def draw_against_area(downstream, area, values, figures):
    """One panel a learned parameter: its density over drainage area (else the number of reaches upstream), median and 10 to 90 %
    of the reaches."""
    place = "upstream area (km²)" if area is not None else "reaches upstream, itself among them"
    area = reaches_upstream(downstream) if area is None else area
    learned = [name for name in values if not is_constant(values[name])]
    same = [f"{name} = {np.nanmedian(values[name]):.4g}" for name in values if name not in learned]
    figure, panels = plt.subplots(max(1, len(learned)), 1, figsize=(9, 3.6 * max(1, len(learned)) + 0.6), sharex=True,
                                  squeeze=False, layout="constrained")
    for axes, name in zip(panels[:, 0], learned):
        known = np.isfinite(values[name]) & (area > 0)
        x, y = area[known], values[name][known]
        plot_density(figure, axes, x, y, True, is_wide(y))
        middle, low, median, high = quantiles_by_area(x, y, 24, 20)
        axes.fill_between(middle, low, high, color=MODEL, alpha=0.25, linewidth=0, label="10 to 90 % of the reaches")
        axes.plot(middle, median, color=MODEL, linewidth=2, label="median")
        if is_wide(y):
            plain_numbers(axes.yaxis)
        axes.set_ylabel("{} ({})".format(*PARAMETERS[name]))
        axes.set_title("median {:.4g}, from {:.4g} to {:.4g}".format(np.median(y), *spread(y)), loc="left", fontsize=9)
        axes.legend(loc="best", fontsize=9)
    if not learned:
        panels[0, 0].axis("off")
    panels[-1, 0].set_xlabel(place)
    figure.suptitle(f"Parameters of {len(area):,} reaches" + (f"; the same everywhere: {', '.join(same)}" if same else ""),
                    x=0.01, ha="left")
    return [save(figure, figures, "parameters.png")]


def draw_parameters(run, figures):
    downstream, distance_km, area, values = read_parameters(run / "parameters.nc")
    if not values:
        raise MissingData(f"{run / 'parameters.nc'} has none of {', '.join(PARAMETERS)}: no parameters drawn")
    if len(distance_km) > MOST_SINGLE_REACHES:
        return draw_against_area(downstream, area, values, figures)
    figure, panels = plt.subplots(len(values), 1, figsize=(9, 2.6 * len(values) + 0.6), sharex=True, squeeze=False,
                                  layout="constrained")
    width = line_widths(np.ones(len(distance_km)) if area is None else area)
    for axes, (name, value) in zip(panels[:, 0], values.items()):
        label, unit = PARAMETERS[name]
        plot_parameter(axes, downstream, distance_km, width, value)
        axes.set_ylabel(f"{label} ({unit})")
        axes.set_title(f"median {np.nanmedian(value):.4g}, from {np.nanmin(value):.4g} to {np.nanmax(value):.4g}", loc="left",
                       fontsize=9)
    panels[-1, 0].set_xlabel("distance to the outlet (km); the river flows to the left, lines are wider where more area drains")
    figure.suptitle(f"Parameters of {len(distance_km)} reaches along the river", x=0.01, ha="left")
    return [save(figure, figures, "parameters.png")]


def draw_recovery(run, figures):
    return [save(figure, figures, name) for name, figure in plot_recovery.recovery_figures(run)]


def draw_scaling(run, figures):
    try:
        return [save(figure, figures, name) for name, figure in plot_scaling.figures_of(run)]
    except plot_scaling.BadTable as problem:
        raise MissingData(str(problem)) from problem


def draw_basins(run, figures, of, beside):
    return [save(figure, figures, name) for name, figure in of(run, beside)]


def draw_places(run, figures, beside):
    published = [(name, Path(path)) for name, _, path in (text.partition("=") for text in beside)]
    try:
        return [save(figure, figures, name) for name, figure in plot_places.figures_of(run, published)]
    except plot_scaling.BadTable as problem:
        raise MissingData(str(problem)) from problem


def named_file(text):
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text}: NAME=FILE.csv is needed")
    return text


def main():
    parser = argparse.ArgumentParser(prog="tools/plot", description="Draws the figures of a run into RUN_DIR/figures.")
    parser.add_argument("run", metavar="RUN_DIR", type=Path)
    parser.add_argument("--gauge", metavar="ID", help="gauge of the hydrograph (the first one where not given)")
    parser.add_argument("--beside", metavar="NAME=FILE.csv", type=named_file, action="append", default=[],
                        help="runs over basins: scores of another model, with the columns gauge_id and nse; may be given again")
    arguments = parser.parse_args()
    run, figures = arguments.run, arguments.run / "figures"
    if not run.is_dir():
        sys.exit(f"error: {run} is no folder; tools/plot takes the run folder that dpl_hpc printed")
    style()
    paths = []
    draws = (lambda: draw_loss(run, figures), lambda: draw_hydrograph(run, figures, arguments.gauge),
             lambda: draw_parameters(run, figures), lambda: draw_recovery(run, figures))
    if plot_places.is_places(run):
        draws = (lambda: draw_places(run, figures, arguments.beside),)
    elif plot_surrogate.is_surrogate(run):
        draws = tuple(lambda name=name, make=make: [save(make(run), figures, name)] for name, make in plot_surrogate.FIGURES
                      if name != "slopes.png" or (run / "slopes_by_place.csv").exists())
    elif plot_scaling.is_scaling(run):
        draws = (lambda: draw_scaling(run, figures),)
    elif plot_basins.is_basins(run):
        draws = (lambda: draw_loss(run, figures),
                 *(lambda of=of: draw_basins(run, figures, of, arguments.beside) for of in plot_basins.FIGURES))
    for draw in draws:
        try:
            paths += draw()
        except MissingData as missing:
            print(f"not drawn: {missing}", file=sys.stderr)
    for path in paths:
        print(path)
    if not paths:
        sys.exit(f"error: {run} holds no file that tools/plot can draw")


if __name__ == "__main__":
    main()
