# Training with routing.solver krylov on 2 ranks follows the pipeline: losses of every update and the discharge of an evaluation agree
# to what rounding can do; the run with single precision is refused in words, once.
# timeout: 120
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

SHORT = ["precision=double", "experiment.epochs=1", "experiment.updates=4", "experiment.rho=8", "test.end_time=2000-05-19",
         "routing.split.method=max_length", "routing.split.max_length_m=4000"]


def losses(folder):
    rows = [line.split(",") for line in twin.text(folder, "training.csv").splitlines()]
    column = rows[0].index("loss")
    return np.array([float(row[column]) for row in rows[1:]])


with tempfile.TemporaryDirectory() as folder:
    config = twin.make_domain(folder)
    refused = twin.run(2, "train", config, "routing.solver=krylov")
    words = refused.stdout + refused.stderr
    assert refused.returncode == 1 and words.count("needs precision double") == 1, words

    runs = {solver: twin.train(2, config, *SHORT, "routing.solver=" + solver) for solver in ("pipeline", "krylov")}
    pipeline, krylov = losses(runs["pipeline"]), losses(runs["krylov"])
    off = np.abs(pipeline - krylov).max() / pipeline.max()
    print("losses", pipeline, "differ by", off)
    assert len(pipeline) == 4 and len(np.unique(pipeline)) == 4, pipeline
    assert off <= 1e-9, (pipeline, krylov)

    weights = [twin.tensors(twin.newest_checkpoint(run)) for run in runs.values()]
    assert weights[0] != weights[1], "the same bits: both runs took the same solver"

    flows = {}
    for solver in runs:
        done = twin.run(2, "evaluate", config, *SHORT, "routing.solver=" + solver,
                        "params.source=" + twin.newest_checkpoint(runs["pipeline"]))
        assert done.returncode == 0, done.stdout + done.stderr
        flows[solver] = twin.arrays(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc"))["discharge_simulated"]
    off = np.nanmax(np.abs(flows["pipeline"] - flows["krylov"])) / np.nanmax(flows["pipeline"])
    print("discharge", flows["pipeline"].shape, "differs by", off)
    assert np.isfinite(flows["pipeline"]).any() and off <= 1e-6, off  # discharge.nc is in single precision
