# Calibration basin by basin by gradients: better than its starts, the same results on 1, 2 and 3 ranks, after a
# resumption and whichever basins take part together; the value that is told is that of the stored parameters.
# timeout: 300
import csv
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin
from calibrate_run import check_refused, places

STARTS, STEPS = 2, 25
SEARCH = ["calibration.method=gradient", f"calibration.starts={STARTS}", f"calibration.steps={STEPS}",
          "calibration.rate=0.3", "runoff.nmul=2"]
OVER_TRAINING = ["test.start_time=2000-02-01", "test.end_time=2001-06-30"]


def calibrate(ranks, config, *settings):
    done = twin.run(ranks, "calibrate", config, *SEARCH, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return twin.run_folder_of(done.stdout), done.stdout


def same(a, b):
    assert places(a) == places(b) and places(a), f"calibrated sets differ: {a} {b}"
    for name in ("calibration.csv", "metrics_by_basin.csv"):
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"
    first, second = (twin.arrays(os.path.join(run, "parameters.nc")) for run in (a, b))
    assert all(first[k].tobytes() == second[k].tobytes() for k in first) and len(first) > 3, f"{a} {b}"


def check_search(folder):
    for name, place in places(folder).items():
        values = [value for _, value in place["curve"]]
        assert values == sorted(values, reverse=True) and values[-1] == place["value"], name
        assert place["evaluations"] == STARTS * (STEPS + 1) and place["adjoints"] == STARTS * STEPS, name
        assert place["curve"][0][0] <= STARTS and place["value"] < 0.5 * values[0], f"{name}: {values}"
        assert place["value"] < 0.5, f"{name}: NSE {1 - place['value']} in the training period"
    with open(os.path.join(folder, "metrics_by_basin.csv")) as file:
        scored = {row["place_id"]: float(row["nse"]) for row in csv.DictReader(file)}
    told = {place["place_id"]: 1 - place["value"] for place in places(folder).values()}
    assert told.keys() == scored.keys() and all(abs(told[k] - scored[k]) < 1e-6 for k in told), (told, scored)


def check_errors(config, whole):
    check_refused(config, SEARCH, (
        (["resume=" + whole, "calibration.steps=9"], ["calibrated with", f"steps {STEPS}"]),
        (["resume=" + whole, "calibration.method=sce_ua"], ["calibrated with", "gradient"]),
        (["calibration.method=adam"], ["calibration.method", "sce_ua, gradient"]),
        (["calibration.rate=0"], ["calibration.rate", "above 0"]),
        (["calibration.starts=0"], ["calibration.starts", "1 to 1000"])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder, "synth.places=12")
        whole, _ = calibrate(1, config, *OVER_TRAINING)
        check_search(whole)
        for ranks in (2, 3):
            same(whole, calibrate(ranks, config, *OVER_TRAINING)[0])
        name = sorted(places(whole))[0]
        before = places(whole)
        os.remove(os.path.join(whole, "places", name))
        resumed, output = calibrate(2, config, *OVER_TRAINING, "resume=" + whole)
        assert f"{len(before) - 1} of {len(before)} basins are calibrated already" in output, output
        assert places(resumed) == before, "another result after a resumption"
        some = os.path.join(folder, "some.txt")
        with open(some, "w") as file:
            file.write(name.split(".")[0] + "\n")
        alone = places(calibrate(1, config, "basins.train=" + some)[0])
        assert alone == {name: before[name]}, f"{name}: another result without the other basins"
        check_errors(config, whole)
    print(f"{len(before)} basins: 1 = 2 = 3 ranks, alone = together, resumed = never stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
