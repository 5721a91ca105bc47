"""Claims about a place's own past: parameters inferred from its forcing and response (g_z), beside attributes (g_A)."""

import matplotlib.pyplot as plt
import pandas as pd

import report_runs as runs
from plot_files import MODEL, QUIET, START
from report_calibration import bars, by_place, paired
from report_statistics import difference, told, verdict

# Step: where, what the network is told, its list of places that is judged.
STEPS = {
    "twin_ga_told": ("twin", "all attributes", "holdout"),
    "twin_ga": ("twin", "climate only", "holdout"),
    "twin_gz": ("twin", "climate and its past", "holdout"),
    "camels_ga_told": ("CAMELS", "27 attributes", "train"),
    "camels_ga": ("CAMELS", "area only", "train"),
    "camels_gz": ("CAMELS", "area and its past", "train"),
    "camels_gz_told": ("CAMELS", "27 attributes and its past", "train"),
}


def collect_history(folder):
    rows = []
    for record, at in runs.steps_of(folder):
        if record["step"] not in STEPS:
            continue
        table = runs.scores(at, "learned")
        table = table[table.list == STEPS[record["step"]][2]]
        rows.append(table[["place_id", "nse", "kge"]].assign(step=record["step"], seed=record["seed"]))
    return {"history.csv": pd.concat(rows, ignore_index=True)[["step", "seed", "place_id", "nse", "kge"]]}


def judge_history(data):
    table = runs.read(data, "history.csv")
    of = {step: part for step, part in table.groupby("step")}

    def compared(claim, better, worse, text):
        if better in of and worse in of:
            result = difference(*paired(of[better], of[worse]))
            yield (
                claim,
                verdict(result[1], result[2]),
                f"Median NSE of the test period {by_place(of[better]).median():.3f} ({text[0]}) and "
                f"{by_place(of[worse]).median():.3f} ({text[1]}), by place the median of {of[better].seed.nunique()} seeds; "
                f"difference {told(result)}.",
            )

    yield from compared(
        "The past forcing and response of a place tell what attributes do not (twin, places never trained on)",
        "twin_gz",
        "twin_ga",
        ("its past", "attributes that tell nothing"),
    )
    yield from compared(
        "They replace attributes that tell all (twin, places never trained on)",
        "twin_gz",
        "twin_ga_told",
        ("its past", "attributes that tell all"),
    )
    yield from compared(
        "The past of a basin tells what attributes do not (CAMELS, told its area only)",
        "camels_gz",
        "camels_ga",
        ("area and its past", "area"),
    )
    yield from compared(
        "The past of a basin adds to 27 attributes (CAMELS)",
        "camels_gz_told",
        "camels_ga_told",
        ("27 attributes and its past, 800 updates", "27 attributes, 2000 updates"),
    )


def draw_history(data):
    table = runs.read(data, "history.csv")
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4), layout="constrained")
    for axis, where in zip(axes, ("twin", "CAMELS")):
        steps = [step for step, (place, _, _) in STEPS.items() if place == where and (table.step == step).any()]
        colours = {step: MODEL if "_gz" in step else START if step.endswith("told") else QUIET for step in steps}
        bars(axis, [(STEPS[s][1], by_place(table[table.step == s]).to_numpy(), colours[s]) for s in steps])
        judged = "places never trained on" if where == "twin" else "basins, later years"
        count = table[table.step == steps[0]].place_id.nunique() if steps else 0
        axis.set_title(f"{'Twin' if where == 'twin' else where}: {count} {judged}", loc="left")
    caption = (
        "What a network is told of a place: attributes, or its past forcing and observed flow, from which an LSTM infers "
        "parameters that are kept in the years that follow."
    )
    return [("history.png", figure, caption)]
