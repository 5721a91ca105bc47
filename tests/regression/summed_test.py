# routing.scheme summed on a river: discharge is the lateral inflow of all reaches at or above a gauge in the same step, as
# the baseline that adds it without the routing engine; there is nothing to learn.
# timeout: 100
import csv
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import numpy as np
import twin_run as twin


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        for precision, allowed in (("double", 1e-9), ("single", 2e-5)):
            done = twin.run(2, "evaluate", config, "routing.scheme=summed", "params.tau=0", "precision=" + precision)
            assert done.returncode == 0, done.stdout + done.stderr
            run = twin.run_folder_of(done.stdout)
            series = twin.arrays(os.path.join(run, "discharge.nc"))
            routed, added = series["discharge_simulated"], series["discharge_summed_lateral_inflow"]
            seen = np.abs(added) < 1e6
            error = np.max(np.abs(routed - added)[seen]) / np.max(added[seen])
            assert seen.mean() > 0.9 and np.max(added[seen]) > 1 and error < allowed, (precision, error)
        done = twin.run(1, "train", config, "routing.scheme=summed")
        assert done.returncode == 1 and "nothing to learn" in done.stderr, done.stderr
    print("summed = added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
