"""Claims about a process model that is not rewritten: learned through a surrogate of its runs."""

import matplotlib.pyplot as plt
import pandas as pd

import report_runs as runs
from plot_files import INK
from report_calibration import by_place, paired
from report_statistics import difference, told, verdict

# NSE of the surrogate against the program: column of rounds.csv and what it is.
QUALITY = {
    "surrogate_runs_median": "other runs of the same places",
    "surrogate_places_median": "other places",
    "surrogate_near_median": "near what was learned",
}


def collect_surrogate(folder, name):
    tables, rounds, direct, slopes = [], [], [], []
    for record, at in runs.steps_of(folder):
        if record["verb"] == "train":
            direct.append(runs.scores(at, "learned")[["place_id", "nse"]].assign(seed=record["seed"]))
            continue
        if (at / "slopes.csv").exists():
            slopes.append(pd.read_csv(at / "slopes.csv").assign(seed=record["seed"]))
        table = pd.read_csv(at / "metrics_by_basin.csv", dtype={"place_id": str})
        tables.append(table[["round", "place_id", "nse_surrogate", "nse_program"]].assign(seed=record["seed"]))
        rounds.append(pd.read_csv(at / "rounds.csv")[["round", "runs_per_place", *QUALITY]].assign(seed=record["seed"]))
    found = {"": tables, "_rounds": rounds, "_direct": direct, "_slopes": slopes}
    return {f"{name}{part}.csv": pd.concat(rows, ignore_index=True) for part, rows in found.items() if rows}


def judge_surrogate(data, name, what):
    table, rounds = runs.read(data, f"{name}.csv"), runs.read(data, f"{name}_rounds.csv")
    of = {int(number): part for number, part in table.groupby("round")}
    last = max(of)

    def compared(claim, better, worse, more):
        result = difference(*paired(of[better], of[worse], "nse_program"))
        yield (
            claim,
            verdict(result[1], result[2]),
            f"Median NSE in the program {by_place(of[better], 'nse_program').median():.3f} after round {better} and "
            f"{by_place(of[worse], 'nse_program').median():.3f} {'untrained' if worse == 0 else f'after round {worse}'}; "
            f"difference {told(result)} (by place the median of {table.seed.nunique()} seeds).{more}",
        )

    skill = rounds.groupby("round").median(numeric_only=True)
    yield from compared(
        f"The process model need not be rewritten: what is learned through a surrogate serves in the program itself ({what})",
        last,
        0,
        f" {skill.runs_per_place[last]:.0f} runs a place; NSE of the surrogate against the program near what was learned "
        f"{skill.surrogate_near_median[last]:.3f}.",
    )
    if last > 1:
        yield from compared(f"Further rounds of runs around what was learned improve it ({what})", last, 1, "")
    if not (data / f"{name}_direct.csv").exists():
        return
    direct, slopes = runs.read(data, f"{name}_direct.csv"), runs.read(data, f"{name}_slopes.csv")
    left, right = by_place(of[last], "nse_program"), by_place(direct)
    both = left.index.intersection(right.index)
    result = difference(left[both], right[both])
    yield (
        f"What is learned through a surrogate serves as well as what is learned by the program's own gradients ({what})",
        "did not hold" if result[2] < 0 else "held" if result[1] > 0 else "not decided",
        f"Median NSE in the program {left.median():.3f} through the surrogate and {right.median():.3f} by direct gradients; "
        f"difference {told(result)}.",
    )
    anywhere = slopes[slopes["at"] == "anywhere"].groupby("parameter").correlation.median()
    ended = slopes[slopes["at"] != "anywhere"].groupby("parameter").correlation.median()
    yield (
        f"The surrogate's response to parameters is that of the program (correlation of slopes above 0.5; {what})",
        "held" if (anywhere > 0.5).all() else "did not hold",
        f"Slope of each basin's loss by surrogate against the program's adjoint: above 0.5 for {(anywhere > 0.5).sum()} of "
        f"{len(anywhere)} parameters anywhere in their ranges, for {(ended > 0.5).sum()} where learning ended (the true slopes are "
        f"small there). No interval: counted, not drawn.",
    )


def draw_surrogate(data, name, what):
    table, rounds = runs.read(data, f"{name}.csv"), runs.read(data, f"{name}_rounds.csv")
    direct = data / f"{name}_direct.csv"
    panels = 3 if direct.exists() else 2
    figure, (left, right, *more) = plt.subplots(1, panels, figsize=(5 * panels, 3.8), layout="constrained")
    for number, part in table.groupby("round"):
        values = by_place(part, "nse_program").sort_values().to_numpy()
        shares = [(k + 1) / len(values) for k in range(len(values))]
        left.step(values, shares, where="post", label="untrained" if number == 0 else f"round {number}")
    if direct.exists():
        values = by_place(runs.read(data, direct.name)).sort_values().to_numpy()
        shares = [(k + 1) / len(values) for k in range(len(values))]
        left.step(values, shares, "--", where="post", color=INK, label="direct gradients")
        slopes = runs.read(data, f"{name}_slopes.csv")
        names = list(slopes.parameter.unique())
        for shift, (at, part) in zip((-0.2, 0.2), slopes.groupby("at", sort=False)):
            middle = part.groupby("parameter").correlation.median().reindex(names)
            more[0].bar([k + shift for k in range(len(names))], middle, 0.4, label=at.replace("_", " "))
        labels = [n.replace("unit_hydrograph", "hydrograph") for n in names]
        more[0].set_xticks(range(len(names)), labels, rotation=60, ha="right", fontsize=8)
        more[0].axhline(0, color=INK, linewidth=0.8)
        more[0].set_ylabel("slopes: correlation with the adjoint's")
        more[0].legend(fontsize=8)
        more[0].grid(alpha=0.3, axis="y")
    left.set_xlim(-0.2, 1)
    left.set_xlabel("NSE of the test period in the program")
    left.set_ylabel("share of basins below")
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    trained = rounds[rounds["round"] > 0].groupby("round").median(numeric_only=True)
    for column, text in QUALITY.items():
        right.plot(trained.index, trained[column], "o-", label=text)
    right.set_xticks(trained.index)
    right.set_xlabel("round")
    right.set_ylabel("median NSE of the surrogate")
    right.legend(fontsize=8)
    right.grid(alpha=0.3)
    caption = (
        f"{what}, learned for CAMELS basins through an LSTM trained on its runs: skill in the program itself (left) and of the "
        "surrogate (middle or right), round by round"
        + ("; slopes of the loss beside the adjoint's (right)." if direct.exists() else ".")
    )
    return [(f"{name}.png", figure, caption)]
