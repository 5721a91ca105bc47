"""Claims about learned parameters: are they coherent, and do they serve in basins never seen."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, QUIET, START, dataset, floats, texts
from report_calibration import SCE, by_place, paired, share_curve
from report_statistics import difference, quartiles, spearman, statistic_interval, told, verdict

ATTRIBUTES = [
    "aridity",
    "frac_snow",
    "p_seasonality",
    "slope_mean",
    "frac_forest",
    "clay_frac",
    "soil_depth_pelletier",
    "elev_mean",
]
TRUE_SIGN = 0.2  # correlations nearer to 0 have no sign to agree on


def name_of(record):
    return record["step"] + (f"_{record['seed']}" if record["seed"] else "")


# --- coherence


def collect_coherence(folder):
    tables, attributes = [], None
    for record, at in runs.steps_of(folder):
        if record["verb"] == "synth":
            tables.append(runs.parameter_table(at / "truth.nc").assign(domain="twin", run="truth"))
            continue
        if record["verb"] == "scaling":
            continue
        ids = None
        if record["step"].startswith("twin"):
            ids = set(runs.scores(at, runs.contender_of(record)).query("list != 'holdout'").place_id)
        domain = "twin" if record["step"].startswith("twin") else "camels"
        tables.append(runs.parameter_table(at / "parameters.nc", ids).assign(domain=domain, run=name_of(record)))
        if domain == "camels" and attributes is None:
            attributes = attribute_table(
                runs.settings_of(record)["data_sources"]["attributes"], set(tables[-1].place_id)
            )
    parameters = pd.concat(tables, ignore_index=True)
    front = ["domain", "run", "place_id"]
    drop = [c for c in parameters.columns if c.startswith("soil_moisture_")]
    return {
        "coherence_parameters.csv": parameters.drop(columns=drop)[
            front + [c for c in parameters.columns if c not in front + drop]
        ],
        "coherence_attributes.csv": attributes,
    }


def attribute_table(path, ids):
    with dataset(Path(path), "attributes") as file:
        table = pd.DataFrame(
            {
                "place_id": texts(file["place_id"]),
                "latitude": floats(file["gauge_lat"]),
                "longitude": floats(file["gauge_lon"]),
            }
            | {name: floats(file[name]) for name in ATTRIBUTES}
        )
    return table[table.place_id.isin(ids)].reset_index(drop=True)


class Parameters:
    """[place][parameter] of the runs of a domain, places in the same order; NaN where a run does not have the place."""

    def __init__(self, table, domain):
        mine = table[table.domain == domain]
        self.names = [c for c in table.columns if c not in ("domain", "run", "place_id")]
        groups = {run: part.set_index("place_id")[self.names] for run, part in mine.groupby("run")}
        self.places = sorted(max((set(part.index) for run, part in groups.items() if run != "truth"), key=len))
        self.values = {run: part.reindex(self.places).to_numpy() for run, part in groups.items()}

    def rows_of(self, runs_of):
        """Rows of the places that all these runs have."""
        return np.flatnonzero(np.all([np.isfinite(self.values[run]).all(axis=1) for run in runs_of], axis=0))

    def rho(self, a, b, rows=None):
        """Spearman's correlation over places (default: all that both have), one for each parameter."""
        rows = self.rows_of((a, b)) if rows is None else rows
        x, y = self.values[a][rows], self.values[b][rows]
        return np.array([spearman(x[:, k], y[:, k]) for k in range(len(self.names))])

    def pairs(self, prefix):
        """Of the runs STEP_SEED whose name begins so."""
        mine = sorted(run for run in self.values if run.startswith(prefix) and run.rsplit("_", 1)[-1].isdigit())
        return [(a, b) for i, a in enumerate(mine) for b in mine[i + 1 :]]

    def mean_rho(self, pairs, rows=None):
        """Median over parameters of the mean over pairs of runs."""
        return np.nanmedian(np.nanmean([self.rho(a, b, rows) for a, b in pairs], axis=0))


def compared(p, ours, theirs):
    """Of two lists of pairs of runs, over the places that all have: both medians and the difference() of them."""
    rows = p.rows_of({run for pair in ours + theirs for run in pair})
    value, low, high = statistic_interval(
        lambda drawn: p.mean_rho(ours, rows[drawn]) - p.mean_rho(theirs, rows[drawn]), len(rows)
    )
    return p.mean_rho(ours, rows), p.mean_rho(theirs, rows), (value, low, high, len(rows))


