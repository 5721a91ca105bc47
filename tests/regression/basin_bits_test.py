# Training over basins gives the same bits on 1, 2, 3 and 4 ranks (weights, optimizer, training.csv, scores, series,
# parameters), with static and with dynamic parameters; whatever the order of the places in the files; and a training
# that is taken up again from a checkpoint ends like one that never stopped, with a validation period too.
# timeout: 300
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import netCDF4
import numpy as np
import twin_run as twin

DYNAMIC = ["network.kind=two_headed", "runoff.dynamic=[BETA, K0, BETAET]", "network.dropout=0.2",
           "network.replace_dynamic=0.3", "runoff.gradient_through_warmup=false",
           "experiment.targets.soil_moisture=0.5",
           "network.history_var_names=[precipitation, temperature_mean, observed_streamflow]"]
VALIDATION = ["validation.start_time=2001-07-01", "validation.end_time=2001-12-31", "validation.every=3"]


def same_outputs(a, b):
    one, other = (json.loads(twin.text(run, "metrics.json")) for run in (a, b))
    assert one == other, f"metrics.json differs: {a} {b}"
    assert twin.text(a, "metrics_by_basin.csv") == twin.text(b, "metrics_by_basin.csv"), f"scores differ: {a} {b}"
    for name in ("runoff.nc", "parameters.nc"):
        first, second = (twin.arrays(os.path.join(run, name)) for run in (a, b))
        assert first.keys() == second.keys() and len(first) > 3, (name, first.keys())
        for key in first:
            assert first[key].tobytes() == second[key].tobytes(), f"{name} {key} differs: {a} {b}"


def check_ranks(config, others, *settings):
    runs = {n: twin.train(n, config, *settings) for n in (1, *others)}
    losses = [line.split(",")[1] for line in twin.text(runs[1], "training.csv").splitlines()[1:]]
    assert len(losses) == 10 and len(set(losses)) == 10, losses
    for n in others:
        assert twin.same_training(runs[1], runs[n]), f"{settings}: training differs between 1 and {n} ranks"
        same_outputs(runs[1], runs[n])
    return runs[1]


def check_idle_ranks(config, folder):
    """Three places on four ranks: one rank has none."""
    lists = {name: os.path.join(folder, name + ".txt") for name in ("few", "held")}
    for name, ids in (("few", (2, 5, 9)), ("held", (4,))):
        with open(lists[name], "w") as file:
            file.writelines(f"{k:08}\n" for k in ids)
    check_ranks(config, (4,), "basins.train=" + lists["few"], "basins.holdout=" + lists["held"],
                "experiment.targets.soil_moisture=1", "test.baselines=[untrained, uniform]", *VALIDATION)


def check_restart(config, whole, ranks, *settings):
    """The newest checkpoints are taken away, as if the run had been killed; rows after the one left are cut."""
    folder = whole + "_killed"
    shutil.copytree(whole, folder)
    for update in ("update_000008", "update_000010"):
        shutil.rmtree(os.path.join(folder, "checkpoints", update))
    done = twin.run(ranks, "train", config, *settings, "resume=" + folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resumed after update 4" in done.stdout, done.stdout
    assert twin.same_training(whole, folder), f"{settings}: a resumed training differs from one that never stopped"
    same_outputs(whole, folder)


def check_order(config, whole, folder):
    """Places in another order in every file."""
    rng = np.random.default_rng(3)
    for name in ("forcing", "attributes", "observations"):
        path = os.path.join(folder, "domain", name + ".nc")
        with netCDF4.Dataset(path) as source, netCDF4.Dataset(path + ".new", "w") as target:
            source.set_auto_mask(False)
            target.setncatts({k: source.getncattr(k) for k in source.ncattrs()})
            for dimension, size in source.dimensions.items():
                target.createDimension(dimension, len(size))
            order = rng.permutation(len(source.dimensions["place"]))
            for variable, v in source.variables.items():
                copy = target.createVariable(variable, v.dtype, v.dimensions)
                copy.setncatts({k: v.getncattr(k) for k in v.ncattrs()})
                copy[...] = np.take(v[...], order, axis=0) if v.dimensions[0] == "place" else v[...]
        os.replace(path + ".new", path)
    other = twin.train(2, config)
    assert twin.same_training(whole, other), "training depends on the order of the places in the files"


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        static = check_ranks(config, (2, 3, 4))
        dynamic = check_ranks(config, (2, 4), *DYNAMIC, *VALIDATION)
        check_ranks(config, (3,), "precision=double", "network.kind=kan", "runoff.variant=2.0", "experiment.loss=kge")
        check_idle_ranks(config, folder)
        check_restart(config, static, 2)
        check_restart(config, dynamic, 4, *DYNAMIC, *VALIDATION)
        check_order(config, static, folder)
    print("1 = 2 = 3 = 4 ranks, any order of places, resumed = never stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
