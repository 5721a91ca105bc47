# Training over basins, and of runoff and routing together, by a GPU's loops, run by the host, gives the bits of the CPU: weights,
# optimizer, scores, series, with static and with dynamic parameters, a limited tape, and 2 ranks whose messages go through the
# host's memory or out of the device's. Without them a GPU that is not there is refused.
# timeout: 300
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import joint_run as joint
import twin_run as twin

SHORT = ["experiment.updates=4", "checkpoint.every=4"]
RUNS = [["runoff.variant=2.0", "precision=double", "memory.tape_gib=1.0e-5"],
        ["network.kind=two_headed", "runoff.dynamic=[BETA, K0, BETAET]", "runoff.gradient_through_warmup=false",
         "experiment.targets.soil_moisture=0.5", "runoff.precipitation_factor=[0.8, 1.2]"]]


def same_series(a, b, names):
    for name in names:
        first, second = (twin.arrays(os.path.join(run, name)) for run in (a, b))
        assert first.keys() == second.keys() and len(first) > 3, (name, first.keys())
        for key in first:
            assert first[key].tobytes() == second[key].tobytes(), f"{name} {key} differs: {a} {b}"


def main():
    os.environ["DPL_EMULATE_DEVICE"] = "2"
    with tempfile.TemporaryDirectory() as folder:
        config = joint.make_domain(folder)
        runs = [twin.train(2, config, *SHORT, "device=" + device) for device in ("cpu", "cuda")]
        os.environ["DPL_DEVICE_MESSAGES"] = "direct"
        runs.append(twin.train(2, config, *SHORT, "device=cuda"))
        for run, way in zip(runs[1:], ("go through the host's memory", "go out of the emulated device's memory")):
            assert "messages over cut edges " + way in twin.text(run, "log.txt"), twin.text(run, "log.txt")
            assert runs[0] != run and twin.same_training(runs[0], run), f"joint: the device trains other weights: {way}"
            same_series(runs[0], run, ("discharge.nc", "parameters.nc", "reach_parameters.nc"))
        os.environ["DPL_DEVICE_MESSAGES"] = "fast"
        done = twin.run(2, "train", config, *SHORT, "device=cuda")
        said = done.stdout + done.stderr
        assert done.returncode == 1 and said.count("DPL_DEVICE_MESSAGES is fast") == 1, said
        del os.environ["DPL_DEVICE_MESSAGES"]
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        for number, settings in enumerate(RUNS):
            runs = []
            for device in ("cpu", "cuda"):
                runs.append(twin.train(1 + number, config, *SHORT, *settings, "device=" + device))
            assert runs[0] != runs[1] and twin.same_training(*runs), f"{settings}: the device trains other weights"
            assert twin.text(runs[0], "metrics_by_basin.csv") == twin.text(runs[1], "metrics_by_basin.csv"), settings
            same_series(*runs, ("runoff.nc", "parameters.nc"))
        del os.environ["DPL_EMULATE_DEVICE"]
        done = twin.run(2, "train", config, *SHORT, "device=cuda")
        if done.returncode != 0:  # no GPU here
            assert (done.stdout + done.stderr).count("device: cuda was asked for") == 1, done.stdout + done.stderr
    print("training over basins and rivers: a device's loops give the bits of the CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