def signs(p, attributes, run, rows):
    """[parameter][attribute] correlations over the places of these rows."""
    table = attributes.set_index("place_id").loc[np.array(p.places)[rows]]
    values = p.values[run][rows]
    return np.array([[spearman(values[:, k], table[a].to_numpy()) for a in ATTRIBUTES] for k in range(len(p.names))])


def sign_agreement(p, attributes, a, b):
    """Share of the relations that are clear in both runs and have the same sign, and how many are clear in both."""
    rows = p.rows_of((a, b))
    x, y = signs(p, attributes, a, rows), signs(p, attributes, b, rows)
    clear = (np.abs(x) > TRUE_SIGN) & (np.abs(y) > TRUE_SIGN)
    return np.mean(np.sign(x[clear]) == np.sign(y[clear])) if clear.any() else np.nan, int(clear.sum())


def nearest(attributes, places):
    """Row of the nearest other place of each, by great-circle distance."""
    at = np.radians(attributes.set_index("place_id").loc[places][["latitude", "longitude"]].to_numpy())
    x = np.column_stack([np.cos(at[:, 0]) * np.cos(at[:, 1]), np.cos(at[:, 0]) * np.sin(at[:, 1]), np.sin(at[:, 0])])
    closeness = x @ x.T
    np.fill_diagonal(closeness, -2)
    return closeness.argmax(axis=1)


def neighbour_rho(values, neighbour, rows):
    """Median over parameters of the rank correlation between a place's value and that of its nearest neighbour."""
    other = neighbour[rows]
    return np.nanmedian([spearman(values[rows, k], values[other, k]) for k in range(values.shape[1])])


def judge_coherence(data):
    table, attributes = runs.read(data, "coherence_parameters.csv"), runs.read(data, "coherence_attributes.csv")
    camels, twin = Parameters(table, "camels"), Parameters(table, "twin")
    dpl, sce = camels.pairs("dpl_1_"), camels.pairs("sce")
    if not dpl or not sce:
        raise runs.Missing("coherence: two seeds of dpl_1 and of sce are needed")
    a, b, result = compared(camels, dpl, sce)
    yield (
        "Parameter maps agree better between seeds than those of SCE-UA (CAMELS)",
        verdict(result[1], result[2]),
        f"Spearman's correlation over basins between seeds, median over {len(camels.names)} parameters: {a:.3f} "
        f"(network, {len(dpl)} pairs of "
        f"seeds), {b:.3f} (SCE-UA, {len(sce)}); difference {told(result)}.",
    )
    neighbour, ours, theirs = nearest(attributes, camels.places), camels.values[dpl[0][0]], camels.values["sce_1_1"]
    value, low, high = statistic_interval(
        lambda rows: neighbour_rho(ours, neighbour, rows) - neighbour_rho(theirs, neighbour, rows), len(camels.places)
    )
    every = np.arange(len(camels.places))
    yield (
        "Parameters of neighbouring basins are more alike than SCE-UA's (CAMELS)",
        verdict(low, high),
        "Rank correlation between a basin's parameter and its nearest neighbour's, median over parameters "
        f"{neighbour_rho(ours, neighbour, every):.3f} (network), {neighbour_rho(theirs, neighbour, every):.3f} "
        f"(SCE-UA); "
        f"difference {told((value, low, high, len(every)))}. The network reads attributes that neighbours share.",
    )
    for run, text in (("dpl_half", "half"), ("dpl_eighth", "an eighth")):
        if run in camels.values:
            pair = [(run, dpl[0][0])]
            value, low, high = statistic_interval(lambda rows: camels.mean_rho(pair, rows), len(camels.places))
            yield (
                f"Maps of a network of {text} of the basins are those of all basins (median correlation above 0.5)",
                verdict(low - 0.5, high - 0.5),
                f"Median over parameters {value:.3f} (95 % interval {low:.3f} to {high:.3f}, {len(camels.places)} "
                f"basins).",
            )
    truth = {kind: [(run, "truth") for run in twin.values if run.startswith(f"twin_{kind}")] for kind in ("dpl", "sce")}
    a, b, result = compared(twin, truth["dpl"], truth["sce"])
    yield (
        "The network finds the true parameters of a twin better than SCE-UA",
        verdict(result[1], result[2]),
        f"Correlation with the truth over places trained on, median over parameters: {a:.3f} (network), {b:.3f} "
        f"(SCE-UA); difference "
        f"{told(result)}.",
    )
    agree = {
        kind: [sign_agreement(camels, attributes, *pair) for pair in pairs]
        for kind, pairs in (("dpl", dpl), ("sce", sce))
    }
    ours, theirs = (np.nanmean([share for share, _ in agree[kind]]) for kind in ("dpl", "sce"))
    cross = sign_agreement(camels, attributes, dpl[0][0], sce[0][0])
    yield (
        "Signs of the relations between parameters and attributes are those that SCE-UA finds without attributes "
        "(more than half)",
        "held" if cross[0] > 0.5 else "did not hold",
        f"Of the {cross[1]} relations with a correlation beyond {TRUE_SIGN} in both, {100 * cross[0]:.0f} % have "
        f"the same sign in the network and in "
        f"SCE-UA; between seeds {100 * ours:.0f} % (network), {100 * theirs:.0f} % (SCE-UA). No interval: counted, "
        f"not drawn.",
    )


