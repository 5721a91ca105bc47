"""Figures of a run over basins: scores of every contender over the basins (with published models beside them), where
they are good, soil moisture beside climatologies, and of a twin the parameters, fluxes and states against the truth."""
import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import yaml

from plot_files import (INK, MODEL, QUIET, START, MissingData, dataset, floats, is_constant, rows_of, spread, texts,
                        variable)

CONTENDERS = {"learned": MODEL, "ensemble": MODEL, "untrained": START, "uniform": "#7a8694"}
BESIDE = ("#1a1a1a", "#2b8a4b", "#a33b6b", "#8a6d1d", "#5b4ea8", "#b8442a")
HELD_OUT = "#d9822b"
SCORES = "metrics_by_basin.csv"


def is_basins(run):
    return (run / SCORES).exists()


# --- what a run has


def read_scores(run, name):
    """{variable: {contender: {place_id: (list, value)}}} of one metric."""
    scores = {}
    with open(run / SCORES, newline="") as file:
        for row in csv.DictReader(file):
            value = float(row[name]) if row[name] else np.nan
            of = scores.setdefault(row["variable"], {}).setdefault(row["contender"], {})
            of[row["place_id"]] = row["list"], value
    return scores


def model_of(contenders):
    """Name of what a run is about: its learned network, or the ensemble of such; None without either."""
    return next((name for name in ("learned", "ensemble") if name in contenders), None)


def domain_of(run):
    """(configuration, {forcing, observations: path}); None where they are not to be found. Paths that are not absolute
    hold where the program ran: here, or in a folder above the run's."""
    try:
        config = yaml.load((run / "config.yaml").read_text(), Loader=yaml.BaseLoader)
        paths = {name: Path(config["data_sources"][name]) for name in ("forcing", "observations")}
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return None
    for root in (Path.cwd(), *run.resolve().parents):
        if (root / paths["forcing"]).is_file():
            return config, {name: root / path for name, path in paths.items()}
    return None


def days_of(file, what):
    """Days since 1970-01-01 of a daily axis "days since DATE"."""
    time = variable(file, "time", what)
    start = np.datetime64(time.units.split("since")[1].split()[0], "D").astype(int)
    return np.asarray(time[:], dtype=int) + start


def day(text):
    return np.datetime64(text, "D").astype(int)


