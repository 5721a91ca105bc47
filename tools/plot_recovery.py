"""Figures of a synthetic twin's run: the n it learned against the n the discharge was made with (truth.nc beside network.nc)."""
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import yaml

from plot_files import (INK, MODEL, MOST_SINGLE_REACHES, MissingData, dataset, floats, plain_numbers, plot_density,
                        quantiles_by_area, rows_of, texts, variable)

WHAT = "recovered n"


def domain_of(run):
    """(configuration, network.nc, observations.nc) of a run; None where they are not to be found. Paths that are not absolute
    hold where the program ran: here, or in a folder above the run's."""
    try:
        config = yaml.load((run / "config.yaml").read_text(), Loader=yaml.BaseLoader)  # ids of gauges stay text
        network, observations = (Path(config["data_sources"][name]) for name in ("network", "observations"))
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return None
    for root in (Path.cwd(), *run.resolve().parents):
        if (root / network).is_file():
            return config, root / network, root / observations
    return None


def drains_to(downstream, targets):
    """True for the rows `targets` and all rows upstream of them; downstream: row of the next reach, -1 at an outlet. Every round
    doubles the length of river that has been looked down."""
    outlet = len(downstream)
    jump = np.append(np.where(downstream < 0, outlet, downstream), outlet)
    found = np.zeros(outlet + 1, dtype=bool)
    found[targets] = True
    while np.any(jump[:-1] != outlet):
        found |= found[jump]
        jump = jump[jump]
    return found[:-1]


def gauge_reaches(observations, chosen):
    """reach_id of the gauges trained on: the chosen ones, all where none is chosen."""
    with dataset(observations, WHAT) as file:
        reaches = np.asarray(variable(file, "reach_id", WHAT)[:])
        if not chosen:
            return reaches
        return reaches[np.isin(texts(variable(file, "gauge_id", WHAT)), chosen)]


def weighted_median(values, weights):
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return values[order[np.searchsorted(below, below[-1] / 2)]]


def scores(learned, true, weights):
    """(Pearson correlation, median absolute relative error) of the learned values, reaches counted by weight."""
    mean = [np.average(v, weights=weights) for v in (learned, true)]
    moments = [np.average((a - ma) * (b - mb), weights=weights) for a, ma, b, mb in
               ((learned, mean[0], true, mean[1]), (learned, mean[0], learned, mean[0]), (true, mean[1], true, mean[1]))]
    scale = np.sqrt(moments[1] * moments[2])
    return moments[0] / scale if scale > 0 else np.nan, weighted_median(np.abs(learned / true - 1), weights)


def read_recovery(run):
    """The reaches above gauges: n learned and true, length (m), area (km2; None where the network has none); and how many
    reaches and gauges there are. None where the run is no twin's or has no n."""
    domain = domain_of(run)
    if domain is None or not (domain[1].parent / "truth.nc").exists() or not (run / "parameters.nc").exists():
        return None
    config, network_path, observations = domain
    with dataset(run / "parameters.nc", WHAT) as file:
        if "n" not in file.variables:
            return None
        ids, learned = np.asarray(variable(file, "reach_id", WHAT)[:]), floats(file["n"])
    with dataset(network_path, WHAT) as file:
        row = rows_of(np.asarray(variable(file, "reach_id", WHAT)[:]), ids)
        down, length = np.asarray(variable(file, "downstream_id", WHAT)[:])[row], floats(variable(file, "length", WHAT))[row]
        area = floats(file["upstream_area"])[row] if "upstream_area" in file.variables else None
    with dataset(network_path.parent / "truth.nc", WHAT) as file:
        true_row = rows_of(np.asarray(variable(file, "reach_id", WHAT)[:]), ids)
        true = floats(variable(file, "n", WHAT))[true_row]
    if np.any(row < 0) or np.any(true_row < 0):
        raise MissingData(f"{run / 'parameters.nc'} has reaches that {network_path} or truth.nc beside it lacks (were they made "
                          f"anew since?): no {WHAT} drawn")
    gauges = rows_of(ids, gauge_reaches(observations, (config.get("experiment") or {}).get("gauges")))
    above = drains_to(rows_of(ids, down), gauges[gauges >= 0])
    if not above.any():
        raise MissingData(f"no reach of {network_path} lies above a gauge of the run: no {WHAT} drawn")
    return (learned[above], true[above], length[above], None if area is None else area[above]), len(ids), len(gauges)


def plot_against_truth(figure, axes, learned, true):
    if len(true) > MOST_SINGLE_REACHES:
        plot_density(figure, axes, true, learned, True, True)
    else:
        axes.scatter(true, learned, s=9, color=MODEL, alpha=0.5, linewidths=0)
        axes.set_xscale("log")
        axes.set_yscale("log")
    low, high = min(true.min(), learned.min()) / 1.08, max(true.max(), learned.max()) * 1.08
    axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--", label="learned = true")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    plain_numbers(axes.xaxis)
    plain_numbers(axes.yaxis)
    axes.set_xlabel("true n (s m$^{-1/3}$)")
    axes.set_ylabel("learned n (s m$^{-1/3}$)")
    axes.legend(loc="upper left", fontsize=9)


def plot_by_area(axes, learned, true, area):
    many = len(true) > MOST_SINGLE_REACHES
    bins, fewest = (24, 20) if many else (8, 3)
    for values, colour, label, line in ((learned, MODEL, "learned", "-"), (true, INK, "true", "--")):
        middle, low, median, high = quantiles_by_area(area, values, bins, fewest)
        if many:
            axes.fill_between(middle, low, high, color=colour, alpha=0.18, linewidth=0, label=f"{label}, 10 to 90 % of the reaches")
        else:
            axes.scatter(area, values, s=9, color=colour, alpha=0.35, linewidths=0, label=f"{label}, each reach")
        axes.plot(middle, median, color=colour, linewidth=2, linestyle=line, label=f"{label}, median")
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_numbers(axes.yaxis)
    axes.set_xlabel("upstream area (km²)")
    axes.set_ylabel("n (s m$^{-1/3}$)")
    axes.legend(loc="upper right", fontsize=9)


def recovery_figures(run):
    """[(file name, figure)] of a twin's run, none of another."""
    recovery = read_recovery(run)
    if recovery is None:
        return []
    (learned, true, length, area), reaches, gauges = recovery
    alike, by_length = (scores(learned, true, w) for w in (np.ones(len(true)), length))
    uniform = np.median(np.abs(np.median(true) / true - 1))
    figure, panels = plt.subplots(1, 1 if area is None else 2, figsize=(6.2 if area is None else 12.4, 5), squeeze=False,
                                  layout="constrained")
    plot_against_truth(figure, panels[0, 0], learned, true)
    if area is not None:
        plot_by_area(panels[0, 1], learned, true, area)
    seen = "a gauge" if gauges == 1 else f"one of {gauges} gauges"
    left_out = " (the others are left out)" if len(true) < reaches else ""
    figure.suptitle(
        f"Manning's n of the {len(true):,} of {reaches:,} reaches that drain to {seen}{left_out}\n"
        f"each reach alike: correlation {alike[0]:.3f}, median |error| {100 * alike[1]:.1f} %;   weighted by length: "
        f"{by_length[0]:.3f}, {100 * by_length[1]:.1f} %;   the true median n everywhere: {100 * uniform:.1f} %",
        x=0.01, ha="left", fontsize=11)
    return [("recovered.png", figure)]