def draw_coherence(data):
    table, attributes = runs.read(data, "coherence_parameters.csv"), runs.read(data, "coherence_attributes.csv")
    camels, twin = Parameters(table, "camels"), Parameters(table, "twin")
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8), layout="constrained")
    at = np.arange(len(camels.names))
    bars = [("dpl_1_", "network, between seeds", MODEL), ("sce", "SCE-UA, between seeds", SCE)]
    for k, (prefix, label, colour) in enumerate(bars):
        left.bar(
            at + 0.28 * (k - 1),
            np.nanmean([camels.rho(*pair) for pair in camels.pairs(prefix)], axis=0),
            0.28,
            color=colour,
            label=label,
        )
    if "dpl_eighth" in camels.values:
        left.bar(
            at + 0.28,
            camels.rho("dpl_eighth", camels.pairs("dpl_1_")[0][0]),
            0.28,
            color=START,
            label="network, an eighth and all of the basins",
        )
    for k, (kind, label, colour) in enumerate((("dpl", "network", MODEL), ("sce", "SCE-UA", SCE))):
        pairs = [(run, "truth") for run in twin.values if run.startswith(f"twin_{kind}")]
        right.bar(
            at + 0.36 * (k - 0.5),
            np.nanmean([twin.rho(*pair) for pair in pairs], axis=0),
            0.36,
            color=colour,
            label=label,
        )
    for axes, title in (
        (left, f"CAMELS, {len(camels.places)} basins: do maps agree?"),
        (right, f"Twin, {len(twin.places)} places: are they true?"),
    ):
        axes.set_xticks(
            at, [n.replace("unit_hydrograph", "hydrograph") for n in camels.names], rotation=60, ha="right", fontsize=8
        )
        axes.set_ylabel("Spearman's rank correlation")
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_title(title, loc="left")
        axes.grid(axis="y", alpha=0.3)
        axes.set_ylim(top=1.3)
        axes.legend(fontsize=8, loc="upper left")
    yield "coherence.png", figure, (
        "Rank correlation over places of each parameter between trainings with other seeds or fewer basins, beside "
        "SCE-UA's "
        "(left), and with the true parameters of a twin (right). One component."
    )
    place = attributes.set_index("place_id").loc[camels.places]
    shown = [run for run in ("dpl_1_1", "dpl_1_2", "sce_1_1", "sce_1_2") if run in camels.values]
    chosen = [n for n in ("FC", "K1", "BETA") if n in camels.names]
    figure, panels = plt.subplots(
        len(chosen),
        len(shown),
        figsize=(3.6 * len(shown), 2.3 * len(chosen)),
        layout="constrained",
        sharex=True,
        sharey=True,
    )
    for row, name in zip(panels, chosen):
        column = camels.names.index(name)
        limits = np.quantile(camels.values[shown[0]][:, column], [0.02, 0.98])
        for axes, run in zip(row, shown):
            drawn = axes.scatter(
                place.longitude,
                place.latitude,
                c=camels.values[run][:, column],
                s=9,
                cmap="viridis",
                vmin=limits[0],
                vmax=limits[1],
            )
            kind = "network" if run.startswith("dpl") else "SCE-UA"
            axes.set_title(f"{name}: {kind}, seed {run[-1]}", loc="left", fontsize=9)
        figure.colorbar(drawn, ax=row, shrink=0.9)
    panels[-1][0].set_xlabel("longitude (degrees east)")
    panels[-1][0].set_ylabel("latitude")
    yield "coherence_maps.png", figure, (
        "Maps of three parameters of CAMELS basins: two seeds of one network, two of SCE-UA; colours span the network's "
        "values."
    )


