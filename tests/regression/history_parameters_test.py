# Parameters inferred from the past (network.history_days): what is observed in the scored period does not change them, what was
# observed before does; days further back than the history are not read; the same bits on 1 and 2 ranks; and a network that
# cannot keep such parameters is refused.
# timeout: 120
import os
import shutil
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

HISTORY = 120
PAST = ("network.kind=lstm", f"network.history_days={HISTORY}", "network.history_var_names=[precipitation,observed_streamflow]",
        "experiment.updates=4", "test.baselines=[]")
TEST_BEGINS = (np.datetime64("2001-07-01") - np.datetime64("2000-01-01")).astype(int)   # day of the record


def changed(folder, name, first, end):
    """Observations times three in days first .. end - 1."""
    path = os.path.join(folder, name + ".nc")
    shutil.copy(os.path.join(folder, "domain", "observations.nc"), path)
    with netCDF4.Dataset(path, "a") as file:
        axis = file["streamflow"].dimensions.index("time")
        values = file["streamflow"][:]
        values[(slice(first, end), slice(None)) if axis == 0 else (slice(None), slice(first, end))] *= 3
        file["streamflow"][:] = values
    return "data_sources.observations=" + path


def parameters(run):
    return twin.arrays(os.path.join(run, "parameters.nc"))


def evaluated(config, run, *settings):
    done = twin.run(1, "evaluate", config, *PAST, "params.source=" + run, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return parameters(twin.run_folder_of(done.stdout))


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        run = twin.train(1, config, *PAST)
        on_two = twin.train(2, config, *PAST)
        for name in ("metrics_by_basin.csv", "training.csv"):
            assert twin.text(run, name) == twin.text(on_two, name), name
        inferred = parameters(run)
        assert same(inferred, parameters(on_two))
        # Yesterday's flow of the first day of the history is that of the day before it.
        for name, first, end, unchanged in (("scored", TEST_BEGINS, None, True),
                                            ("past", TEST_BEGINS - 30, TEST_BEGINS, False),
                                            ("first", TEST_BEGINS - HISTORY - 1, TEST_BEGINS - HISTORY, False),
                                            ("older", 0, TEST_BEGINS - HISTORY - 1, True)):
            got = same(inferred, evaluated(config, run, changed(folder, name, first, end)))
            assert got == unchanged, f"{name}: parameters are {'the same' if got else 'others'}"
        for setting in ("runoff.dynamic=[BETA]", "network.kind=mlp"):
            done = twin.run(1, "train", config, *PAST, setting)
            assert done.returncode != 0 and f"network.history_days is {HISTORY}" in done.stderr, done.stderr
    print("parameters follow the past only, same bits on 2 ranks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