def correlation(a, b):
    """Pearson's r over what both have; NaN where one of them is constant but for rounding."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or is_constant(a[both]) or is_constant(b[both]):
        return np.nan
    return np.corrcoef(a[both], b[both])[0, 1]


# --- scores of all basins


def read_beside(wanted):
    """{name: {gauge_id: nse}} of NAME=FILE.csv."""
    beside = {}
    for one in wanted:
        name, _, path = one.partition("=")
        if not path:
            raise MissingData(f"--beside {one}: NAME=FILE.csv is needed")
        try:
            with open(path, newline="") as file:
                rows = list(csv.DictReader(file))
            beside[name] = {row["gauge_id"]: float(row["nse"]) if row["nse"] else np.nan for row in rows}
        except OSError as problem:
            raise MissingData(f"--beside {one}: {path} cannot be read ({problem.strerror})") from problem
        except (KeyError, TypeError, ValueError) as problem:
            raise MissingData(
                f"--beside {one}: {path} needs the columns gauge_id and nse with numbers ({problem})") from problem
    return beside


def plot_share(axes, values, colour, label, style="-"):
    """Share of basins at or below a value; the median is in the label."""
    values = np.sort(np.asarray(values, dtype=float)[np.isfinite(values)])
    if len(values):
        axes.step(values, np.arange(1, len(values) + 1) / len(values), where="post", color=colour, linestyle=style,
                  linewidth=1.6, label=f"{label}: median {np.median(values):.3f}")


def plot_pair(axes, model, own, published, name):
    """One basin a point; what lies outside the axes stands at their edge."""
    low, high = -0.2, 1.0
    x, y = np.clip(published, low, high), np.clip(own, low, high)
    axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--")
    axes.scatter(x, y, s=9, color=MODEL, alpha=0.5, linewidths=0)
    axes.set_xlim(low - 0.02, high)
    axes.set_ylim(low - 0.02, high)
    axes.set_aspect("equal")
    axes.set_xlabel(f"NSE of {name}")
    axes.set_title(f"{model} is better in {100 * np.mean(own > published):.0f} %", loc="left", fontsize=9)


def score_figures(run, beside):
    """The share of basins below each NSE, and one scatter a published model."""
    scores = read_scores(run, "nse").get("streamflow")
    model = model_of(scores or {})
    if model is None:
        raise MissingData(f"{run / SCORES} has no streamflow of a learned network or an ensemble: no scores drawn")
    published = read_beside(beside)
    common = [k for k in scores[model] if all(k in of for of in published.values())]
    if not common:
        raise MissingData(f"no basin of {run / SCORES} is in all files of --beside: no scores drawn")
    lists = sorted({scores[model][k][0] for k in common}, key=lambda one: (one == "holdout", one))
    columns = 3 if len(published) > 4 else min(2, len(published))
    rows = -(-len(published) // max(1, columns))
    width = 6.5 + 3.3 * columns if published else 7.5
    figure = plt.figure(figsize=(width, max(4.6, 3.4 * rows)), layout="constrained")
    left, *right = figure.subfigures(1, 2, width_ratios=(6.5, 3.3 * columns)) if published else [figure]
    axes = left.subplots()
    for name, colour in CONTENDERS.items():
        for one, style in zip(lists, ("-", "--", ":")):
            of = scores.get(name, {})
            values = [of[k][1] for k in common if k in of and of[k][0] == one]
            held = {"holdout": " (held out)"}.get(one, f" ({one})") if len(lists) > 1 else ""
            plot_share(axes, values, colour, name + held, style)
    for (name, of), colour in zip(published.items(), BESIDE * 9):
        plot_share(axes, [of[k] for k in common], colour, name)
    axes.set_xlim(-0.2, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("NSE of daily streamflow")
    axes.set_ylabel("share of basins at or below")
    axes.set_title(f"{len(common)} basins" + (", those of all models" if published else ""), loc="left")
    axes.legend(loc="upper left", fontsize=8)
    if published:
        panels = right[0].subplots(rows, columns, squeeze=False)
        for at, (name, of) in zip(panels.ravel(), published.items()):
            pairs = np.array([(scores[model][k][1], of[k]) for k in common])
            plot_pair(at, model, *pairs[np.isfinite(pairs).all(1)].T, name)
        for at in panels[:, 0]:
            at.set_ylabel(f"NSE, {model}")
        for at in panels.ravel()[len(published):]:
            at.axis("off")
    return [("nse.png", figure)]


def map_figures(run, _):
    """Where the learned network or the ensemble is good: a point a basin, with the metric of the first variable scored."""
    scores = read_scores(run, "nse")
    name = "streamflow" if "streamflow" in scores else next(iter(scores))
    model = model_of(scores[name])
    own = scores[name].get(model, {})
    with dataset(run / "runoff.nc", "map") as file:
        ids = texts(variable(file, "place_id", "map"))
        latitude, longitude = (floats(variable(file, n, "map")) for n in ("latitude", "longitude"))
    value = np.array([own[k][1] if k in own else np.nan for k in ids])
    shown = np.isfinite(value) & np.isfinite(latitude) & np.isfinite(longitude)
    if not shown.any():
        raise MissingData(f"{run / 'runoff.nc'} has no place with latitude, longitude and a score: no map drawn")
    width, height = np.ptp(longitude[shown]) * np.cos(np.radians(latitude[shown].mean())), np.ptp(latitude[shown])
    figure, axes = plt.subplots(figsize=(9, min(8, max(3.5, 1 + 8 * height / max(width, 1e-9)))), layout="constrained")
    points = axes.scatter(longitude[shown], latitude[shown], c=value[shown], cmap="viridis", vmin=0, vmax=1, s=22,
                          edgecolors=INK, linewidths=0.2)
    figure.colorbar(points, ax=axes, label=f"NSE of {name.replace('_', ' ')}, {model}", extend="min", pad=0.01)
    axes.set_xlabel("longitude (°E)")
    axes.set_ylabel("latitude (°N)")
    axes.set_title(f"{shown.sum()} places, median {np.median(value[shown]):.3f}", loc="left")
    return [("map.png", figure)]


# --- soil moisture beside climatologies


def seasonal_mean(days, values, wanted, half_width=15):
    """[place][wanted day]: mean of the values within half_width days of the same time of the year, at least one."""
    apart = (wanted[:, None] - days[None, :]) % 365.2425
    near = np.minimum(apart, 365.2425 - apart) <= half_width
    known, near = np.isfinite(values), near.T.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0) @ near / (known.astype(float) @ near)


def moisture_scores(simulated, observed):
    """(RMSE, ubRMSE, r) of each place over the days that both have; NaN with fewer than two."""
    out = np.full((3, len(observed)), np.nan)
    for k, (s, o) in enumerate(zip(simulated, observed)):
        both = np.isfinite(s) & np.isfinite(o)
        if both.sum() > 1:
            s, o = s[both], o[both]
            error = s - o
            out[:, k] = np.sqrt(np.mean(error ** 2)), np.std(error), correlation(s, o)
    return out


def climatologies(run, ids, days):
    """{name: [place][day]} made of the observations of the training period alone."""
    domain = domain_of(run)
    if domain is None:
        return {}
    config, paths = domain
    with dataset(paths["observations"], "climatology") as file:
        row = rows_of(np.array(texts(variable(file, "place_id", "climatology"))), np.array(ids))
        known = days_of(file, "climatology")
        inside = (known >= day(config["experiment"]["start_time"])) & (known <= day(config["experiment"]["end_time"]))
        values = floats(variable(file, "soil_moisture", "climatology"))[row][:, inside]
    values[(values < 0) | (values > 1) | (row < 0)[:, None]] = np.nan
    mean = np.nanmean(values, axis=1, keepdims=True) + np.zeros(len(days))
    return {"mean of the training period": mean, "its mean of ± 15 days": seasonal_mean(known[inside], values, days)}


def moisture_figures(run, _):
    with dataset(run / "runoff.nc", "soil moisture") as file:
        if "soil_moisture_observed" not in file.variables:
            return []
        ids, days = texts(variable(file, "place_id", "soil moisture")), days_of(file, "soil moisture")
        observed = floats(variable(file, "soil_moisture_observed", "soil moisture"))
        simulated = floats(variable(file, "soil_moisture_simulated", "soil moisture"))
    of_places = read_scores(run, "rmse").get("soil_moisture", {})
    model = model_of(of_places)
    if model is None:
        raise MissingData(f"{run / SCORES} has no soil moisture of a learned network or an ensemble: none drawn")
    made = {model: moisture_scores(simulated, observed)}
    made |= {name: moisture_scores(values, observed) for name, values in climatologies(run, ids, days).items()}
    untrained = [read_scores(run, name).get("soil_moisture", {}).get("untrained", {})
                 for name in ("rmse", "ubrmse", "pearson_r")]
    if untrained[0]:
        made["untrained"] = np.array([[of[k][1] if k in of else np.nan for k in ids] for of in untrained])
    lists = {k: of[0] for k, of in of_places[model].items()}
    held = np.array([lists.get(k) == "holdout" for k in ids])
    colours = {**CONTENDERS, "mean of the training period": QUIET, "its mean of ± 15 days": INK}
    figure, panels = plt.subplots(1, 3, figsize=(12.6, 4.8), sharey=True, layout="constrained")
    for axes, index, label in zip(panels, range(3), ("RMSE (m³/m³)", "ubRMSE (m³/m³)", "r")):
        for name, values in made.items():
            plot_share(axes, values[index][~held], colours[name], name)
            if held.any():
                plot_share(axes, values[index][held], colours[name], f"{name}, held out", "--")
        axes.set_xlabel(label)
        axes.set_xlim(*((0, 0.15) if index < 2 else (0, 1)))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)
    panels[0].set_ylabel("share of places at or below")
    panels[0].set_ylim(0, 1)
    of_them = f", {held.sum()} of them held out" if held.any() else ""
    figure.suptitle(f"Soil moisture at {len(ids)} places{of_them}", x=0.01, ha="left", fontsize=11)
    return [("soil_moisture.png", figure)]


# --- a twin against its truth


def truth_of(run):
    """(path of truth.nc, row in it of each place of the run, ids); None where the run is no twin's."""
    domain = domain_of(run)
    if domain is None or not (domain[1]["forcing"].parent / "truth.nc").exists():
        return None
    path = domain[1]["forcing"].parent / "truth.nc"
    if not (run / "parameters.nc").exists():  # of an ensemble
        return None
    with dataset(run / "parameters.nc", "recovered parameters") as file:
        ids = texts(variable(file, "place_id", "recovered parameters"))
    with dataset(path, "recovered parameters") as file:
        row = rows_of(np.array(texts(variable(file, "place_id", "recovered parameters"))), np.array(ids))
    if np.any(row < 0):
        raise MissingData(
            f"{run / 'parameters.nc'} has places that {path} lacks (was it made anew since?): no truth drawn")
    return path, row, ids


