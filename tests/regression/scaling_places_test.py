# Series of trainings: the scaling curve is the same on 1, 2 and 3 ranks, in groups of ranks, over tasks, after a signal and
# after a training that was cut off; every basin is held out exactly once by folds, and their table is that of its rows;
# what cannot be is refused in one line, and an error in one training names it.
# timeout: 300
import csv
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import numpy as np
import twin_run as twin

ALL = ["basins.train=", "basins.holdout=", "output.runoff=[]"]
CURVE = [*ALL, "scaling.fractions=[0.1, 0.4, 1]", "scaling.seeds=2", "test.baselines=[]"]


def done(ranks, verb, config, *settings):
    run = twin.run(ranks, verb, config, *settings)
    assert run.returncode == 0, run.stdout + run.stderr
    return twin.run_folder_of(run.stdout)


def rows(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def curve(folder):
    """scaling.csv without the time, and the scores of every basin."""
    table = rows(folder, "scaling.csv")
    for row in table:
        assert float(row.pop("seconds_per_place")) > 0
    return table, twin.text(folder, "scaling_by_basin.csv")


def check_curve(folder):
    table, by_basin = rows(folder, "scaling.csv"), rows(folder, "scaling_by_basin.csv")
    assert list(table[0])[:10] == ("subset,seed,places,updates,forward_runs_per_place,seconds_per_place,nse_in,kge_in,"
                                   "nse_out,kge_out").split(","), table[0]
    assert [(r["subset"], r["seed"], r["places"]) for r in table] == [
        ("0.1", "5", "3"), ("0.1", "6", "3"), ("0.4", "5", "13"), ("0.4", "6", "13"), ("1", "5", "32"), ("1", "6", "32")]
    trained, held = {}, set()
    for row in table:
        mine = [r for r in by_basin if (r["subset"], r["seed"]) == (row["subset"], row["seed"])]
        inside = [r for r in mine if r["list"] == "train"]
        outside = [r for r in mine if r["list"] == "holdout"]
        trained[row["subset"], row["seed"]] = {r["place_id"] for r in inside}
        held.add(tuple(r["place_id"] for r in outside))
        for column, chosen in (("in", inside), ("out", outside), ("core", [r for r in mine if r["core"] == "1"])):
            for metric in ("nse", "kge"):
                assert abs(float(row[f"{metric}_{column}"]) - np.median([float(r[metric]) for r in chosen])) < 1e-12
        # windows of at most 11 basins x 150 days, 10 updates, 516 days of training
        runs = min(11, int(row["places"])) * 150 * 10 / (516 * int(row["places"]))
        assert abs(float(row["forward_runs_per_place"]) - runs) < 1e-12, row
    assert len(held) == 1 and len(next(iter(held))) == 8, "other basins out of the sample"
    for seed in "56":
        assert trained["0.1", seed] < trained["0.4", seed] < trained["1", seed], "subsets are not nested"
        assert not trained["1", seed] & set(next(iter(held)))
    assert trained["0.4", "5"] != trained["0.4", "6"], "seeds have drawn the same subset"


def check_cut_off(config, whole):
    """One training is cut off before its end, one before its scores are stored; the others are not run again."""
    folder = whole + "_cut"
    shutil.copytree(whole, folder)
    for name in ("scaling.csv", "scaling_by_basin.csv", "members/subset_1_seed_6/member.json",
                 "members/subset_0.4_seed_5/member.json"):
        os.remove(os.path.join(folder, name))
    for update in ("update_000008", "update_000010"):
        shutil.rmtree(os.path.join(folder, "members/subset_1_seed_6/checkpoints", update))
    run = twin.run(2, "scaling", config, *CURVE, "resume=" + folder)
    assert run.returncode == 0 and "4 of 6 trainings are finished" in run.stdout, run.stdout + run.stderr
    assert "resumed after update 4" in twin.text(folder, "members/subset_1_seed_6/log.txt")
    assert curve(folder) == curve(whole), "another curve after an interruption"
    other = twin.run(1, "scaling", config, *CURVE, "experiment.clip=2", "resume=" + folder)
    assert other.returncode == 1 and "clip" in other.stderr and "member.json" in other.stderr, other.stderr


def check_signal(config, folder_of_runs):
    """A signal to one rank stops both groups with status 3; resumed, the curve is that of a run that never stopped."""
    settings = [*CURVE, "experiment.updates=150", "scaling.fractions=[0.5, 1]", "scaling.seeds=1"]
    whole = done(1, "scaling", config, *settings)
    folder = os.path.join(folder_of_runs, "stopped")
    os.mkdir(folder)
    process = subprocess.Popen([twin.MPIEXEC, "-n", "2", twin.HPC, "scaling", config, *settings, "resume=" + folder],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not glob.glob(folder + "/members/*/checkpoints/update_*/DONE"):
        time.sleep(0.002)
    ranks = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout
    os.kill(int(ranks.split()[0]), signal.SIGUSR1)
    assert process.wait(timeout=60) == 3, process.returncode
    assert not os.path.exists(folder + "/scaling.csv")
    assert curve(done(2, "scaling", config, *settings, "resume=" + folder)) == curve(whole), "another curve after a signal"


def check_tasks(config, whole, folder_of_runs):
    folder = os.path.join(folder_of_runs, "tasks")
    os.mkdir(folder)
    for task in (2, 1):
        done(1, "scaling", config, *CURVE, "parallel.tasks=2", f"parallel.task={task}", "resume=" + folder)
        assert not os.path.exists(folder + "/scaling.csv")
    assert curve(done(1, "scaling", config, *CURVE, "resume=" + folder)) == curve(whole), "another curve from tasks"


def check_folds(config, folder, *setting, held_out):
    tables = []
    for ranks in (1, 3):
        run = done(ranks, "train", config, *ALL, *setting)
        tables.append(twin.text(run, "metrics_by_basin.csv"))
    assert tables[0] == tables[1], "folds depend on the number of ranks"
    table = rows(run, "metrics_by_basin.csv")
    assert sorted(r["place_id"] for r in table) == held_out, "not every basin is held out exactly once"
    with open(os.path.join(run, "metrics.json")) as file:
        metrics = json.load(file)
    for chosen, summary in [(table, metrics["learned"])] + [
            ([r for r in table if r["fold"] == name], s) for name, s in metrics["by_fold"].items()]:
        for metric in ("nse", "kge"):
            values = [float(r[metric]) for r in chosen if r[metric]]
            assert summary[metric]["count"] == len(values) > 0
            for name, share in (("median", 0.5), ("q25", 0.25), ("q75", 0.75)):
                assert abs(summary[metric][name] - np.quantile(values, share)) < 1e-9, (metric, name)
    for fold in metrics["by_fold"]:
        member = os.path.join(run, "members", "fold_" + fold)
        trained, held = (set(twin.text(member, name).split()) for name in ("train.txt", "held_out.txt"))
        assert not trained & held and held == {r["place_id"] for r in table if r["fold"] == fold}
    return run, metrics


def refused(config, verb, words, *settings):
    run = twin.run(2, verb, config, *settings, timeout=60)
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert run.returncode != 0 and len(lines) == 1, (words, run.stdout, run.stderr)
    for word in words:
        assert word in lines[0], (word, lines[0])


def check_refused(config, folder):
    def write(name, *ids):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.writelines(f"{k}\n" for k in ids)
        return path

    a, b = write("a.txt", "00000001", "00000002"), write("b.txt", "00000002", "00000003")
    c = write("c.txt", "00000009x")
    refused(config, "scaling", ["scaling.fractions", "'0'", "above 0"], *ALL, "scaling.fractions=[0, 1]")
    refused(config, "scaling", ["scaling.fractions", "'1.5'", "at most 1"], *ALL, "scaling.fractions=[1.5]")
    refused(config, "scaling", ["basins.holdout", "scaling.out_of_sample"])
    refused(config, "train", ["basins.pub is 1", "at least 2"], *ALL, "basins.pub=1")
    refused(config, "train", ["basins.pub is 41", "40"], *ALL, "basins.pub=41")
    refused(config, "train", ["basins.pub", "basins.holdout"], "basins.pub=4")
    refused(config, "train", ["00000002", "a.txt", "b.txt"], *ALL, f"basins.pur=[{a}, {b}]")
    refused(config, "train", ["c.txt", "00000009x"], *ALL, f"basins.pur=[{a}, {c}]")
    refused(config, "evaluate", ["basins.pub", "train"], *ALL, "basins.pub=4", "params.source=" + folder)
    refused(config, "train", ["parallel.task", "resume"], *ALL, "basins.pub=4", "parallel.task=1")


def check_failing_member(config, run, *setting):
    """What goes wrong in one training (here its checkpoint is of another configuration) stops all and names it."""
    for path in glob.glob(run + "/members/*/member.json"):
        os.remove(path)
    for group in (1, 2):
        refused(config, "train", ["training fold_", "clip"], *ALL, *setting, "experiment.clip=2", "resume=" + run,
                f"parallel.ranks_per_training={group}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        whole = done(1, "scaling", config, *CURVE)
        check_curve(whole)
        for ranks, group in ((2, 1), (3, 2)):
            other = done(ranks, "scaling", config, *CURVE, f"parallel.ranks_per_training={group}")
            assert curve(other) == curve(whole), f"another curve on {ranks} ranks in groups of {group}"
        check_cut_off(config, whole)
        check_signal(config, folder)
        check_tasks(config, whole, folder)
        everyone = [f"{k:08}" for k in range(1, 41)]
        run, _ = check_folds(config, folder, "basins.pub=3", held_out=everyone)
        check_failing_member(config, run, "basins.pub=3")
        lists = []
        for name, ids in (("north", everyone[:15]), ("south", everyone[20:])):
            lists.append(os.path.join(folder, name + ".txt"))
            with open(lists[-1], "w") as file:
                file.write("\n".join(ids) + "\n")
        _, metrics = check_folds(config, folder, f"basins.pur=[{', '.join(lists)}]",
                                 held_out=everyone[:15] + everyone[20:])
        assert set(metrics["by_fold"]) == {"north", "south"}
        check_refused(config, folder)
    print("one curve on any ranks, after a stop, over tasks; folds hold every basin out once; errors in one line")
    return 0


if __name__ == "__main__":
    sys.exit(main())
