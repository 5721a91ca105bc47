"""Claims about basins never trained on beside regionalization, and in another country."""

import matplotlib.pyplot as plt
import pandas as pd

import report_runs as runs
from plot_files import MODEL, QUIET
from report_calibration import bars, by_place, paired
from report_statistics import difference, told, verdict

# Contender of the report: steps of P10 (with _p15 those of P15), contender of the steps' tables, what it is.
CONTENDERS = {
    "network": (["network"], "learned", "one network, 27 attributes"),
    "ensemble": ([f"ensemble_{fold}" for fold in range(1, 6)], "ensemble", "mean series of five such networks"),
    "attributes_5": (["donors_5"], "nearest_attributes", "five donors, nearest in attributes"),
    "attributes_1": (["donors_1"], "nearest_attributes", "one donor, nearest in attributes"),
    "map_5": (["donors_5"], "nearest_map", "five donors, nearest on the map"),
    "map_1": (["donors_1"], "nearest_map", "one donor, nearest on the map"),
    "transfer": (["transfer"], "learned", "transfer functions, by gradients"),
    "transfer_sce": (["transfer_sce"], "transfer_sce_ua", "transfer functions, by SCE-UA"),
    "uniform": (["uniform"], "uniform", "one set for all"),
    "network_4": (["network_4"], "learned", "one network, 4 components"),
    "attributes_5_4": (["donors_5_4"], "nearest_attributes", "five donors of 4 components, attributes"),
    "map_5_4": (["donors_5_4"], "nearest_map", "five donors of 4 components, map"),
    "network_16": (["network_16"], "learned", "one network, 16 components"),
}
# Claims: who, against whom (None: every contender of one component that is neither network nor ensemble).
CLAIMS = (
    ("network", None, "one network"),
    ("ensemble", ["attributes_5", "map_5"], "the mean series of five networks, as donors' are averaged,"),
    ("network_4", ["attributes_5_4", "map_5_4"], "one network with 4 components"),
    ("network_16", ["attributes_5", "map_5"], "one network with 16 components"),
)
OURS = ("network", "ensemble", "network_4", "network_16")


def collect_regionalization(folder):
    at_step = {record["step"]: at for record, at in runs.steps_of(folder)}
    rows = []
    for protocol, suffix in (("P10", ""), ("P15", "_p15")):
        for name, (steps, contender, _) in CONTENDERS.items():
            for step in (step + suffix for step in steps if step + suffix in at_step):
                table = pd.read_csv(at_step[step] / "metrics_by_basin.csv", dtype={"place_id": str})
                if contender != "ensemble":  # whose basins are those of one fold
                    table = table[table.list == "holdout"]
                if "contender" in table:
                    table = table[table.contender == contender]
                seed = table.seed if "seed" in table else ""
                rows.append(table[["place_id", "nse", "kge"]].assign(contender=name, protocol=protocol, seed=seed))
    columns = ["contender", "protocol", "seed", "place_id", "nse", "kge"]
    return {"regionalization.csv": pd.concat(rows, ignore_index=True)[columns]}


def judge_regionalization(data):
    table = runs.read(data, "regionalization.csv")
    for protocol, mine in table.groupby("protocol"):
        of = {name: part for name, part in mine.groupby("contender")}
        for ours, against, who in CLAIMS:
            names = against or [name for name in CONTENDERS if name not in OURS and not name.endswith("_4")]
            for name in names:
                if ours not in of or name not in of:
                    continue
                left, right = paired(of[ours], of[name])
                result = difference(left, right)
                seeds = of[ours].seed.nunique()
                by_seed = f" (by place the median of {seeds} seeds)" if seeds > 1 else ""
                yield (
                    f"In basins never trained on {who} beats regionalization: {CONTENDERS[name][2]} ({protocol})",
                    verdict(result[1], result[2]),
                    f"Median NSE {by_place(of[ours]).median():.3f}{by_seed} and {by_place(of[name]).median():.3f}; "
                    f"difference {told(result)}; it is above in {(left > right).sum()} of {len(left)}.",
                )


def draw_regionalization(data):
    table = runs.read(data, "regionalization.csv")
    protocols = list(table.protocol.unique())
    figure, panels = plt.subplots(1, len(protocols), figsize=(6.5 * len(protocols), 5), layout="constrained", squeeze=False)
    for axis, protocol in zip(panels[0], protocols):
        mine = table[table.protocol == protocol]
        names = [name for name in CONTENDERS if (mine.contender == name).any()]
        colours = {name: MODEL if name in OURS else QUIET for name in names}
        bars(axis, [(CONTENDERS[n][2], by_place(mine[mine.contender == n]).to_numpy(), colours[n]) for n in names])
        axis.set_title(f"{mine.place_id.nunique()} CAMELS basins when they were held out, {protocol}", loc="left", fontsize=10)
    caption = (
        "Basins held out in five random folds: the same model (one component unless said) with parameters of networks, of donors "
        "calibrated by SCE-UA (those of 4 components by gradients), of transfer functions of prescribed form, and of one set for all."
    )
    return [("regionalization.png", figure, caption)]


# --- unseen country


def collect_country(folder):
    rows = []
    for record, at in runs.steps_of(folder):
        if record["step"] in ("france", "alone"):
            table = runs.scores(at, runs.contender_of(record))
            rows.append(table[["place_id", "nse", "kge"]].assign(contender=record["step"], seed=record["seed"]))
    return {"unseen_country.csv": pd.concat(rows, ignore_index=True)[["contender", "seed", "place_id", "nse", "kge"]]}


def judge_country(data):
    table = runs.read(data, "unseen_country.csv")
    network, alone = table[table.contender == "france"], table[table.contender == "alone"]
    ours, theirs = paired(network, alone)
    result = difference(ours, theirs)
    seeds = ", ".join(f"{part.nse.median():.3f}" for _, part in network.groupby("seed"))
    yield (
        "Learned parameters generalise to an unseen country: no loss against calibration in it",
        verdict(result[1], result[2]),
        f"French catchments, median NSE {by_place(network).median():.3f} by the network of US basins (median of its seeds in "
        f"each catchment; seeds alone {seeds}) and {by_place(alone).median():.3f} where each is calibrated by gradients over ten "
        f"other years; difference {told(result)}.",
    )


def draw_country(data):
    table = runs.read(data, "unseen_country.csv")
    network, alone = (by_place(table[table.contender == name]).sort_index() for name in ("france", "alone"))
    order = alone.sort_values().index
    figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
    axis.barh(range(len(order)), alone[order], color=QUIET, height=0.7, label="calibrated in the catchment")
    seeds = table[table.contender == "france"].pivot(index="place_id", columns="seed", values="nse").loc[order]
    axis.plot(seeds.to_numpy(), range(len(order)), "o", color=MODEL, alpha=0.35, markersize=4)
    axis.plot(network[order], range(len(order)), "o", color=MODEL, label="network of US basins (pale: its seeds)")
    axis.set_yticks(range(len(order)), order, fontsize=7)
    axis.set_xlim(-0.2, 1)
    axis.set_xlabel("NSE of the test period (left of the frame: below -0.2)")
    axis.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    axis.grid(alpha=0.3, axis="x")
    caption = (
        "Catchments of France with parameters from a network that has seen basins of the United States only, told climate "
        "indices, area and elevation, beside each catchment calibrated alone."
    )
    return [("unseen_country.png", figure, caption)]
