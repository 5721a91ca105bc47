"""Claims about variables that were never trained on: a twin's fluxes and states, long-term evapotranspiration, snow."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, QUIET, START, dataset, floats, rows_of, texts
from report_calibration import SCE, paired
from report_statistics import difference, signed, spearman, statistic_interval, told, verdict


def series_table(path, names):
    with dataset(Path(path), "series") as file:
        start = np.datetime64(file["time"].units.split("since")[1].split()[0], "D").astype(int)
        return (
            texts(file["place_id"]),
            np.asarray(file["time"][:], dtype=int) + start,
            {n: floats(file[n]) for n in names if n in file.variables},
        )


def simulated(file_names, name):
    return next((n for n in (f"{name}_simulated", f"simulated_{name}", name) if n in file_names), name)


def nse(simulated_values, true):
    return 1 - np.mean((simulated_values - true) ** 2, axis=1) / np.maximum(np.var(true, axis=1), 1e-12)


def correlation(a, b):
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(scale > 0, (a * b).sum(axis=1) / np.where(scale > 0, scale, 1), np.nan)


def collect_untrained(folder):
    twin, camels, truth = [], [], None
    for record, at in runs.steps_of(folder):
        method = "dpl" if "dpl" in record["step"] else "sce"
        if record["verb"] == "synth":
            truth = series_table(at / "truth.nc", ("streamflow", "evapotranspiration", "soil_moisture", "snow_water"))
        elif record["step"].startswith("twin"):
            twin.append(twin_scores(at, runs.scores(at, runs.contender_of(record)), truth).assign(method=method, seed=record["seed"]))
        else:
            camels.append(camels_balance(record, at).assign(method=method, seed=record["seed"]))
    return {
        "untrained_twin.csv": pd.concat(twin, ignore_index=True),
        "untrained_camels.csv": pd.concat(camels, ignore_index=True),
    }


def twin_scores(at, listed, truth):
    true_ids, true_days, true = truth
    with dataset(at / "runoff.nc", "series") as file:
        held = {n: simulated(file.variables, n) for n in true}
    ids, days, made = series_table(at / "runoff.nc", held.values())
    rows, columns = rows_of(np.array(true_ids), np.array(ids)), np.searchsorted(true_days, days)
    lists = dict(zip(listed.place_id, listed["list"]))
    out = []
    for name, values in true.items():
        if held[name] not in made:
            continue
        a, b = made[held[name]], values[rows][:, columns]
        varies = b.std(axis=1) > 1e-3
        out.append(
            pd.DataFrame(
                {
                    "place_id": ids,
                    "list": [lists.get(i, "") for i in ids],
                    "variable": name,
                    "nse": np.where(varies, nse(a, b), np.nan),
                    "r": np.where(varies, correlation(a, b), np.nan),
                }
            )
        )
    return pd.concat(out, ignore_index=True)


def camels_balance(record, at):
    """Means over the whole water years of the test period, mm a day."""
    sources = runs.settings_of(record)["data_sources"]
    ids, days, made = series_table(at / "runoff.nc", ("evapotranspiration",))
    rain_ids, rain_days, rain = series_table(sources["forcing"], ("precipitation",))
    flow_ids, flow_days, flow = series_table(sources["observations"], ("streamflow",))
    wanted = np.array(ids)
    p = rain["precipitation"][rows_of(np.array(rain_ids), wanted)][:, np.searchsorted(rain_days, days)]
    q = flow["streamflow"][rows_of(np.array(flow_ids), wanted)][:, np.searchsorted(flow_days, days)]
    complete = np.isfinite(q).mean(axis=1) > 0.99
    balance = np.where(
        complete, np.nanmean(p, axis=1) - np.nanmean(np.where(np.isfinite(q), q, np.nan), axis=1), np.nan
    )
    return pd.DataFrame(
        {"place_id": ids, "evapotranspiration": made["evapotranspiration"].mean(axis=1), "p_minus_q": balance}
    )


def read_camels(data):
    """Median over the seeds of each place and method."""
    table = runs.read(data, "untrained_camels.csv")
    return table.groupby(["method", "place_id"], as_index=False)[["evapotranspiration", "p_minus_q"]].median()


LABELS = {
    "streamflow": "streamflow (trained on)",
    "evapotranspiration": "evapotranspiration",
    "soil_moisture": "soil moisture",
    "snow_water": "snow",
}


def judge_untrained(data):
    twin, camels = runs.read(data, "untrained_twin.csv"), read_camels(data)
    for variable, metric in (("evapotranspiration", "nse"), ("soil_moisture", "r"), ("snow_water", "nse")):
        mine = twin[(twin.variable == variable) & (twin["list"] != "holdout")]
        if mine.empty:
            continue
        ours, theirs = (mine[mine.method == m] for m in ("dpl", "sce"))
        result = difference(*paired(ours, theirs, metric))
        a, b = paired(ours, theirs, metric)
        label = "NSE" if metric == "nse" else "correlation"
        yield (
            f"Trained on streamflow only, the network's {LABELS[variable]} is nearer to the truth than SCE-UA's (twin)",
            verdict(result[1], result[2]),
            f"Median {label} {np.nanmedian(a):.3f} (network), {np.nanmedian(b):.3f} (SCE-UA); difference "
            f"{told(result)}.",
        )
    error = camels.assign(error=-(camels.evapotranspiration - camels.p_minus_q).abs())
    ours, theirs = (error[error.method == m] for m in ("dpl", "sce"))
    result = difference(*paired(ours, theirs, "error"))
    a, b = paired(ours, theirs, "error")
    r = {
        m: spearman(
            *camels[(camels.method == m) & camels.p_minus_q.notna()][["evapotranspiration", "p_minus_q"]].to_numpy().T
        )
        for m in ("dpl", "sce")
    }
    yield (
        "Long-term evapotranspiration of CAMELS basins is nearer to P - Q than SCE-UA's",
        verdict(result[1], result[2]),
        f"Median absolute difference {-np.nanmedian(a):.3f} (network) and {-np.nanmedian(b):.3f} mm/day (SCE-UA); "
        f"difference of the (negative) medians "
        f"{told(result)}. Rank correlation with P - Q over basins {r['dpl']:.3f} and {r['sce']:.3f}. P - Q holds "
        f"the errors of both.",
    )


def draw_untrained(data):
    twin, camels = runs.read(data, "untrained_twin.csv"), read_camels(data)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
    names = [v for v in LABELS if v in set(twin.variable)]
    for k, (method, colour, label) in enumerate((("dpl", MODEL, "one network"), ("sce", SCE, "SCE-UA"))):
        values = [
            twin[(twin.variable == v) & (twin.method == method) & (twin["list"] != "holdout")].r.dropna() for v in names
        ]
        boxes = left.boxplot(
            values,
            positions=np.arange(len(names)) + 0.36 * (k - 0.5),
            widths=0.3,
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
        )
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.65)
        for line in boxes["medians"]:
            line.set(color=INK)
        left.plot([], [], color=colour, linewidth=6, alpha=0.65, label=label)
        mine = camels[(camels.method == method) & camels.p_minus_q.notna()]
        right.scatter(
            mine.p_minus_q,
            mine.evapotranspiration,
            s=9,
            color=colour,
            alpha=0.5,
            label=f"{label}, rank correlation {spearman(mine.p_minus_q, mine.evapotranspiration):.3f}",
        )
    left.set_xticks(np.arange(len(names)), [LABELS[v] for v in names], fontsize=8)
    left.set_ylabel("correlation with the truth in time")
    left.set_title("Twin, places trained on (box: quartiles)", loc="left", fontsize=10)
    left.legend(fontsize=8)
    ends = [camels.p_minus_q.min(), camels.p_minus_q.max()]
    right.plot(ends, ends, color=QUIET, linewidth=1.2)
    right.set_xlabel("P - Q of the test period, observed (mm/day)")
    right.set_ylabel("simulated evapotranspiration (mm/day)")
    right.set_title("CAMELS, long-term means", loc="left", fontsize=10)
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    yield "untrained.png", figure, (
        "What was never trained on: fluxes and states of a twin, and evapotranspiration of CAMELS basins against P - Q."
    )


# --- observed snow


def collect_snow(folder):
    """Days of the test period: observed and simulated snow water (mm), and the observed mean of the training years."""
    table = pd.DataFrame()
    for record, at in runs.steps_of(folder):
        settings = runs.settings_of(record)
        _, days, made = series_table(at / "runoff.nc", ["snow_water"])
        table[f"simulated_{record['seed']}"] = made["snow_water"][0]
        if "observed" in table:
            continue
        _, axis, seen = series_table(settings["data_sources"]["observations"], ["snow_water_equivalent"])
        days, axis = (pd.DatetimeIndex(number.astype("datetime64[D]")) for number in (days, axis))
        observed = pd.Series(seen["snow_water_equivalent"][0], axis)
        period = settings["experiment"]
        trained = observed[period["start_time"] : period["end_time"]]
        season = trained.groupby([trained.index.month, trained.index.day]).mean()
        table.insert(0, "day", days)
        table["observed"] = observed.reindex(days).to_numpy()
        table["season"] = [season[(day.month, day.day)] for day in days]
    return {"observed_snow.csv": table.round({name: 2 for name in table if name != "day"})}


def snow_efficiency(table, column):
    error = (table[column] - table.observed) ** 2
    return 1 - error.sum() / ((table.observed - table.observed.mean()) ** 2).sum()


def judge_snow(data):
    table = pd.read_csv(data / "observed_snow.csv", parse_dates=["day"])
    seeds = [name for name in table if name.startswith("simulated_")]
    table["simulated"] = table[seeds].median(axis=1)
    years = [part for _, part in table.groupby(table.day.dt.year + (table.day.dt.month >= 10))]

    def gain(rows):
        drawn = pd.concat([years[k] for k in rows])
        return snow_efficiency(drawn, "simulated") - snow_efficiency(drawn, "season")

    value, low, high = statistic_interval(gain, len(years))
    yield (
        "Trained on streamflow only, simulated snow is nearer to observed snow than the season of other years' observations",
        verdict(low, high),
        f"NSE of snow water {snow_efficiency(table, 'simulated'):.3f} (median of {len(seeds)} seeds on each day; seeds alone "
        f"{', '.join(f'{snow_efficiency(table, name):.3f}' for name in seeds)}) and {snow_efficiency(table, 'season'):.3f} "
        f"(mean of the day over the training years); difference {signed(value)} (95 % interval {signed(low)} to "
        f"{signed(high)} over {len(years)} years drawn with replacement). One catchment.",
    )


def draw_snow(data):
    table = pd.read_csv(data / "observed_snow.csv", parse_dates=["day"])
    figure, axes = plt.subplots(figsize=(11, 3.6), layout="constrained")
    axes.fill_between(table.day, table.observed, color=QUIET, alpha=0.7, label="observed")
    seeds = [name for name in table if name.startswith("simulated_")]
    axes.plot(table.day, table[seeds].median(axis=1), color=MODEL, linewidth=1.2, label="simulated, trained on streamflow only")
    axes.plot(table.day, table.season, color=START, linewidth=0.8, label="season of the training years' observations")
    axes.set_ylabel("snow water (mm)")
    axes.set_ylim(0, 1.2 * table.observed.max())
    axes.set_xlim(table.day.iloc[0], table.day.iloc[-1])
    axes.legend(fontsize=8, ncols=3, loc="upper left")
    axes.grid(alpha=0.3)
    yield "observed_snow.png", figure, "Snow water of the river Vils, mean of the catchment, in years not trained on."
