# Regionalization: the same bits on 1, 2 and 3 ranks and after a search that was cut off; donors are the nearest basins and
# what they give is what their parameters give; folds hold each basin out once; transfer functions are trained by gradients
# to the same bits too; errors in one line.
# timeout: 120
import csv
import json
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

SEARCH = ["runoff.nmul=1", "calibration.complexes=2", "calibration.evaluations=120"]
TRANSFER = "network.transfer={FC: [a01, a02], K1: [a03], BETA: []}"
FILES = ("metrics_by_basin.csv", "metrics.json", "donors.csv", "coefficients.csv", "search_curves.csv",
         "members/holdout/search.txt")


def rows(folder, name):
    with open(os.path.join(folder, name)) as file:
        return list(csv.DictReader(file))


def run(verb, ranks, config, *settings):
    done = twin.run(ranks, verb, config, *SEARCH, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return twin.run_folder_of(done.stdout)


def same(a, b, files=FILES):
    for name in files:
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"


def check_donors(whole, domain):
    """Each hold-out basin has the training basins that are nearest in the attributes, scaled over the training ones."""
    found = {}
    for row in rows(whole, "donors.csv"):
        if row["contender"] == "nearest_attributes":
            found.setdefault(row["place_id"], []).append(row["donor"])
    with netCDF4.Dataset(os.path.join(domain, "attributes.nc")) as file:
        x = np.array([file[name][:] for name in ("a01", "a02", "a03", "a04")], "f8").T
    ids = basins.ids(os.path.join(domain, "forcing.nc"))
    with open(os.path.join(domain, "train.txt")) as file:
        gauged = sorted(line.split("#")[0].strip() for line in file if line.split("#")[0].strip())
    own = x[[ids.index(k) for k in gauged]]
    x = (x - own.mean(0)) / own.std(0)
    own = x[[ids.index(k) for k in gauged]]
    assert len(found) > 3 and not set(found) & set(gauged)
    for place, donors in found.items():
        distance = np.sqrt(((own - x[ids.index(place)]) ** 2).sum(1))
        assert donors == [gauged[k] for k in np.argsort(distance)[:2]], place


def check_search(whole, config, settings):
    """Told again the first values of its file, with a last line cut off, the search ends at the same point."""
    path = os.path.join(whole, "members/holdout/search.txt")
    before = {name: twin.text(whole, name) for name in FILES}
    lines = before["members/holdout/search.txt"].splitlines()
    values = [float(v) for v in lines[1:]]
    assert len(values) == 120
    curve = [(int(r["evaluations"]), float(r["loss"])) for r in rows(whole, "search_curves.csv")]
    best = np.minimum.accumulate(values)
    assert [(k + 1, b) for k, b in enumerate(best) if k == 0 or b < best[k - 1]] == curve
    with open(path, "w") as file:
        file.write("\n".join(lines[:101]) + "\n0.12")
    again = run("regionalize", 2, config, *settings, "resume=" + whole)
    assert {name: twin.text(again, name) for name in FILES} == before
    done = twin.run(1, "regionalize", config, *SEARCH, *settings, "resume=" + whole, "seed=8")
    assert done.returncode == 1 and "was searched with" in done.stderr, done.stderr


def check_folds(config, domain, donors):
    lists = ["basins.holdout=", "basins.pub=3", "regionalize.donors=" + donors]
    folds = run("regionalize", 2, config, *lists, "regionalize.methods=[nearest_map]")
    held = [row["place_id"] for row in rows(folds, "metrics_by_basin.csv")]
    with open(os.path.join(domain, "train.txt")) as file:
        gauged = [line.split("#")[0].strip() for line in file if line.split("#")[0].strip()]
    assert sorted(held) == sorted(gauged)
    fold_of = {row["place_id"]: row["fold"] for row in rows(folds, "metrics_by_basin.csv")}
    assert len(set(fold_of.values())) == 3
    assert all(fold_of[r["place_id"]] != fold_of[r["donor"]] for r in rows(folds, "donors.csv"))
    one_out = run("regionalize", 1, config, "basins.holdout=", "regionalize.leave_one_out=true",
                  "regionalize.donors=" + donors)
    assert all(r["place_id"] != r["donor"] for r in rows(one_out, "donors.csv"))
    with open(os.path.join(one_out, "metrics.json")) as file:
        metrics = json.load(file)
    assert metrics["uniform"] is None and "every basin" in metrics["absent"]["uniform"]
    assert metrics["nearest_map"]["nse"]["count"] == len(gauged)


def check_transfer_network(config):
    settings = ["network.kind=transfer", TRANSFER]
    a, b = (run("train", ranks, config, *settings) for ranks in (1, 3))
    assert twin.same_training(a, b) and twin.text(a, "metrics_by_basin.csv") == twin.text(b, "metrics_by_basin.csv")


def check_errors(config, donors):
    for settings, words in ((["regionalize.donors=" + donors, "runoff.nmul=2"], ["runoff.nmul 1", "has 2"]),
                            (["regionalize.donors=" + donors, "runoff.hydrograph_b=2"], ["runoff.hydrograph_b"]),
                            (["regionalize.donors=" + os.path.dirname(config)], ["no run folder of calibrate"]),
                            (["regionalize.methods=[nearest_map]"], ["regionalize.donors is not set"]),
                            (["basins.pub=3", "basins.holdout=", "regionalize.leave_one_out=true"], ["give one"]),
                            (["network.transfer={FD: [a01]}"], ["names FD", "did you mean FC?"]),
                            (["network.transfer={FC: [a09]}"], ["names a09", "network.input_var_names"]),
                            (["network.transfer=[FC]"], ["network.transfer is a list", "allowed: a map"]),
                            ([TRANSFER, "calibration.evaluations=70"], ["calibration.evaluations is 70", "for 19 coefficients", "at least 78"])):
        done = twin.run(2, "regionalize", config, *SEARCH, *settings)
        lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert done.returncode == 1 and len(lines) == 1, (settings, done.stdout + done.stderr)
        assert all(word in lines[0] for word in words), (settings, lines)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        domain = os.path.join(folder, "domain")
        donors = run("calibrate", 1, config)
        settings = ["regionalize.donors=" + donors, "regionalize.neighbours=2", TRANSFER]
        whole = run("regionalize", 1, config, *settings)
        for ranks in (2, 3):
            same(whole, run("regionalize", ranks, config, *settings))
        check_donors(whole, domain)
        check_search(whole, config, settings)
        check_folds(config, domain, donors)
        check_transfer_network(config)
        check_errors(config, donors)
        with open(os.path.join(whole, "metrics.json")) as file:
            metrics = json.load(file)
    print("1 = 2 = 3 ranks, cut off and resumed = never stopped; median NSE "
          + ", ".join(f"{m} {metrics[m]['nse']['median']:.3f}"
                      for m in ("transfer_sce_ua", "nearest_attributes", "nearest_map", "uniform")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
