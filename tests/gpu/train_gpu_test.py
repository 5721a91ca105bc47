# Whole runs on the GPU: a training and its scores close to the CPU's; two runs the same bits; two ranks that share a GPU
# (parallel.share_gpus, MPI adds) the same weights as one; what is refused. DPL_EMULATE_DEVICE=N lets the host stand in.
# timeout: 300
import csv
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

SHORT = ["experiment.epochs=1", "experiment.updates=6"]


def weights(run):
    found = twin.arrays(os.path.join(twin.newest_checkpoint(run), "tensors.nc"))
    names = sorted(name for name in found if name.startswith("weight."))
    assert names, sorted(found)
    return np.concatenate([np.asarray(found[name], dtype=float).ravel() for name in names])


def expect_refused(config, ranks, words, *settings):
    done = twin.run(ranks, "train", config, "device=cuda", *settings)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and words in said, said


def first_loss(run):
    with open(os.path.join(run, "training.csv"), newline="") as file:
        row = next(csv.DictReader(file))
    return float(row["loss"]), float(row["gradient_norm"])


def check_basins():
    """Parameters by day go from the network to HBV and back on the GPU: the first update's loss and gradient."""
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        settings = ["network.kind=two_headed", "runoff.dynamic=[BETA, K0]", "experiment.updates=3"]
        cpu = twin.train(1, config, "device=cpu", *settings)
        gpu, again = (twin.train(1, config, "device=cuda", *settings) for _ in range(2))
        assert twin.same_training(gpu, again), "basins: other bits in a second run on the GPU"
        for a, b, bound in zip(first_loss(cpu), first_loss(gpu), (1e-5, 1e-3)):
            print(f"basins with parameters by day, first update: {a:.9g} on the CPU, {b:.9g} on the GPU")
            assert abs(a - b) <= bound * abs(a), (a, b)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        probe = twin.run(1, "train", config, "device=auto", *SHORT)
        assert probe.returncode == 0, probe.stdout + probe.stderr
        if "auto took cuda" not in probe.stdout + probe.stderr:
            print("no GPU:", [line for line in (probe.stdout + probe.stderr).splitlines() if "auto took" in line])
            return 77
        cpu = twin.train(1, config, "device=cpu", *SHORT)
        gpu, again = (twin.train(1, config, "device=cuda", *SHORT) for _ in range(2))
        assert twin.same_training(gpu, again), "other bits in a second run on the GPU"
        a, b = weights(cpu), weights(gpu)
        difference = np.abs(a - b).max() / np.abs(a).max()
        print(f"weights after 6 updates: largest difference CPU - GPU {difference:.3g} of the largest weight")
        assert difference < 1e-3
        for name in ("config.yaml", "log.txt"):
            assert "cuda" in twin.text(gpu, name), name

        shared = twin.train(2, config, "device=cuda", "parallel.share_gpus=true", *SHORT)
        assert twin.same_training(gpu, shared), "two ranks on one GPU: other weights than one rank"
        if os.environ.get("DPL_EMULATE_DEVICE") == "1":
            expect_refused(config, 2, "parallel.share_gpus", *SHORT)
    if not os.environ.get("DPL_EMULATE_DEVICE"):  # emulated: device_runs_test
        check_basins()
    return 0


if __name__ == "__main__":
    sys.exit(main())
