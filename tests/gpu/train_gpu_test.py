# Whole runs on the GPU: a training and its scores close to the CPU's; two runs the same bits; two ranks that share a GPU
# (parallel.share_gpus, MPI adds) the same weights as one; what is refused. DPL_EMULATE_DEVICE=N lets the host stand in.
# timeout: 300
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

SHORT = ["experiment.epochs=1", "experiment.updates=6"]


def weights(run):
    found = twin.arrays(os.path.join(twin.newest_checkpoint(run), "tensors.nc"))
    return np.concatenate([np.asarray(found[k], dtype=float).ravel() for k in sorted(found) if k.startswith("weight.")])


def expect_refused(config, ranks, words, *settings):
    done = twin.run(ranks, "train", config, "device=cuda", *settings)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and words in said, said


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
        assert "device: cuda" in twin.text(gpu, "config.yaml")

        shared = twin.train(2, config, "device=cuda", "parallel.share_gpus=true", *SHORT)
        assert twin.same_training(gpu, shared), "two ranks on one GPU: other weights than one rank"
        if os.environ.get("DPL_EMULATE_DEVICE") == "1":
            expect_refused(config, 2, "parallel.share_gpus", *SHORT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
