# Training of runoff and routing together gives the same bits on 1, 2, 3 and 4 ranks (weights, optimizer, training.csv,
# scores, discharge, parameters), with static and with dynamic parameters, and a training that is taken up again from a
# checkpoint ends like one that never stopped. The stored networks score the same by `evaluate`.
# timeout: 200
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import joint_run as joint
import twin_run as twin

DYNAMIC = ["network.kind=two_headed", "runoff.dynamic=[BETA, K0, BETAET]", "network.dropout=0.2",
           "runoff.gradient_through_warmup=false", "routing.scheme=exact_celerity", "experiment.loss=kge"]


def same_outputs(a, b):
    for name in ("metrics.json", "metrics_by_gauge.csv"):
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"
    for name in ("discharge.nc", "parameters.nc", "reach_parameters.nc"):
        first, second = (twin.arrays(os.path.join(run, name)) for run in (a, b))
        assert first.keys() == second.keys() and len(first) > 3, (name, first.keys())
        for key in first:
            assert first[key].tobytes() == second[key].tobytes(), f"{name} {key} differs: {a} {b}"


def check_ranks(config, others, *settings):
    runs = {n: twin.train(n, config, *settings) for n in (1, *others)}
    losses = [line.split(",")[1] for line in twin.text(runs[1], "training.csv").splitlines()[1:]]
    assert len(set(losses)) == 5, losses
    for n in others:
        assert twin.same_training(runs[1], runs[n]), f"{settings}: training differs between 1 and {n} ranks"
        same_outputs(runs[1], runs[n])
    return runs[1]


def check_restart(config, whole, ranks):
    """The newest checkpoints are taken away, as if the run had been killed."""
    folder = whole + "_killed"
    shutil.copytree(whole, folder)
    for update in ("update_000004", "update_000005"):
        shutil.rmtree(os.path.join(folder, "checkpoints", update))
    done = twin.run(ranks, "train", config, "resume=" + folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resumed after update 2" in done.stdout, done.stdout
    assert twin.same_training(whole, folder), "a resumed training differs from one that never stopped"
    same_outputs(whole, folder)


def check_evaluate(config, whole):
    done = twin.run(2, "evaluate", config, "params.source=" + whole, "test.baselines=[]")
    assert done.returncode == 0, done.stdout + done.stderr
    scored = json.loads(twin.text(twin.run_folder_of(done.stdout), "metrics.json"))
    trained = json.loads(twin.text(whole, "metrics.json"))
    assert scored["learned"] == trained["learned"] and scored["by_list"]["holdout"]["learned"]
    assert trained["set"]["lists"]["holdout"] == ["00000003", "00000005"], trained["set"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = joint.make_domain(folder)
        static = check_ranks(config, (2, 3, 4))
        check_ranks(config, (2,), *DYNAMIC)
        check_ranks(config, (3,), "routing.scheme=summed")
        check_restart(config, static, 2)
        check_evaluate(config, static)
    print("1 = 2 = 3 = 4 ranks, resumed = never stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
