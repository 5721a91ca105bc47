# A validation period ends a training that gets no better and gives back the best weights: the scores written at the
# end are those of the best look, the checkpoint `best` holds them, `evaluate` uses it, and what had ended stays ended
# when resumed.
# one process
# timeout: 120
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

# The test period is the validation period: then its score is known.
SETTINGS = ["validation.start_time=2001-07-01", "validation.end_time=2002-05-31", "validation.every=2",
            "validation.patience=3", "experiment.updates=200", "experiment.learning_rate=0.3", "experiment.clip=0",
            "test.baselines=[]"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        run = twin.train(2, config, *SETTINGS)
        looks = re.findall(r"update (\d+): validation median NSE (-?[\d.]+), best (-?[\d.]+) after update (\d+)",
                           twin.text(run, "log.txt"))
        assert len(looks) >= 4, twin.text(run, "log.txt")
        last, best = looks[-1], max(looks, key=lambda look: float(look[1]))
        assert int(last[0]) < 200 and int(last[0]) - int(last[3]) == 3 * 2, looks  # three looks, two updates apart
        assert last[3] == best[0] and last[2] == best[1], looks
        assert best[0] != looks[-1][0]
        metrics = json.loads(twin.text(run, "metrics.json"))
        learned = metrics["by_list"]["train"]["learned"]["nse"]["median"]
        assert f"{learned:.4f}" == best[1], (learned, best)
        with open(os.path.join(run, "checkpoints", "best", "manifest.json")) as file:
            assert json.load(file)["update"] == int(best[0])

        done = twin.run(1, "evaluate", config, *SETTINGS, "params.source=" + run)
        assert done.returncode == 0, done.stderr
        again = twin.run_folder_of(done.stdout)
        assert twin.text(again, "metrics_by_basin.csv") == twin.text(run, "metrics_by_basin.csv")

        rows = twin.text(run, "training.csv")
        done = twin.run(1, "train", config, *SETTINGS, "resume=" + run)
        assert done.returncode == 0, done.stderr
        assert twin.text(run, "training.csv") == rows
    print(f"ended after update {last[0]}, weights of update {best[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
