# A training killed (SIGKILL to one of its two ranks) at a random moment and resumed ends with the same bits as one that
# never stopped, ten times out of ten: at least 3 of them inside the writing of a checkpoint, 3 before the first one. And
# SIGTERM and SIGUSR1: exit status 3 with a checkpoint, and the same bits after resuming.
# timeout: 400
import glob
import os
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin
from stopped_run import complete_checkpoints, end, kill, ranks_of, start, temporary_checkpoints

SEED = int(os.environ.get("DPL_TEST_SEED", random.SystemRandom().randrange(10**6)))
SETTINGS = ["experiment.updates=40", "checkpoint.every=7", "test.baselines=[]"]


def attempt(config, rng, when):
    """One killed training; its run folder, or None where the kill missed its moment."""
    process, folder = start(2, config, *SETTINGS)
    ranks = ranks_of(process)  # rank 0, which writes, and rank 1
    hit = False
    if when == "writing":
        while process.poll() is None:
            if temporary_checkpoints(folder):
                hit = kill(ranks[0])
                break
    elif when == "before":
        time.sleep(0.02 * rng.random())
        hit = kill(rng.choice(ranks))
    else:
        while process.poll() is None and not complete_checkpoints(folder):
            time.sleep(0.002)
        time.sleep(0.4 * rng.random())
        hit = kill(rng.choice(ranks))
    end(process)
    finished = os.path.exists(os.path.join(folder, "metrics.json"))
    if when == "writing":
        hit = hit and bool(temporary_checkpoints(folder))
    if when == "before":
        hit = hit and not complete_checkpoints(folder)
    return folder if hit and not finished else None


def resume(config, folder, ranks=2):
    done = twin.run(ranks, "train", config, *SETTINGS, "resume=" + folder)
    assert done.returncode == 0, done.stdout + done.stderr


def check_kills(config, expected, rng):
    for when, wanted in (("before", 3), ("writing", 3), ("any", 4)):
        hits = tries = 0
        while hits < wanted:
            tries += 1
            assert tries <= 25 * wanted, f"seed {SEED}: the moment \"{when}\" was missed {tries} times"
            folder = attempt(config, rng, when)
            if folder is None:
                continue
            hits += 1
            resume(config, folder, ranks=rng.choice((1, 2)))
            assert twin.same_training(expected, folder), f"seed {SEED}: other bits after a kill ({when}), {folder}"
        print(f"killed {when}: {hits} of {hits} the same bits ({tries} tries)")


def check_signals(config, expected):
    for name in (signal.SIGTERM, signal.SIGUSR1):
        process, folder = start(2, config, *SETTINGS, "experiment.epochs=50")
        while not complete_checkpoints(folder):
            time.sleep(0.002)
        os.kill(ranks_of(process)[0], name)
        end(process)
        assert process.returncode == 3, f"{name!r}: exit status {process.returncode}"
        assert complete_checkpoints(folder)
        resume(config, folder)
        if int(os.path.basename(twin.newest_checkpoint(folder))[7:]) == 80:
            assert twin.same_training(expected, folder), f"other bits after {name!r}"
        print(f"{name.name}: exit status 3, resumed")


def listing(folder):
    """Every file below a folder with its bytes."""
    found = {}
    for path in glob.glob(os.path.join(folder, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def check_refusals(config, run):
    """What cannot be resumed is refused in one line, also by --validate, and the folder stays as it was."""
    before = listing(os.path.dirname(run))
    for settings, words in ((["resume=" + run, "experiment.loss=kge"], "loss: kge"),
                            (["resume=" + run, "seed=9"], "key seed"),
                            (["resume=" + run, "network.input_var_names=[a01]"], "input_var_names"),
                            (["resume=" + twin.newest_checkpoint(run)], "is a checkpoint"),
                            (["resume=" + os.path.dirname(run)], "not the folder of a run"),
                            (["test.start_time=2000-06-07"], "no observation to score")):
        for ranks, mode in ((1, ["--validate"]), (2, [])):
            done = twin.run(ranks, "train", config, *SETTINGS, *settings, *mode)
            errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
            assert done.returncode == 1 and len(errors) == 1 and words in errors[0], (settings, mode, done.stderr)
        assert listing(os.path.dirname(run)) == before, f"{settings}: refused, but files were changed"
    done = twin.run(2, "train", config, *SETTINGS, "resume=" + run + "/")
    assert done.returncode == 0 and twin.run_folder_of(done.stdout) == run, done.stderr
    assert listing(run)[os.path.join(run, "training.csv")] == before[os.path.join(run, "training.csv")]


def main():
    rng = random.Random(SEED)
    print(f"seed {SEED} (DPL_TEST_SEED sets it)")
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        expected = twin.train(2, config, *SETTINGS)
        check_refusals(config, expected)
        check_kills(config, expected, rng)
        check_signals(config, expected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
