"""Claims about curves over numbers of places: skill, cost, and cost until a stated skill; SCE-UA beside them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, QUIET, START
from report_calibration import SCE, paired
from report_statistics import difference, told, verdict



CURVE = ["subset", "seed", "places", "updates", "forward_runs_per_place", "seconds_per_place", "nse_in", "nse_out", "nse_core"]


def collect_scaling(folder, name):
    """Steps are named kind_record_budget."""
    curve, basins, sce, sce_curve = [], {}, [], {}
    for record, at in runs.steps_of(folder):
        if record["verb"] == "synth":
            continue
        years_of, budget = record["step"].split("_")[1:]
        if record["verb"] == "scaling":
            curve.append(pd.read_csv(at / "scaling.csv")[CURVE].assign(record=years_of))
            table = pd.read_csv(at / "scaling_by_basin.csv", dtype={"place_id": str})
            if int(budget) > basins.get(years_of, (0, None))[0]:
                basins[years_of] = int(budget), table
        else:
            places = runs.scores(at, "calibrated")[["place_id", "nse"]]
            sce.append(
                places.assign(
                    record=years_of,
                    evaluations=runs.runs_per_place(record, at),
                    seconds_per_place=record["seconds"] * record["ranks"] / len(places),
                )
            )
            if int(budget) > sce_curve.get(years_of, (0, None))[0]:
                sce_curve[years_of] = int(budget), runs.curves(at, 250)
    unseen = [
        table[table.list == "holdout"][["subset", "seed", "place_id", "nse"]].assign(record=record)
        for record, (_, table) in basins.items()
    ]
    tables = {f"{name}_curve.csv": pd.concat(curve, ignore_index=True), f"{name}_unseen.csv": pd.concat(unseen, ignore_index=True)}
    if sce:
        sce = pd.concat(sce, ignore_index=True)
        tables |= {
            f"{name}_sce.csv": sce[sce.place_id.isin(tables[f"{name}_unseen.csv"].place_id)],
            f"{name}_sce_medians.csv": sce_medians(sce, basins),
            f"{name}_sce_curve.csv": pd.concat(
                [table.assign(record=record, budget=budget) for record, (budget, table) in sce_curve.items()], ignore_index=True
            ),
        }
    return tables


def sce_medians(sce, basins):
    """SCE-UA's medians over the places that a curve is judged in: out of the sample, and those that all trainings of a seed saw."""
    rows = []
    for (record, evaluations), mine in sce.groupby(["record", "evaluations"]):
        table = basins[record][1]
        chosen = [("nse_out", seed, part[part.list == "holdout"]) for seed, part in table.groupby("seed")]
        chosen += [("nse_core", seed, part[part.core == 1]) for seed, part in table.groupby("seed")]
        for column, seed, part in chosen:
            rows.append(
                {
                    "record": record,
                    "evaluations": evaluations,
                    "where": column,
                    "seed": seed,
                    "nse": mine[mine.place_id.isin(part.place_id)].nse.median(),
                    "seconds_per_place": mine.seconds_per_place.iloc[0],
                }
            )
    return pd.DataFrame(rows)


def years(record):
    return {"9y": "9 years", "2y": "2 years", "1y": "1 year"}.get(record, record)


def longest(curve):
    """Trainings with the largest budget of their record."""
    return curve[curve.updates == curve.groupby("record").updates.transform("max")]


def judge_scaling(data, name, what):
    curve, unseen = longest(runs.read(data, f"{name}_curve.csv")), runs.read(data, f"{name}_unseen.csv")
    for record in curve.record.unique():
        mine, places = curve[curve.record == record], unseen[unseen.record == record]
        least, most = mine.subset.min(), mine.subset.max()
        result = difference(*paired(places[places.subset == most], places[places.subset == least]))
        few, all_of = (mine[mine.subset == s] for s in (least, most))
        yield (
            f"Skill in unseen places grows with the places trained on ({what}, {years(record)} of training data)",
            verdict(result[1], result[2]),
            f"Median NSE out of the sample {all_of.nse_out.median():.3f} from {all_of.places.iloc[0]} places and "
            f"{few.nse_out.median():.3f} "
            f"from {few.places.iloc[0]} (medians of {all_of.seed.nunique()} seeds); difference of the medians over "
            f"places {told(result)}.",
        )
        ratio = few.forward_runs_per_place.median() / all_of.forward_runs_per_place.median()
        yield (
            f"Cost per place falls as places are added ({what}, {years(record)})",
            "held" if ratio > 1 else "did not hold",
            f"Forward runs a place {few.forward_runs_per_place.median():.0f} with {few.places.iloc[0]} places, "
            f"{all_of.forward_runs_per_place.median():.0f} with {all_of.places.iloc[0]} ({ratio:.1f} times fewer); "
            f"seconds a place "
            f"{few.seconds_per_place.median():.2g} and {all_of.seconds_per_place.median():.2g}. Not a matter of "
            f"chance: the budget is set.",
        )
    yield from judge_thresholds(data, name, what)
    if not (data / f"{name}_sce.csv").exists():
        return
    sce = runs.read(data, f"{name}_sce.csv")
    for record in sce.record.unique():
        mine = sce[sce.record == record]
        best = mine[mine.evaluations == mine.evaluations.max()]
        places = unseen[(unseen.record == record) & (unseen.subset == unseen.subset.max())]
        result = difference(*paired(places, best))
        runs_dpl = curve[
            (curve.record == record) & (curve.subset == curve.subset.max())
        ].forward_runs_per_place.median()
        yield (
            f"In basins it has never seen the network is above SCE-UA calibrated in them ({what}, {years(record)})",
            verdict(result[1], result[2]),
            f"SCE-UA with {best.evaluations.iloc[0]:.0f} evaluations a basin, the network {runs_dpl:.0f} forward "
            f"runs a basin elsewhere and none "
            f"here; difference of the median NSE {told(result)}.",
        )


