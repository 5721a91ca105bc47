# tools/basin_lists: subsets are nested, the hold-out is in none of them, folds and regions cover all basins once; the
# order of the file and further basins change nothing; what cannot be is told in one line.
# timeout: 120
# one process
import os
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import accepted, refused


def write_domain(folder, ids, region):
    os.makedirs(folder, exist_ok=True)
    for name in ("forcing", "attributes", "observations"):
        with netCDF4.Dataset(f"{folder}/{name}.nc", "w") as file:
            file.createDimension("place", len(ids))
            file.createDimension("length", 6)
            file.createDimension("time", 4)
            file.createVariable("place_id", "S1", ("place", "length"))[:] = np.array([list(i.ljust(6)) for i in ids],
                                                                                     "S1")
            if name == "attributes":
                file.createVariable("zone", "f8", ("place", ))[:] = [region[i] for i in ids]
                file.createDimension("two", 2)
                file.createVariable("huc_02", "S1",
                                    ("place", "two"))[:] = np.array([list(f"{region[i]:02.0f}") for i in ids], "S1")
            if name == "observations":
                file.createVariable("time", "i4", ("time", ))[:] = range(4)
                file["time"].units = "days since 2000-01-01"
                flow = np.ones((len(ids), 4))
                flow[[i == "b003" for i in ids], 1:] = np.nan
                file.createVariable("streamflow", "f8", ("place", "time"))[:] = flow


def read(folder):
    """Lists of a folder, each without its comment."""
    return {
        path.stem: [line for line in path.read_text().splitlines() if not line.startswith("#")]
        for path in Path(folder).glob("*.txt")
    }


def check(lists, ids, folds, zones):
    everything = set(ids)
    assert set(lists["all"]) == everything and all(len(v) == len(set(v)) for v in lists.values())
    held = set(lists["holdout"])
    assert len(held) == round(len(ids) / 5)
    sizes, larger = [], everything - held
    assert set(lists["train_1"]) == larger
    for name in ("train_1", "train_1_2", "train_1_4", "train_1_8", "train_1_16"):
        assert set(lists[name]) <= larger and not set(lists[name]) & held, name
        larger = set(lists[name])
        sizes.append(len(larger))
    assert sizes == [round(len(lists["train_1"]) * f) for f in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16)], sizes
    for prefix, names in (("fold_", range(1, folds + 1)), ("region_", zones)):
        tests = [set(lists[f"{prefix}{k}_test"]) for k in names]
        assert set.union(*tests) == everything and sum(map(len, tests)) == len(ids)
        for k, test in zip(names, tests):
            assert set(lists[f"{prefix}{k}_train"]) == everything - test
    folded = [len(lists[f"fold_{k}_test"]) for k in range(1, folds + 1)]
    assert max(folded) - min(folded) <= 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        ids = [f"b{k:03d}" for k in range(160)]
        region = {i: k % 3 + 1 for k, i in enumerate(ids)}
        write_domain(f"{folder}/domain", ids, region)
        run = lambda domain, out, *more: (accepted("basin_lists", f"{folder}/{domain}", "--folds", 5, "--region",
                                                   "huc_02", *more, "--output", f"{folder}/{out}"),
                                          read(f"{folder}/{out}"))
        said, lists = run("domain", "lists")
        check(lists, ids, 5, ("01", "02", "03"))
        assert "train_1_16.txt" in said and lists["region_02_test"] == [i for i in ids if region[i] == 2]
        _, numbers = run("domain", "numbers", "--region", "zone")
        assert numbers["region_2_test"] == lists["region_02_test"]

        write_domain(f"{folder}/shuffled", ids[::-1], region)
        assert run("shuffled", "again")[1] == lists, "the order of the file changes nothing"
        _, other = run("domain", "other", "--seed", "2")
        assert other["holdout"] != lists["holdout"] and other["fold_1_test"] != lists["fold_1_test"]

        write_domain(f"{folder}/half", ids[:100], region)
        _, half = run("half", "half_lists", "--fractions", "1/4", "1")
        held, before = set(half["holdout"]), set(lists["holdout"]) & set(ids[:100])
        assert held <= before or before <= held, "further basins change how many are held out, not who comes first"
        assert "train_1_2" not in half

        only = Path(folder) / "only.txt"
        only.write_text("# some\n" + "".join(f"{i}\n" for i in [*ids[:50], "c001"]))
        said, some = run("domain", "some", "--only", only, "--min-values", "2", "--from", "2000-01-01", "--to",
                         "2000-01-03")
        assert set(some["all"]) == set(ids[:50]) - {"b003"} and "left out: c001" in said, said
        refused("no basin is left", "basin_lists", f"{folder}/domain", "--min-values", "9", "--output", f"{folder}/x")
        refused("would hold no basin", "basin_lists", f"{folder}/domain", "--folds", "999", "--output", f"{folder}/x")
        refused("--folds is 1", "basin_lists", f"{folder}/domain", "--folds", "1", "--output", f"{folder}/x")
        refused("there is no variable hux", "basin_lists", f"{folder}/domain", "--region", "hux", "--output",
                f"{folder}/x")
        only.write_text("b001\nb002\nb001\n")
        refused("basin b001 stands in line 1 and in line 3", "basin_lists", f"{folder}/domain", "--only", only,
                "--output", f"{folder}/x")
        refused("forcing.nc does not exist", "basin_lists", f"{folder}/none", "--output", f"{folder}/x")
        region["b007"] = np.nan
        write_domain(f"{folder}/gap", ids[:3] + ["b007"], {**region, "b007": 0})
        with netCDF4.Dataset(f"{folder}/gap/attributes.nc", "a") as file:
            file["zone"][3] = np.nan
        refused("attribute zone is missing at 1 basins: b007", "basin_lists", f"{folder}/gap", "--region", "zone",
                "--output", f"{folder}/x")

        data = os.path.join(os.environ.get("DPL_DATA", ""), "camels_us")
        if os.path.exists(data):
            accepted("import_camels", data, "--output", f"{folder}/camels")
            accepted("basin_lists", f"{folder}/camels", "--only", f"{data}/basins_531_subset.txt", "--folds", 5,
                     "--region", "huc_02", "--output", f"{folder}/camels_lists")
            real = read(f"{folder}/camels_lists")
            check(real, real["all"], 5, ("02", "03", "04", "07", "09", "10", "12", "13", "15", "17"))
            assert len(real["all"]) == 382
        else:
            print("not checked on real data: camels_us is absent")


if __name__ == "__main__":
    sys.exit(main())
