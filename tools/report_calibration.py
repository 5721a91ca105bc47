"""Claims about skill and cost: one network beside SCE-UA and gradients basin by basin, from 12.5 % of the basins."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import report_runs as runs
from plot_files import INK, MODEL, START
from report_statistics import difference, quartiles, told, verdict

SCE = "#a33b6b"
GRADIENT = "#2b8a4b"
DYNAMIC = "#12b5d8"
# Regionalization beside a network of 12.5 %: components, contenders of regionalization.csv, what they are.
BESIDE_A_PART = {
    1: (("attributes_5", "five donors, nearest in attributes"), ("transfer", "transfer functions, by gradients")),
    4: (("attributes_5_4", "five donors, nearest in attributes"),),
}


def by_place(table, column="nse"):
    """Median over seeds of each place."""
    return table.groupby("place_id")[column].median()


def paired(a, b, column="nse"):
    a, b = by_place(a, column), by_place(b, column)
    both = a.index.intersection(b.index)
    return a[both].to_numpy(), b[both].to_numpy()


def bars(axis, rows):
    """One bar a row (text, values of places, colour): median, written beside it, and quartiles."""
    for at, (_, values, colour) in enumerate(rows):
        low, middle, high = quartiles(values)
        axis.barh(at, middle, color=colour, height=0.6)
        axis.plot([low, high], [at, at], color=INK, linewidth=1)
        axis.text(high + 0.01, at, f"{middle:.3f}", va="center", color=INK, fontsize=9)
    axis.set_yticks(range(len(rows)), [text for text, _, _ in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.12)
    axis.set_xlabel("NSE of the test period: median and quartiles")
    axis.grid(alpha=0.3, axis="x")


def collect_evolutionary(folder):
    rows = []
    for record, at in runs.steps_of(folder):
        components = int(record["step"].split("_")[1])
        kind = record["step"].split("_")[0]
        if record["verb"] == "scaling":
            table = pd.read_csv(at / "scaling_by_basin.csv", dtype={"place_id": str})
            cost = pd.read_csv(at / "scaling.csv").set_index(["subset", "seed"]).forward_runs_per_place
            for (subset, seed), part in table.groupby(["subset", "seed"]):
                rows.append(
                    part[["place_id", "list", "nse", "kge"]].assign(
                        contender=f"dpl_{subset:g}", components=components, seed=seed, runs_per_place=cost[subset, seed]
                    )
                )
            continue
        rows.append(
            runs.scores(at, runs.contender_of(record))
            .drop(columns="pbias")
            .assign(
                contender=kind,
                components=components,
                seed=record["seed"],
                runs_per_place=runs.runs_per_place(record, at),
            )
        )
    return {"evolutionary.csv": pd.concat(rows, ignore_index=True)}


def judge_evolutionary(data):
    table = runs.read(data, "evolutionary.csv")
    for c in sorted(table.components.unique()):
        mine = table[table.components == c]
        dpl, sce, part = (mine[mine.contender == name] for name in ("dpl", "sce", "dpl_0.125"))
        if dpl.empty or sce.empty:
            continue
        a, b = paired(dpl, sce)
        whole = difference(a, b)
        cost = sce.runs_per_place.median() / dpl.runs_per_place.median()
        plural = "component" if c == 1 else "components"
        yield (
            f"One network beats SCE-UA basin by basin ({c} {plural})",
            verdict(whole[1], whole[2]),
            f"Median NSE of the test period {np.median(a):.3f} (network, median of {dpl.seed.nunique()} seeds in "
            f"each basin) and "
            f"{np.median(b):.3f} (SCE-UA); difference {told(whole)}; the network is above in {np.sum(a > b)} of "
            f"{len(a)}. Forward runs "
            f"a basin: {dpl.runs_per_place.median():.0f} and {sce.runs_per_place.median():.0f}, {cost:.0f} times as "
            f"many.",
        )
        gradient = mine[mine.contender == "gradient"]
        if not gradient.empty:
            a, b = paired(dpl, gradient)
            alone = difference(a, b)
            yield (
                f"One network beats calibration by gradients basin by basin ({c} {plural})",
                verdict(alone[1], alone[2]),
                f"Median NSE {np.median(a):.3f} (network) and {np.median(b):.3f} (each basin alone, by the same adjoint); "
                f"difference {told(alone)}; the network is above in {np.sum(a > b)} of {len(a)}. Forward runs a basin: "
                f"{dpl.runs_per_place.median():.0f} and {gradient.runs_per_place.median():.0f}, each with an adjoint.",
            )
        dynamic = mine[mine.contender == "dynamic"]
        if not dynamic.empty:
            for other, who in ((sce, "SCE-UA basin by basin"), (dpl, "the network with static parameters")):
                a, b = paired(dynamic, other)
                result = difference(a, b)
                yield (
                    f"One network with parameters that change by day beats {who} ({c} {plural})",
                    verdict(result[1], result[2]),
                    f"Median NSE {np.median(a):.3f} (three of 14 parameters by an LSTM, median of {dynamic.seed.nunique()} seeds in "
                    f"each basin) and {np.median(b):.3f}; difference {told(result)}; above in {np.sum(a > b)} of {len(a)}.",
                )
        for where, text in (("train", "in the basins it was trained on"), ("holdout", "in basins it has never seen")):
            chosen = part[part.list == where]
            if chosen.empty:
                continue
            a, b = paired(chosen, sce)
            result = difference(a, b)
            yield (
                f"12.5 % of the basins give the skill of SCE-UA on 100 %, {text} ({c} {plural})",
                verdict(result[1], result[2]),
                f"Median NSE {np.median(a):.3f} (network of 12.5 %, {part.seed.nunique()} draws) and "
                f"{np.median(b):.3f} (SCE-UA "
                f"calibrated in each of the same basins); difference {told(result)}.",
            )
        yield from judge_part(data, part[part.list == "holdout"], c, plural)


def judge_part(data, part, components, plural):
    """A network of 12.5 % of the basins beside regionalization from all but the fifth that holds the basin."""
    if part.empty or not (data / "regionalization.csv").exists():
        return
    table = runs.read(data, "regionalization.csv")
    for name, who in BESIDE_A_PART.get(components, ()):
        other = table[(table.protocol == "P10") & (table.contender == name)]
        if other.empty:
            continue
        a, b = paired(part, other)
        result = difference(a, b)
        yield (
            f"12.5 % of the basins give the skill of regionalization from 100 %, in basins it has never seen: {who} "
            f"({components} {plural})",
            verdict(result[1], result[2]),
            f"Median NSE {np.median(a):.3f} (network of 12.5 %, median of {part.seed.nunique()} draws) and {np.median(b):.3f} "
            f"(regionalization, from the four fifths that do not hold the basin); difference {told(result)}.",
        )


def share_curve(axes, values, label, **style):
    values = np.sort(values)
    if not len(values):
        return
    axes.plot(
        values, np.arange(1, len(values) + 1) / len(values), label=f"{label}, median {np.median(values):.3f}", **style
    )


def draw_evolutionary(data):
    table = runs.read(data, "evolutionary.csv")
    components = sorted(table.components.unique())
    figure, panels = plt.subplots(1, len(components) + 1, figsize=(5 * len(components) + 5, 4.6), layout="constrained")
    for axes, c in zip(panels, components):
        mine = table[table.components == c]
        for name, label, style in (
            ("dpl", "one network, all basins", {"color": MODEL, "linewidth": 2}),
            ("dynamic", "the same, parameters by day", {"color": DYNAMIC, "linewidth": 1.6}),
            ("sce", "SCE-UA, each basin alone", {"color": SCE, "linewidth": 2}),
            ("gradient", "gradients, each basin alone", {"color": GRADIENT, "linewidth": 1.2}),
        ):
            share_curve(axes, by_place(mine[mine.contender == name]), label, **style)
        part = mine[(mine.contender == "dpl_0.125") & (mine.list == "holdout")]
        share_curve(
            axes, by_place(part), "network of 12.5 %, unseen basins", color=START, linewidth=1.6, linestyle="--"
        )
        share_curve(
            axes,
            by_place(mine[(mine.contender == "sce") & mine.place_id.isin(part.place_id)]),
            "SCE-UA, the same basins",
            color=SCE,
            linewidth=1.2,
            linestyle=":",
        )
        axes.set_xlim(-0.2, 1)
        axes.set_xlabel("NSE of the test period")
        axes.set_ylabel("share of basins below")
        axes.set_title(f"{c} component{'s' if c > 1 else ''}", loc="left")
        axes.legend(loc="upper left", fontsize=8)
        axes.grid(alpha=0.3)
    axes = panels[-1]
    for c, marker, apart in zip(components, "osd^", (0.94, 1.06, 0.88, 1.13)):
        for name, text, colour in (("dpl", "network", MODEL), ("sce", "SCE-UA", SCE), ("gradient", "gradients", GRADIENT)):
            chosen = table[(table.components == c) & (table.contender == name)]
            if chosen.empty:
                continue
            low, middle, high = quartiles(by_place(chosen))
            axes.errorbar(
                apart * chosen.runs_per_place.median(),
                middle,
                [[middle - low], [high - middle]],
                color=colour,
                marker=marker,
                capsize=3,
                linestyle="none",
                label=f"{text}, {c} component{'s' if c > 1 else ''}",
            )
    axes.set_xscale("log")
    axes.set_xlabel("forward runs a basin (components drawn apart)")
    axes.set_ylabel("NSE: median and quartiles over basins")
    axes.set_title("Skill against cost", loc="left")
    axes.legend(fontsize=7, ncols=len(components), loc="upper center", bbox_to_anchor=(0.5, -0.16))
    axes.grid(alpha=0.3)
    yield "evolutionary.png", figure, (
        "NSE of the test period in CAMELS basins: one network for all basins, each basin alone by SCE-UA and by gradients, and a "
        "network of 12.5 % of the basins in basins that it has never seen, beside SCE-UA calibrated in them. "
        "Right: forward runs of the training period a basin."
    )