# --- basins never seen


def collect_ungauged(folder):
    rows = []
    for record, at in runs.steps_of(folder):
        if record["step"] == "gauged":
            for contender in ("learned", "uniform"):
                try:
                    rows.append(
                        runs.scores(at, contender).assign(
                            kind="gauged" if contender == "learned" else "uniform", fold="", seed=record["seed"]
                        )
                    )
                except runs.Missing:
                    continue
            continue
        table = pd.read_csv(at / "metrics_by_basin.csv", dtype={"place_id": str, "fold": str})
        rows.append(table[["place_id", "list", "nse", "kge", "pbias", "fold", "seed"]].assign(kind=record["step"]))
    return {"ungauged.csv": pd.concat(rows, ignore_index=True)[["kind", "fold", "seed", "place_id", "nse", "kge"]]}


def judge_ungauged(data):
    table = runs.read(data, "ungauged.csv")
    kinds = {kind: part for kind, part in table.groupby("kind")}
    seeds = kinds["gauged"].seed.nunique()
    for kind, text in (("folds", "random folds"), ("regions", "whole regions left out")):
        if "uniform" in kinds:
            result = difference(*paired(kinds[kind], kinds["uniform"]))
            yield (
                f"In basins never seen ({text}) the network beats the best one set for all basins",
                verdict(result[1], result[2]),
                f"Median NSE {by_place(kinds[kind]).median():.3f} against "
                f"{by_place(kinds['uniform']).median():.3f}, which has seen them; difference "
                f"{told(result)}.",
            )
        loss = difference(*paired(kinds["gauged"], kinds[kind]))
        yield (
            f"Learned parameters generalise in space: no loss of skill ({text})",
            "did not hold" if loss[1] > 0 else "held",
            f"Trained on the basin {by_place(kinds['gauged']).median():.3f}, not trained on it "
            f"{by_place(kinds[kind]).median():.3f} (by place the median of {seeds} seeds); loss {told(loss)}.",
        )


def draw_ungauged(data):
    table = runs.read(data, "ungauged.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
    for kind, label, style in (
        ("gauged", "trained on the basin", {"color": INK, "linewidth": 1.5}),
        ("folds", "random folds, unseen", {"color": MODEL, "linewidth": 2}),
        ("regions", "regions, unseen", {"color": START, "linewidth": 2}),
        ("uniform", "best one set for all", {"color": QUIET, "linewidth": 1.5}),
    ):
        mine = table[table.kind == kind]
        if len(mine):
            share_curve(left, by_place(mine), label, **style)
    left.set_xlim(-0.2, 1)
    left.set_xlabel("NSE of the test period")
    left.set_ylabel("share of basins below")
    left.legend(fontsize=8, loc="upper left")
    regions = table[table.kind == "regions"]
    names = sorted(regions.fold.unique())
    for k, name in enumerate(names):
        ids = set(regions[regions.fold == name].place_id)
        for shift, kind, colour in ((-0.2, "gauged", INK), (0, "folds", MODEL), (0.2, "regions", START)):
            low, middle, high = quartiles(by_place(table[(table.kind == kind) & table.place_id.isin(ids)]))
            right.errorbar(
                middle,
                k + shift,
                xerr=[[middle - low], [high - middle]],
                fmt="o",
                color=colour,
                capsize=2,
                markersize=4,
            )
    right.set_yticks(
        range(len(names)),
        [f"{n.replace('_', ' ')} ({regions[regions.fold == n].place_id.nunique()})" for n in names],
        fontsize=8,
    )
    right.set_xlabel("NSE: median and quartiles over the basins of the region")
    right.set_title("By region (basins); colours as on the left", loc="left", fontsize=10)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    yield "ungauged.png", figure, (
        "NSE of CAMELS basins by networks that have seen them and by networks that have not. Right: by region (basins)."
    )