def draw_scaling(data, name, what):
    curve = longest(runs.read(data, f"{name}_curve.csv"))
    has_sce = (data / f"{name}_sce.csv").exists()
    same = set(runs.read(data, f"{name}_unseen.csv").place_id)  # medians of other places cannot be compared
    figure, (left, right) = plt.subplots(1, 2, figsize=(13.5, 4.6), layout="constrained")
    colours = dict(zip(curve.record.unique(), (MODEL, START, "#2b8a4b")))
    for record, mine in curve.groupby("record", sort=False):
        for column, style, text in (
            ("nse_out", "-", "unseen places"),
            ("nse_core", ":", "places that all trainings saw"),
        ):
            groups = mine.groupby("places")[column]
            left.plot(
                groups.median().index,
                groups.median(),
                style,
                marker="o",
                color=colours[record],
                label=f"{years(record)}, {text}",
            )
            left.fill_between(groups.median().index, groups.min(), groups.max(), color=colours[record], alpha=0.12)
        cost = mine.groupby("places")[["forward_runs_per_place", "nse_out"]].median()
        right.plot(
            cost.forward_runs_per_place, cost.nse_out, "o-", color=colours[record], label=f"network, {years(record)}"
        )
        for places, row in cost.iterrows():
            right.annotate(
                f"{places}",
                (row.forward_runs_per_place, row.nse_out),
                xytext=(5, -3),
                textcoords="offset points",
                fontsize=7,
            )
    left.set_xscale("log", base=2)
    ticks = sorted(curve.places.unique())
    left.set_xticks(ticks, [str(t) for t in ticks])
    left.set_xlabel("places trained on")
    left.set_ylabel("median NSE of the test period")
    left.set_title("Skill (median of seeds; band: least to largest)", loc="left", fontsize=10)
    left.legend(fontsize=7)
    right.set_title(
        f"Skill in the {len(same)} unseen places against cost (numbers: places trained on)", loc="left", fontsize=10
    )
    if has_sce:
        sce = runs.read(data, f"{name}_sce.csv")
        for record, mine in sce.groupby("record", sort=False):
            points = mine[mine.place_id.isin(same)].groupby("evaluations").nse.median()
            right.plot(
                points.index,
                points,
                "s--",
                color=SCE,
                alpha=1 if record == curve.record.iloc[0] else 0.5,
                label=f"SCE-UA in these places, {years(record)}",
            )
        far = runs.read(data, f"{name}_sce_curve.csv")
        far = far[far.record == curve.record.iloc[0]]
        right.plot(
            far.evaluations,
            far.training_nse,
            color=QUIET,
            linewidth=1.5,
            label="SCE-UA, best so far\n(training period, all places)",
        )
    right.set_xscale("log")
    right.set_xlabel("forward runs a place")
    right.set_ylabel("median NSE")
    right.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(what, x=0.01, ha="left", color=INK)
    yield f"{name}.png", figure, (
        f"{what}: skill against the number of places trained on (left), and in places never trained on against "
        "forward runs a place; SCE-UA is calibrated in these places, the network is not (right)."
    )
    yield from draw_thresholds(data, name, what)


# --- cost of a stated skill

# Median NSE of the test period that is asked for: in places out of the sample, and in the places that all trainings of a seed saw.
THRESHOLDS = {"scaling_camels": {"nse_out": 0.5, "nse_core": 0.5}, "scaling_twin": {"nse_out": 0.9, "nse_core": 0.9}}
WHERE = {"nse_out": "unseen places", "nse_core": "places that all trainings saw"}


def cost_of_skill(points, threshold):
    """Runs and seconds a place at which a curve of rows (runs, seconds, skill), cheapest first, reaches the threshold, and whether it
    may be fewer: between two budgets by the logarithm of the cost; nan where it does not, the first budget where that is enough."""
    points = np.asarray(points, dtype=float)
    reached = np.flatnonzero(points[:, 2] >= threshold)
    if not len(reached):
        return np.nan, np.nan, False
    at = reached[0]
    if at == 0:
        return points[0, 0], points[0, 1], True
    share = (threshold - points[at - 1, 2]) / (points[at, 2] - points[at - 1, 2])
    runs_, seconds = np.exp((1 - share) * np.log(points[at - 1, :2]) + share * np.log(points[at, :2]))
    return runs_, seconds, False


