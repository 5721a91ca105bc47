# A training goes on with another number of ranks and of replicas and ends with the bits of a run that never stopped: from a
# finished epoch, from SIGTERM to a rank of the last group (all groups stop together), from a rank that was killed.
# timeout: 300
import csv
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin
from stopped_run import complete_checkpoints, end, kill, ranks_of, start

REACHES = 300  # 5 blocks of the parameter network
TRIES = 10     # a stop may come after the last update; it is tried again then


def updates_of(folder):
    with open(os.path.join(folder, "training.csv")) as file:
        return [int(row["update"]) for row in csv.DictReader(file)]


def layout(ranks_and_replicas):
    ranks, replicas = ranks_and_replicas
    return ranks, f"parallel.replicas={replicas}"


def check_finished_epochs(config, settings, changes):
    ranks, replicas = layout((1, 1))
    expected = twin.train(ranks, config, replicas, *settings)
    assert updates_of(expected) == list(range(1, 21))
    for before, after in changes:
        ranks, replicas = layout(before)
        folder = twin.train(ranks, config, replicas, "experiment.epochs=1", *settings)
        assert updates_of(folder) == list(range(1, 11))
        ranks, replicas = layout(after)
        twin.train(ranks, config, replicas, "resume=" + folder, *settings)
        assert twin.same_training(expected, folder), f"(ranks, replicas) {before}, resumed on {after}: other bits"
    done = twin.run(2, "train", config, "experiment.windows=5", "resume=" + folder)
    assert done.returncode == 1 and "windows: 5" in done.stderr, done.stderr


def stop_the_last_rank(config, before, settings, how):
    """A training stopped between its first checkpoint and its end."""
    ranks, replicas = layout(before)
    for _ in range(TRIES):
        process, folder = start(ranks, config, replicas, *settings)
        while process.poll() is None and not complete_checkpoints(folder):
            time.sleep(0.002)
        last = ranks_of(process)[-1:]
        stopped = bool(last) and kill(last[0], how)
        end(process)
        if stopped and process.returncode != 0:
            if how == signal.SIGTERM:
                assert process.returncode == 3, process.returncode
            return folder
    raise AssertionError(f"{TRIES} trainings ended before {how!r} reached them")


def check_stops(config, settings, changes):
    settings = [*settings, "experiment.updates=40", "checkpoint.every=7"]
    ranks, replicas = layout((2, 1))
    expected = twin.train(ranks, config, replicas, *settings)
    for before, after, how in changes:
        folder = stop_the_last_rank(config, before, settings, how)
        reached = int(os.path.basename(twin.newest_checkpoint(folder))[7:])
        assert 0 < reached < 80, f"{how!r}: stopped at update {reached}"
        ranks, replicas = layout(after)
        twin.train(ranks, config, replicas, "resume=" + folder, *settings)
        assert twin.same_training(expected, folder), f"(ranks, replicas) {before}, {how!r}, resumed on {after}: other bits"
        print(f"(ranks, replicas) {before}, {how.name} at update {reached}, resumed on {after}: the same bits")


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder, f"synth.reaches={REACHES}")
        settings = ["test.baselines=[]"]
        check_finished_epochs(config, [*settings, "experiment.windows=4"],
                              [((4, 2), (3, 1)), ((2, 2), (4, 4)), ((3, 1), (2, 2))])
        check_stops(config, settings, [((4, 1), (3, 1), signal.SIGKILL), ((4, 1), (3, 1), signal.SIGTERM)])
        check_stops(config, [*settings, "experiment.windows=2"],
                    [((4, 2), (3, 1), signal.SIGTERM), ((2, 2), (4, 2), signal.SIGKILL)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
