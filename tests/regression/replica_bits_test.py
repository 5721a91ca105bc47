# Updates of several windows, shared by groups of ranks: the same bits for any number of groups and ranks, and what is
# refused.
# timeout: 300
import csv
import io
import os
import sys
import tempfile

import netCDF4

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

REACHES = 300  # 5 blocks of the parameter network


def compare(config, layouts, *settings):
    """Training, scores and files of every (ranks, replicas) against the first; gives its run folder."""
    runs = [(layout, twin.train(layout[0], config, f"parallel.replicas={layout[1]}", *settings)) for layout in layouts]
    (first, one), others = runs[0], runs[1:]
    for layout, run in others:
        what = f"{settings}: (ranks, replicas) {layout} and {first}"
        assert twin.same_training(one, run), f"{what}: training differs"
        assert twin.text(one, "metrics.json") == twin.text(run, "metrics.json"), f"{what}: metrics.json differs"
        for name in ("discharge.nc", "parameters.nc"):
            a, b = (twin.arrays(os.path.join(folder, name)) for folder in (one, run))
            assert a.keys() == b.keys() and all(a[k].tobytes() == b[k].tobytes() for k in a), f"{what}: {name} differs"
    return one


def rows(run):
    return list(csv.DictReader(io.StringIO(twin.text(run, "training.csv"))))


def check_windows(config, four):
    """Four windows are another training than one, route four times as much, and begin with the mean of four losses."""
    one = twin.train(1, config, "experiment.windows=1", "experiment.batch_size=0")
    all_gauges = twin.train(1, config, "experiment.windows=4", "experiment.batch_size=0")
    assert not twin.same_training(one, all_gauges)
    assert float(rows(all_gauges)[-1]["reach_hours"]) == 4 * float(rows(one)[-1]["reach_hours"])
    # The first windows of the larger update are the windows of the smaller one: at the same weights, the first update's,
    # sums of losses only grow.
    first = [w * float(rows(twin.train(1, config, f"experiment.windows={w}", "experiment.updates=1",
                                       "experiment.epochs=1"))[0]["loss"]) for w in (1, 2, 3)]
    assert 0 < first[0] < first[1] < first[2] < 4 * float(rows(four)[0]["loss"])


def refused(ranks, config, words, *settings):
    done = twin.run(ranks, "train", config, *settings, timeout=60)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1 and len(errors) == 1, (settings, done.stdout, done.stderr)
    assert all(word in errors[0] for word in words), (settings, errors)
    return errors[0]


def check_refusals(config):
    for mode in ([], ["--validate"]):
        refused(3, config, ["parallel.replicas is 2", "3 ranks"], "parallel.replicas=2", "experiment.windows=2", *mode)
        refused(2, config, ["parallel.replicas is 2", "experiment.windows 1", "at least 2"], "parallel.replicas=2", *mode)


def check_plan(config):
    shown = twin.run(4, "train", config, "parallel.replicas=2", "experiment.windows=6", "--validate").stdout
    assert "windows per update    6, shared by 2 groups of ranks" in shown, shown
    assert "ranks                 2; " in shown, shown  # the partition is that of a group


def check_failure_of_one_group(config, folder):
    """Inflow that overflows in some windows only: the group that meets one ends all groups with one message."""
    path = os.path.join(folder, "domain", "lateral_inflow.nc")
    with netCDF4.Dataset(path, "a") as file:
        variable = file["q_lateral"]
        days = 24 * 100
        index = [slice(None)] * 2
        index[variable.dimensions.index("time")] = slice(days, days + 24)
        variable[tuple(index)] = 3e38
    settings = ["experiment.windows=2", "experiment.epochs=50"]
    messages = {refused(ranks, config, ["not finite in update", "window from"], *settings, f"parallel.replicas={replicas}")
                for ranks, replicas in ((1, 1), (2, 2), (4, 2))}
    assert len(messages) == 1, messages


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder, f"synth.reaches={REACHES}")
        four = compare(config, [(1, 1), (2, 2), (3, 3), (4, 2), (4, 4), (8, 2)], "experiment.windows=4")
        # In double precision the sums of windows are rounded: their order shows.
        compare(config, [(1, 1), (2, 2), (4, 2)], "experiment.windows=4", "precision=double", "network.kind=kan",
                "experiment.loss=nse_batch", "experiment.updates=3")
        check_windows(config, four)
        check_refusals(config)
        check_plan(config)
        check_failure_of_one_group(config, folder)
    print("any number of groups and ranks, the same bits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
