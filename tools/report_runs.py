"""Reads finished experiments (folders of dpl_hpc experiment) into the tables that the report is made of."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from plot_files import dataset, floats, texts

NOT_PARAMETERS = {"place_id"}


class Missing(Exception):
    """One line that says what an experiment lacks."""


PARTIAL = False  # whether steps that are not finished are passed over


def all_steps(folder):
    """[(record of step.json, folder)] of an experiment; a step that has not begun has a record without seconds."""
    found = []
    for step in yaml.safe_load((folder / "experiment.yaml").read_text())["steps"]:
        for seed in step.get("seeds") or [None]:
            at = folder / "steps" / (step["name"] if seed is None else f"{step['name']}_{seed}")
            record = {
                "step": step["name"],
                "seed": "" if seed is None else str(seed),
                "verb": step["verb"],
                "state": "missing",
            }
            if (at / "step.json").exists():
                record = json.loads((at / "step.json").read_text())
            found.append((record, at))
    return found


def steps_of(folder):
    """[(record, folder)] of an experiment in which every step is finished; with PARTIAL of those steps that are."""
    found = all_steps(folder)
    for record, at in found:
        if record["state"] != "finished" and not PARTIAL:
            raise Missing(
                f"{folder}: step {at.name} is not finished; start the experiment again, it goes on where it stopped, or "
                "give --partial"
            )
    return [(record, at) for record, at in found if record["state"] == "finished"]


def seconds_table(folder, name):
    """One row a step; without seconds and ranks where it is not finished."""
    rows = []
    for record, _ in all_steps(folder):
        row = {"experiment": name, "step": record["step"], "seed": record["seed"], "verb": record["verb"]}
        if record["state"] == "finished":
            row |= {"seconds": round(record["seconds"], 1), "ranks": record["ranks"]}
        rows.append(row)
    return pd.DataFrame(rows, columns=["experiment", "step", "seed", "verb", "seconds", "ranks"]).astype(
        {"ranks": "Int64"}
    )


def settings_of(record):
    return yaml.load(record["settings"], Loader=yaml.BaseLoader)


def scores(at, contender, variable="streamflow"):
    """Rows place_id, list, nse, kge, pearson_r, pbias of one contender."""
    table = pd.read_csv(at / "metrics_by_basin.csv", dtype={"place_id": str})
    table = table[(table.contender == contender) & (table.variable == variable)]
    if table.empty:
        raise Missing(f"{at}/metrics_by_basin.csv: no contender {contender}")
    return table[["place_id", "list", "nse", "kge", "pbias"]].reset_index(drop=True)


def runs_per_place(record, at):
    """Forward runs of the training period a place: a calibration's evaluations, or by a training's place-days."""
    if record["verb"] == "calibrate":
        return float(pd.read_csv(at / "calibration.csv").evaluations.median())
    place_days = float(pd.read_csv(at / "training.csv").iloc[-1, -1])
    period = settings_of(record)["experiment"]
    days = (np.datetime64(period["end_time"]) - np.datetime64(period["start_time"])).astype(int) + 1
    with open(at / "metrics.json") as file:
        places = json.load(file)
    return place_days / (days * count_of(places, at))


def count_of(metrics, at):
    return len(scores(at, "learned").query("list != 'holdout'"))


def contender_of(record):
    return "calibrated" if record["verb"] == "calibrate" else "learned"


def parameter_table(path, ids=None):
    """place_id and the static parameters of a file with one component."""
    with dataset(path, "parameters") as file:
        table = {"place_id": texts(file["place_id"])}
        for name, variable in file.variables.items():
            if name in NOT_PARAMETERS or "time" in variable.dimensions or variable.dimensions[0] != "place":
                continue
            values = floats(variable)
            table[name] = values if values.ndim == 1 else values.mean(axis=1)
    out = pd.DataFrame(table)
    return out if ids is None else out[out.place_id.isin(ids)].reset_index(drop=True)


def curves(at, every=500):
    """Median over places of SCE-UA's best value so far, by evaluations."""
    places = [json.loads(path.read_text())["curve"] for path in sorted((at / "places").glob("*.json"))]
    last = max(curve[-1][0] for curve in places)
    rows = []
    for evaluations in range(every, int(last) + 1, every):
        best = [[value for count, value in curve if count <= evaluations] for curve in places]
        best = [1 - values[-1] for values in best if values]
        if len(best) == len(places):
            rows.append({"evaluations": evaluations, "training_nse": float(np.median(best))})
    return pd.DataFrame(rows)


def write(table, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.5g", quoting=csv.QUOTE_MINIMAL, lineterminator="\n")


def read(folder, name):
    return pd.read_csv(folder / name, dtype={"place_id": str, "seed": str})


def data_folder(docs):
    return Path(docs) / "data"