def held_out(run, ids):
    lists = {k: of[0] for contenders in read_scores(run, "nse").values()
             for k, of in contenders.get("learned", {}).items()}
    return np.array([lists.get(k) == "holdout" for k in ids])


def parameter_figures(run, _):
    """Learned against true, a panel a parameter; of several components the mean."""
    truth = truth_of(run)
    if truth is None:
        return []
    path, row, ids = truth
    held = held_out(run, ids)
    what = "recovered parameters"
    with dataset(run / "parameters.nc", what) as file, dataset(path, what) as true_file:
        names = [n for n, v in file.variables.items() if n in true_file.variables and v.dtype.kind == "f"]
        pairs = {n: (floats(true_file[n])[row], floats(file[n]).reshape(len(ids), -1).mean(1),
                     getattr(file[n], "units", "")) for n in names}
    pairs = {n: p for n, p in pairs.items() if spread(p[0])[0] < spread(p[0])[1]}
    if not pairs:
        raise MissingData(f"{path} and {run / 'parameters.nc'} share no parameter: no recovered parameters drawn")
    columns = 6
    rows = -(-len(pairs) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.6 * columns, 2.75 * rows + 0.5), squeeze=False,
                                  layout="constrained")
    for axes, (name, (true, learned, unit)) in zip(panels.ravel(), pairs.items()):
        both = spread(np.concatenate([true, learned]))
        axes.plot(both, both, color=INK, linewidth=1, linestyle="--")
        for chosen, colour, label in ((~held, MODEL, "trained on"), (held, HELD_OUT, "held out")):
            axes.scatter(true[chosen], learned[chosen], s=9, color=colour, alpha=0.7, linewidths=0, label=label)
        axes.set_title(f"{name} ({unit}), r {correlation(true[~held], learned[~held]):.3f}", loc="left", fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in panels.ravel()[len(pairs):]:
        axes.axis("off")
    panels[0, 0].legend(fontsize=7)
    figure.supxlabel("true", fontsize=10)
    figure.supylabel("learned" + (", mean of the components" if has_components(run) else ""), fontsize=10)
    figure.suptitle(f"Runoff parameters of {len(ids)} places of a twin; r of those trained on", x=0.01, ha="left",
                    fontsize=11)
    return [("recovered.png", figure)]


def has_components(run):
    with dataset(run / "parameters.nc", "recovered parameters") as file:
        return "component" in file.dimensions and len(file.dimensions["component"]) > 1


def efficiency(simulated, true):
    return 1 - np.sum((simulated - true) ** 2, 1) / np.sum((true - true.mean(1, keepdims=True)) ** 2, 1)


def as_observed(file, row, wetness_mm):
    """True soil moisture (m3/m3) as it is observed: a + b SM/FC."""
    a, b, capacity = (floats(variable(file, n, "truth"))[row][:, None]
                      for n in ("soil_moisture_offset", "soil_moisture_slope", "FC"))
    return a + b * wetness_mm / capacity


def unseen_figures(run, _):
    """Streamflow without noise, evapotranspiration and soil moisture against the truth, over the test period."""
    truth = truth_of(run)
    if truth is None:
        return []
    path, row, ids = truth
    held = held_out(run, ids)
    with dataset(run / "runoff.nc", "truth") as file, dataset(path, "truth") as true_file:
        at = np.searchsorted(days_of(true_file, "truth"), days_of(file, "truth"))
        pairs = {n: (floats(file[m]), floats(true_file[n])[row][:, at])
                 for n, m in (("streamflow", "streamflow_simulated"), ("evapotranspiration", "evapotranspiration"),
                              ("soil_moisture", "soil_moisture")) if m in file.variables and n in true_file.variables}
        if "soil_moisture" in pairs and "soil_moisture_simulated" in file.variables:
            true = as_observed(true_file, row, pairs["soil_moisture"][1])
            pairs["soil moisture as observed"] = floats(file["soil_moisture_simulated"]), true
    panels_of = [(n, "NSE", efficiency(*pairs[n])) for n in ("streamflow", "evapotranspiration") if n in pairs]
    if "soil_moisture" in pairs:
        of = np.array([correlation(a, b) for a, b in zip(*pairs["soil_moisture"])])
        panels_of += [("soil_moisture", "r", of), ("soil_moisture", "NSE", efficiency(*pairs["soil_moisture"]))]
    if "soil moisture as observed" in pairs:
        panels_of.append(("soil moisture as observed", "NSE", efficiency(*pairs["soil moisture as observed"])))
    if not panels_of:
        raise MissingData(f"{run / 'runoff.nc'} has no series of truth.nc: no truth drawn")
    figure, panels = plt.subplots(1, len(panels_of), figsize=(4 * len(panels_of), 3.9), sharey=True, squeeze=False,
                                  layout="constrained")
    for axes, (name, metric, values) in zip(panels[0], panels_of):
        plot_share(axes, values[~held], MODEL, "trained on")
        if held.any():
            plot_share(axes, values[held], HELD_OUT, "held out")
        axes.set_xlabel(f"{metric} of {name.replace('_', ' ')}")
        axes.set_xlim(min(1 - 1e-3, max(-1, np.nanquantile(values, 0.02))), 1)
        axes.legend(loc="upper left", fontsize=8)
    panels[0, 0].set_ylabel("share of places at or below")
    panels[0, 0].set_ylim(0, 1)
    figure.suptitle("Against the truth of the twin, in the test period", x=0.01, ha="left", fontsize=11)
    return [("against_truth.png", figure)]


FIGURES = (score_figures, map_figures, moisture_figures, parameter_figures, unseen_figures)
