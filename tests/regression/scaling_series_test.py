# jobs/scaling_series on tiny continents: its table, that a second start repeats nothing, its figures; wrong options.
# timeout: 300
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.environ["DPL_SOURCE_DIR"])
OPTIONS = ["--ranks", "1 2", "--reaches", "1500", "--reaches-per-rank", "800", "--days", "6", "--updates", "3", "--set",
           "synth.gauges=5", "--set", "plan.seconds=0.2"]


def series(folder, *options):
    environment = os.environ | {"DPL_LAUNCH": os.environ["DPL_MPIEXEC"] + " -n"}
    return subprocess.run([str(ROOT / "jobs" / "scaling_series"), *([str(folder)] if folder else []), *options],
                          capture_output=True, text=True, env=environment)


def check_table(folder):
    with open(folder / "scaling.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["series"], r["ranks"], r["reaches"], r["days"]) for r in rows] == [
        ("strong", "1", "1500", "6"), ("strong", "2", "1500", "6"), ("weak", "1", "800", "6"), ("weak", "2", "1600", "6")], rows
    for row in rows:
        timing = list(csv.DictReader(open(next((folder / "runs" / f"{row['series']}_{row['ranks']}").glob("*/timing.csv")))))
        seconds = sorted(float(r["seconds"]) for r in timing[1:])
        assert len(seconds) == 2 and abs(float(row["seconds_least"]) - seconds[0]) < 1e-4 * seconds[0] + 1e-6, (row, seconds)
        assert abs(float(row["seconds_median"]) - sum(seconds) / 2) < 1e-4 * seconds[1] + 1e-6, (row, seconds)
    with open(folder / "plan.csv", newline="") as file:
        assert [row["ranks"] for row in csv.DictReader(file)] == ["1", "2"]


def check_figures(folder):
    done = subprocess.run([str(ROOT / "tools" / "plot"), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert sorted(p.name for p in (folder / "figures").glob("*.png")) == ["strong_scaling.png", "weak_scaling.png"]
    (folder / "scaling.csv").write_text("series,ranks\nstrong,1\n")
    done = subprocess.run([str(ROOT / "tools" / "plot"), str(folder)], capture_output=True, text=True)
    assert done.returncode == 1 and "has no number in column 'reaches'" in done.stderr, done.stderr


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "series"
        done = series(folder, *OPTIONS)
        assert done.returncode == 0, done.stdout + done.stderr
        check_table(folder)
        before = sorted((folder / "runs").glob("*/*/timing.csv"))
        done = series(folder, *OPTIONS)
        assert done.returncode == 0 and done.stdout.count("measured already") == 4, done.stdout + done.stderr
        assert sorted((folder / "runs").glob("*/*/timing.csv")) == before
        check_table(folder)
        check_figures(folder)
        for options, words in (([], "FOLDER [OPTION...]"), (["--ranks"], "needs a value"), (["--ranks", "x"], "must be a whole number"),
                               (["--updates", "1"], "at least 2"), (["--rank", "1"], "is no option")):
            done = series(folder if options else None, *options)
            assert done.returncode != 0 and words in done.stdout + done.stderr, (options, done.stdout, done.stderr)
        done = series(folder, *OPTIONS, "--set", "synth.gauges=none", "--reaches", "1501")
        assert done.returncode == 1 and "synth_1501 failed" in done.stderr and "synth.gauges" in done.stderr, done.stderr
    print("scaling series measured, repeated, drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
