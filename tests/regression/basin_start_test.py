# A run that begins from the weights of another (network.start_from) keeps them: resumed after that other folder is gone,
# it ends with the same bits as one never stopped, the contender before training among them.
# timeout: 120
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

FILES = ("metrics_by_basin.csv", "training.csv")


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        other = twin.train(1, config, "experiment.updates=3", "test.baselines=[]", "name=other")
        start = ("experiment.updates=2", "experiment.learning_rate=0.02", "network.start_from=" + other)
        whole = twin.train(1, config, *start, "experiment.epochs=2")
        part = twin.train(1, config, *start, "experiment.epochs=1")
        assert os.path.isdir(os.path.join(part, "checkpoints", "start"))
        shutil.rmtree(other)
        done = twin.run(2, "train", config, *start, "experiment.epochs=2", "resume=" + part)
        assert done.returncode == 0, done.stderr
        assert "checkpoints/start" in done.stdout, done.stdout
        for name in FILES:
            assert twin.text(part, name) == twin.text(whole, name), name
        untrained = [line for line in twin.text(whole, FILES[0]).splitlines() if line.startswith("untrained,")]
        assert len(untrained) == 40, len(untrained)
        done = twin.run(1, "train", config, *start)
        assert done.returncode != 0 and other in done.stderr and "there is no such folder" in done.stderr, done.stderr
    print("resumed without the folder of the start, same bits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
