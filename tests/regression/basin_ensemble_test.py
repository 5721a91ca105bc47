# Several trainings scored as one: the series of the ensemble are the mean of its members' series, each member's scores
# are those of its own evaluation, with the statistics of its own training basins; the same bits on 1 and 3 ranks; what
# cannot be an ensemble is told in one line; tools/plot draws it.
# timeout: 120
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import numpy as np
import twin_run as twin


def evaluate(ranks, config, *settings):
    done = twin.run(ranks, "evaluate", config, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return twin.run_folder_of(done.stdout)


def scores(run, contender):
    """The lines of a contender without its name."""
    return [line.split(",", 1)[1] for line in twin.text(run, "metrics_by_basin.csv").splitlines()
            if line.startswith(contender + ",")]


def refused(config, words, *settings):
    done = twin.run(2, "evaluate", config, *settings)
    assert done.returncode != 0, done.stdout
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
    assert len(errors) == 1 and all(word in errors[0] for word in words), (words, done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        moisture = "experiment.targets.soil_moisture=0.5"
        fewer = os.path.join(folder, "fewer.txt")  # other basins: other means and deviations of the attributes
        with open(os.path.join(folder, "domain", "train.txt")) as file, open(fewer, "w") as to:
            to.writelines(file.readlines()[3:])
        runs = [twin.train(1, config, moisture, "seed=5"), twin.train(1, config, moisture, "seed=6"),
                twin.train(1, config, moisture, "seed=7", "basins.train=" + fewer)]
        members = "params.ensemble=[" + ",".join(runs) + "]"
        whole = {ranks: evaluate(ranks, config, moisture, members) for ranks in (1, 3)}
        alone = [evaluate(1, config, moisture, "params.source=" + run) for run in runs]

        for name in ("streamflow_simulated", "soil_moisture_simulated", "evapotranspiration"):
            each = [basins.series(os.path.join(run, "runoff.nc"), name) for run in alone]
            mean = basins.series(os.path.join(whole[1], "runoff.nc"), name)
            assert not np.allclose(each[0], each[1], rtol=1e-3), name  # members differ
            np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-6, atol=1e-7, err_msg=name)
        for k, run in enumerate(alone):
            assert len(scores(run, "learned")) == 80, len(scores(run, "learned"))  # 40 places, two variables
            assert scores(whole[1], f"member_{k + 1}") == scores(run, "learned"), k
        simulated, observed = (basins.series(os.path.join(whole[1], "runoff.nc"), "streamflow_" + name)
                               for name in ("simulated", "observed"))
        there = np.isfinite(observed[0])
        o = observed[0][there]
        nse = 1 - np.sum((simulated[0][there] - o) ** 2) / np.sum((o - o.mean()) ** 2)
        row = scores(whole[1], "ensemble")[-40].split(",")  # streamflow comes after soil moisture
        header = twin.text(whole[1], "metrics_by_basin.csv").splitlines()[0].split(",")[1:]
        assert row[header.index("variable")] == "streamflow", row
        assert abs(float(row[header.index("nse")]) - nse) < 1e-4, (row, nse)

        metrics = json.loads(twin.text(whole[1], "metrics.json"))
        assert [m["path"] for m in metrics["members"]] == runs, metrics["members"]
        assert [(m["contender"], m["seed"], m["updates"]) for m in metrics["members"]] == [
            ("member_1", 5, 10), ("member_2", 6, 10), ("member_3", 7, 10)], metrics["members"]
        assert not os.path.exists(os.path.join(whole[1], "parameters.nc"))
        assert "parameters.nc is not written" in twin.text(whole[1], "log.txt")
        assert metrics == json.loads(twin.text(whole[3], "metrics.json"))
        assert twin.text(whole[1], "metrics_by_basin.csv") == twin.text(whole[3], "metrics_by_basin.csv")
        first, second = (twin.arrays(os.path.join(whole[ranks], "runoff.nc")) for ranks in (1, 3))
        for key in first:
            assert first[key].tobytes() == second[key].tobytes(), key

        drawn = subprocess.run([os.path.join(os.environ["DPL_SOURCE_DIR"], "tools", "plot"), whole[1]], capture_output=True, text=True)
        assert drawn.returncode == 0, drawn.stderr
        assert [os.path.basename(line) for line in drawn.stdout.splitlines()] == ["nse.png", "map.png", "soil_moisture.png"], drawn.stdout

        refused(config, ["params.source", "params.ensemble"], moisture, members, "params.source=" + runs[0])
        refused(config, ["params.ensemble", runs[0], "runoff.pet"], moisture, members, "runoff.pet=oudin")
        refused(config, ["/nowhere"], moisture, "params.ensemble=[" + runs[0] + ",/nowhere]")
    print("an ensemble of three is the mean of its members")
    return 0


if __name__ == "__main__":
    sys.exit(main())
