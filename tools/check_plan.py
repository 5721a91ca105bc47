"""Compares `dpl_hpc plan`, calibrated on one synthetic continent, with trainings of another: seconds of an update."""
import argparse
import csv
import datetime
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "continental_twin.yaml"
ENVIRONMENT = {"OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "OMPI_MCA_hwloc_base_binding_policy": "none", "OMP_NUM_THREADS": "1"}
if os.geteuid() == 0:
    ENVIRONMENT |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


class Domain:
    """A synthetic continent below a folder, and runs of the program on it."""

    def __init__(self, folder, name, reaches, seed, options):
        self.folder, self.name, self.options = folder, name, options
        self.data = folder / f"domain_{name}"
        last_day = datetime.date(2000, 1, 1) + datetime.timedelta(days=options.days + 9)
        self.settings = [f"synth.reaches={reaches}", f"seed={seed}", f"synth.days={options.days + 10}",
                         f"experiment.end_time={last_day}", f"experiment.rho={options.days}",
                         f"experiment.warmup={options.days // 3}", f"experiment.updates={options.updates}",
                         "checkpoint.every=0", "test.baselines=[]", f"output={folder}", f"name={name}", *options.set]
        if not (self.data / "complete").exists():
            self.run(1, "synth")
            (self.data / "complete").touch()

    def run(self, ranks, verb, *settings):
        """The run folder that the program named."""
        command = [self.options.mpiexec, "-n", str(ranks), str(self.options.program), verb, str(CONFIG), *self.settings, *settings]
        environment = os.environ | ENVIRONMENT | {"DPL_TWIN": str(self.data)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"error: this failed: {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        named = re.findall(r"^run folder: (.*)$", done.stdout, re.M)
        return Path(named[-1]) if named else None


def least_seconds(folder):
    """Of the updates after the first, which makes memory."""
    with open(folder / "timing.csv", newline="") as file:
        return min(float(row["seconds"]) for row in list(csv.DictReader(file))[1:])


def predicted(folder, ranks):
    with open(folder / "plan.json") as file:
        return next(row for row in json.load(file)["plan"] if row["ranks"] == ranks)


def processor_seconds(trained, ranks):
    """Of an update and rank: what a training of three times the updates takes more, so that starting does not count. Ranks that wait
    in MPI count, as they keep their core; where other programs push one rank aside, the others wait longer than they would."""
    updates = trained.options.updates
    spent = []
    for count in (updates, 3 * updates):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        trained.run(ranks, "train", f"experiment.updates={count}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (spent[1] - spent[0]) / (2 * updates * ranks)


def compare(calibrated, trained, ranks, repeats):
    """Calibrates and trains in turn, so that both see the same machine; the least of each counts, as other programs only add."""
    plans, seconds = [], []
    for _ in range(repeats):
        plan = calibrated.run(ranks, "plan", f"plan.ranks=[{','.join(map(str, sorted({1, ranks})))}]")
        planned = trained.run(ranks, "plan", f"plan.calibration={plan}/plan.json", f"plan.ranks=[{ranks}]")
        plans.append(predicted(planned, ranks)["update_s"])
        seconds.append(processor_seconds(trained, ranks) if trained.options.processor_time
                       else least_seconds(trained.run(ranks, "train")))
    return min(plans), min(seconds)


def main():
    parser = argparse.ArgumentParser(prog="tools/check_plan", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where domains and runs are kept (a temporary folder where not given)")
    parser.add_argument("--reaches", type=int, default=60000, help="of the continent that is trained")
    parser.add_argument("--calibration-reaches", type=int, default=40000, help="of the one that is measured")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks, at most the machine's cores")
    parser.add_argument("--days", type=int, default=90, help="of a window")
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true",
                        help="compare with the processor time of trainings: for a machine that others use too")
    parser.add_argument("--within", type=float, default=25, help="percent by which a prediction may be off")
    parser.add_argument("--set", action="append", default=[], metavar="key.sub=value", help="a further setting of all runs")
    parser.add_argument("--program", default=os.environ.get("DPL_HPC", ROOT / "build" / "release" / "dpl_hpc"))
    parser.add_argument("--mpiexec", default=os.environ.get("DPL_MPIEXEC", "mpirun"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        calibrated = Domain(folder, "calibrated", options.calibration_reaches, 2, options)
        trained = Domain(folder, "trained", options.reaches, 1, options)
        print(f"calibrated on {options.calibration_reaches} reaches, trained on {options.reaches}; windows of {options.days} days")
        print(f"{'ranks':>6}{'predicted s':>13}{'measured s':>12}{'off':>8}")
        worst = 0.0
        for ranks in map(int, options.ranks.split(",")):
            plan, real = compare(calibrated, trained, ranks, options.repeats)
            worst = max(worst, abs(plan / real - 1))
            print(f"{ranks:>6}{plan:>13.4f}{real:>12.4f}{100 * (plan / real - 1):>+7.1f}%", flush=True)
    if 100 * worst > options.within:
        sys.exit(f"error: a prediction is off by {100 * worst:.1f} %, more than {options.within:g} %")
    print(f"all within {options.within:g} %")


if __name__ == "__main__":
    main()
