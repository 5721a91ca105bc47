"""Claims about basins never trained on beside regionalization, and about a process model that is not rewritten."""

import matplotlib.pyplot as plt
import pandas as pd

import report_runs as runs
from plot_files import MODEL, QUIET
from report_calibration import bars, by_place, paired
from report_statistics import difference, told, verdict

# Contender of the report: step, contender of the step's table, what it is.
CONTENDERS = {
    "network": ("network", "learned", "one network, 27 attributes"),
    "attributes_5": ("donors_5", "nearest_attributes", "five donors, nearest in attributes"),
    "attributes_1": ("donors_1", "nearest_attributes", "one donor, nearest in attributes"),
    "map_5": ("donors_5", "nearest_map", "five donors, nearest on the map"),
    "map_1": ("donors_1", "nearest_map", "one donor, nearest on the map"),
    "transfer": ("transfer", "learned", "transfer functions, by gradients"),
    "uniform": ("uniform", "uniform", "one set for all"),
}


def collect_regionalization(folder):
    at_step = {record["step"]: at for record, at in runs.steps_of(folder)}
    rows = []
    for name, (step, contender, _) in CONTENDERS.items():
        if step not in at_step:
            continue
        table = pd.read_csv(at_step[step] / "metrics_by_basin.csv", dtype={"place_id": str})
        table = table[table.list == "holdout"]
        if "contender" in table:
            table = table[table.contender == contender]
        rows.append(table[["place_id", "nse", "kge"]].assign(contender=name))
    return {"regionalization.csv": pd.concat(rows, ignore_index=True)[["contender", "place_id", "nse", "kge"]]}


def judge_regionalization(data):
    table = runs.read(data, "regionalization.csv")
    of = {name: part for name, part in table.groupby("contender")}
    for name, (_, _, text) in CONTENDERS.items():
        if name == "network" or name not in of:
            continue
        ours, theirs = paired(of["network"], of[name])
        result = difference(ours, theirs)
        yield (
            f"In basins never trained on one network beats regionalization: {text}",
            verdict(result[1], result[2]),
            f"Median NSE {by_place(of['network']).median():.3f} and {by_place(of[name]).median():.3f}; difference "
            f"{told(result)}; the network is above in {(ours > theirs).sum()} of {len(ours)}.",
        )


def draw_regionalization(data):
    table = runs.read(data, "regionalization.csv")
    names = [name for name in CONTENDERS if (table.contender == name).any()]
    figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
    colours = {name: MODEL if name == "network" else QUIET for name in names}
    bars(axis, [(CONTENDERS[n][2], by_place(table[table.contender == n]).to_numpy(), colours[n]) for n in names])
    axis.set_title(f"{table.place_id.nunique()} CAMELS basins when they were held out, one component", loc="left")
    caption = (
        "Basins held out in five random folds: the same model with parameters of one network, of donors calibrated by "
        "SCE-UA, of transfer functions of prescribed form, and of one set for all."
    )
    return [("regionalization.png", figure, caption)]


# --- surrogate


def collect_surrogate(folder):
    at = runs.steps_of(folder)[0][1]
    table = pd.read_csv(at / "metrics_by_basin.csv", dtype={"place_id": str})
    rounds = pd.read_csv(at / "rounds.csv")
    return {
        "surrogate.csv": table[["round", "place_id", "nse_surrogate", "nse_program"]],
        "surrogate_rounds.csv": rounds[
            ["round", "runs_per_place", "surrogate_runs_median", "surrogate_places_median", "surrogate_near_median"]
        ],
    }


def judge_surrogate(data):
    table, rounds = runs.read(data, "surrogate.csv"), runs.read(data, "surrogate_rounds.csv")
    of = {int(number): part for number, part in table.groupby("round")}
    last = max(of)

    def compared(claim, better, worse, more):
        result = difference(*paired(of[better], of[worse], "nse_program"))
        yield (
            claim,
            verdict(result[1], result[2]),
            f"Median NSE in the program {by_place(of[better], 'nse_program').median():.3f} after round {better} and "
            f"{by_place(of[worse], 'nse_program').median():.3f} {'untrained' if worse == 0 else f'after round {worse}'}; "
            f"difference {told(result)}.{more}",
        )

    skill = rounds.set_index("round")
    yield from compared(
        "The process model need not be rewritten: what is learned through a surrogate serves in the program itself",
        last,
        0,
        f" {skill.runs_per_place[last]:.0f} runs a place; NSE of the surrogate against the program near what was learned "
        f"{skill.surrogate_near_median[last]:.3f}.",
    )
    if last > 1:
        yield from compared("A second round of runs around what was learned improves it", last, 1, "")


def draw_surrogate(data):
    table, rounds = runs.read(data, "surrogate.csv"), runs.read(data, "surrogate_rounds.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for number, part in table.groupby("round"):
        values = part.nse_program.sort_values().to_numpy()
        shares = [(k + 1) / len(values) for k in range(len(values))]
        left.step(values, shares, where="post", label="untrained" if number == 0 else f"round {number}")
    left.set_xlim(-0.2, 1)
    left.set_xlabel("NSE of the test period in the program")
    left.set_ylabel("share of basins below")
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    trained = rounds[rounds["round"] > 0]
    for column, text in (
        ("surrogate_runs_median", "other runs of the same places"),
        ("surrogate_places_median", "other places"),
        ("surrogate_near_median", "near what was learned"),
    ):
        right.plot(trained["round"], trained[column], "o-", label=text)
    right.set_xticks(trained["round"])
    right.set_xlabel("round")
    right.set_ylabel("median NSE, surrogate against the program")
    right.legend(fontsize=8)
    right.grid(alpha=0.3)
    caption = (
        "GR4J, a script without gradients, learned for CAMELS basins through an LSTM trained on its runs: skill in the "
        "program itself (left) and of the surrogate (right), round by round."
    )
    return [("surrogate.png", figure, caption)]


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
