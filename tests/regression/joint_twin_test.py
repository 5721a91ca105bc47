# Parameters of runoff and channels learned together on a twin (configs/joint_twin.yaml): skill in a year not trained on, at
# gauges trained on and left out, above the untrained networks and above the same runoff without routing. (Daily discharge of
# so small a basin tells little of Manning's n: it is printed, not asked for.)
# one process
# timeout: 200
import csv
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import netCDF4
import numpy as np
import twin_run as twin

CONFIG = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "joint_twin.yaml")


def by_id(path):
    with netCDF4.Dataset(path) as file:
        return dict(zip(file["reach_id"][:].tolist(), file["n"][:].tolist()))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DPL_TWIN"] = os.path.join(folder, "domain")
        done = twin.run(1, "synth", CONFIG)
        assert done.returncode == 0, done.stderr
        run = twin.train(2, CONFIG, "output.folder=" + folder)
        losses = [float(row["loss"]) for row in csv.DictReader(twin.text(run, "training.csv").splitlines())]
        assert np.mean(losses[-10:]) < 0.2 * losses[0], losses
        rows = list(csv.DictReader(twin.text(run, "metrics_by_gauge.csv").splitlines()))
        median = {(c, l): np.median([float(r["nse"]) for r in rows if r["contender"] == c and r["list"] == l])
                  for c in ("learned", "untrained", "summed_lateral_inflow") for l in ("train", "holdout")}
        print(median)
        assert median["learned", "train"] > 0.97 and median["learned", "holdout"] > 0.9, median
        for l in ("train", "holdout"):
            assert median["learned", l] > median["untrained", l] + 0.15, median
            assert median["learned", l] > median["summed_lateral_inflow", l], median
        truth, found = by_id(os.path.join(folder, "domain", "truth.nc")), by_id(os.path.join(run, "reach_parameters.nc"))
        error = np.mean([abs(np.log(found[r] / truth[r])) for r in truth])
        start = np.mean([abs(np.log(0.05 / truth[r])) for r in truth])
        print("mean |log n/n*|", error, "at the start", start,
              "correlation", np.corrcoef([found[r] for r in truth], list(truth.values()))[0, 1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
