# The Juniata at Newport: after 300 updates from the middle of the ranges the test period reaches its expected scores with
# both main schemes, the training loss is below that of the best uniform n, p, q, and the summed lateral inflow scores what its
# publication says.
# timeout: 300
import json
import os
import subprocess
import sys
import tempfile

# scheme, smallest NSE, smallest KGE, training loss of the best uniform set (m3/s, docs/results.md)
CASES = (("conservative", 0.872, 0.915, 22.836), ("corrected", 0.878, 0.925, 22.624))


def train(scheme, folder):
    config = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "juniata.yaml")
    done = subprocess.run([os.environ["DPL_MPIEXEC"], "-n", "2", os.environ["DPL_HPC"], "train", config, "output=" + folder,
                           "routing.scheme=" + scheme, "test.baselines=[summed_lateral_inflow]"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1]
    with open(os.path.join(run, "metrics.json")) as file:
        return json.load(file)


def main():
    if not os.path.isdir(os.path.join(os.environ["DPL_DATA"], "juniata")):
        print("skipped: needs real data: juniata")
        return 77
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for scheme, least_nse, least_kge, uniform_loss in CASES:
            metrics = train(scheme, folder)
            nse, kge = (metrics["learned"][name]["median"] for name in ("nse", "kge"))
            print(f"{scheme}: NSE {nse:.4f} (at least {least_nse}), KGE {kge:.4f} (at least {least_kge})")
            loss = metrics["learned"]["training_loss"]
            print(f"{scheme}: training loss {loss:.3f} m3/s (at most {uniform_loss}, the best uniform set's)")
            failed = failed or nse < least_nse or kge < least_kge or loss > uniform_loss
            summed = [metrics["summed_lateral_inflow"][name]["median"] for name in ("nse", "kge")]
            failed = failed or abs(summed[0] - 0.695) > 0.001 or abs(summed[1] - 0.819) > 0.001
            failed = failed or metrics["set"]["scored_values"] != 5472
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