def costs(data, name):
    """Rows where, record, places (0: SCE-UA), seed, runs, seconds, at_most: cost_of_skill() a place."""
    curve, rows = runs.read(data, f"{name}_curve.csv"), []
    sources = [(curve, ["record", "places", "seed"], ["forward_runs_per_place", "seconds_per_place"])]
    if (data / f"{name}_sce_medians.csv").exists():
        sce = runs.read(data, f"{name}_sce_medians.csv").assign(places=0)
        sources.append((sce, ["record", "places", "seed"], ["evaluations", "seconds_per_place"]))
    for where, threshold in THRESHOLDS[name].items():
        for table, keys, cost in sources:
            skill = where if where in table else "nse"
            mine = table if where in table else table[table["where"] == where]
            for key, part in mine.groupby(keys):
                found = cost_of_skill(part.sort_values(cost[0])[[*cost, skill]], threshold)
                rows.append({"where": where, **dict(zip(keys, key)), "runs": found[0], "seconds": found[1], "at_most": found[2]})
    return pd.DataFrame(rows)


def short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def told_cost(mine):
    """`21 runs, 0.0023 s` by the median of the seeds; a seed that did not get there counts as dearer than all others; `at most` where
    most seeds got there by the smallest budget."""
    if mine.runs.isna().sum() * 2 >= len(mine):
        return "not reached"
    filled = mine.fillna(np.inf)
    bound = "at most " if 2 * mine.at_most.sum() > len(mine) else ""
    return f"{bound}{short(filled.runs.median())} runs, {filled.seconds.median():.2g} s"


def cheaper(less, more):
    """Verdict of the claim that `less` reaches the threshold at a lower cost than `more`, from the seeds of both."""
    both = less.set_index("seed").runs.fillna(np.inf), more.set_index("seed").runs.fillna(np.inf)
    below, above = both[0].lt(both[1]), both[0].gt(both[1])
    return "held" if below.all() else "did not hold" if above.all() else "not decided"


def judge_thresholds(data, name, what):
    table = costs(data, name)
    for (where, record), mine in table.groupby(["where", "record"], sort=False):
        asked = f"a median NSE of {THRESHOLDS[name][where]:g} in {WHERE[where]}"
        by_places = {places: part for places, part in mine.groupby("places") if places > 0}
        most, least = by_places[max(by_places)], by_places[min(by_places)]
        yield (
            f"{asked[0].upper()}{asked[1:]} costs less a place as places are added ({what}, {years(record)})",
            cheaper(most, least),
            "A place costs, by places trained on: "
            + "; ".join(f"{places}: {told_cost(part)}" for places, part in by_places.items())
            + f" (medians of {most.seed.nunique()} seeds; held where every seed agrees).",
        )
        sce = mine[mine.places == 0]
        if not sce.empty:
            yield (
                f"One network reaches {asked} at a lower cost a place than SCE-UA ({what}, {years(record)})",
                cheaper(most, sce),
                f"{max(by_places)} places: {told_cost(most)} a place; SCE-UA, calibrated in the places that are judged: "
                f"{told_cost(sce)}.",
            )


def draw_thresholds(data, name, what):
    table = costs(data, name)
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    colours = dict(zip(table.record.unique(), (MODEL, START, "#2b8a4b")))
    ticks = sorted(table.places[table.places > 0].unique())
    for axes, column, unit in zip(panels, ("runs", "seconds"), ("forward runs a place", "seconds of one core a place")):
        for (where, record), mine in table.groupby(["where", "record"], sort=False):
            style = "-" if where == "nse_out" else ":"
            middle = mine.fillna(np.inf).groupby("places")[column].median().replace(np.inf, np.nan)
            network = middle[middle.index > 0]
            axes.plot(
                network.index,
                network,
                style,
                marker="o",
                color=colours[record],
                label=f"NSE {THRESHOLDS[name][where]:g} in {WHERE[where]}, {years(record)}",
            )
            if 0 in middle.index and np.isfinite(middle[0]):
                axes.axhline(middle[0], linestyle=style, linewidth=1, color=colours[record], alpha=0.6)
                axes.annotate("SCE-UA", (ticks[0], middle[0]), xytext=(0, 2), textcoords="offset points", fontsize=7)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.set_xlabel("places trained on")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.3)
    panels[1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.suptitle(f"{what}: cost of a stated skill (median of seeds; no point: not reached)", x=0.01, ha="left", color=INK)
    yield f"{name}_cost.png", figure, (
        "Forward runs and seconds a place until the median NSE of the test period reaches what is stated, by shorter trainings of "
        "their own (25 updates and more), between two of them by the logarithm of the cost, and that of the shortest where it is "
        "enough; lines without points: SCE-UA, calibrated in the places that are judged (200 evaluations and more)."
    )
