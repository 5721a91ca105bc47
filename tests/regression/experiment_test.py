"""An experiment: steps in order, kept when finished, the same bits on any ranks, mistakes told before anything runs."""

import glob
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import basin_run as basins  # noqa: E402
import twin_run as twin  # noqa: E402

STEPS = """
name: tiny
output: {out}
steps:
  - name: net
    verb: train
    config: small.yaml
    seeds: [5, 6]
    set: [&short [experiment.updates=6, checkpoint.every=2]]
  - name: both
    verb: evaluate
    config: small.yaml
    set: [*short, "params.ensemble=[{{step:net/5}}, {{step:net/6}}]", "test.baselines=[]"]
"""


def written(folder, text, name="list.yaml", **words):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text.format(**words))
    return path


def run(ranks, path, *settings):
    return twin.run(ranks, "experiment", path, *settings)


def records(out):
    found = {}
    for path in glob.glob(out + "/tiny/steps/*/step.json"):
        with open(path) as file:
            found[os.path.basename(os.path.dirname(path))] = json.load(file)
    return found


def check_steps(folder):
    """All steps on 1 and on 2 ranks: the same tables; a second start runs nothing."""
    tables = []
    for ranks in (1, 2):
        out = f"{folder}/out{ranks}"
        path = written(folder, STEPS, out=out)
        done = run(ranks, path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no complete checkpoint" not in done.stderr, done.stderr
        assert {name: r["state"] for name, r in records(out).items()} == dict.fromkeys(
            ("net_5", "net_6", "both"), "finished"
        )
        tables.append(
            [twin.text(f"{out}/tiny/steps/{name}", "metrics_by_basin.csv") for name in ("net_5", "net_6", "both")]
        )
        before = os.stat(f"{out}/tiny/steps/net_5/metrics.json").st_mtime_ns
        again = run(ranks, path)
        assert again.returncode == 0 and "3 of them finished" in again.stdout and "step 1 of 3" not in again.stdout, (
            again.stdout + again.stderr
        )
        assert os.stat(f"{out}/tiny/steps/net_5/metrics.json").st_mtime_ns == before
        assert len(twin.text(out + "/tiny", "steps.csv").splitlines()) == 4
    assert tables[0] == tables[1], "the steps depend on the number of ranks"
    assert tables[0][0] != tables[0][1], "seeds give the same network"
    return f"{folder}/out2", tables[0]


def check_stopped(folder, whole, tables):
    """Of a list with its second step cut off half-way only that one and the ones after it run, to the same bits."""
    out = f"{folder}/stopped"
    shutil.copytree(whole, out)
    second = out + "/tiny/steps/net_6"
    for update in ("update_000006",):
        shutil.rmtree(f"{second}/checkpoints/{update}")
    for name in ("metrics.json", "metrics_by_basin.csv", "runoff.nc"):
        os.remove(f"{second}/{name}")
    record = records(out)["net_6"]
    with open(second + "/step.json", "w") as file:
        json.dump({**record, "state": "begun"}, file)
    shutil.rmtree(out + "/tiny/steps/both")
    path = written(folder, STEPS, out=out)
    first = os.stat(out + "/tiny/steps/net_5/metrics.json").st_mtime_ns
    done = run(1, path)
    assert done.returncode == 0 and "1 of them finished" in done.stdout, done.stdout + done.stderr
    assert "resumed after update 4" in done.stdout and "step 1 of 3" not in done.stdout, done.stdout
    assert os.stat(out + "/tiny/steps/net_5/metrics.json").st_mtime_ns == first
    assert records(out)["net_6"]["seconds"] > record["seconds"], "the seconds of the first start are lost"
    for name, table in zip(("net_5", "net_6", "both"), tables):
        assert (
            twin.text(f"{out}/tiny/steps/{name}", "metrics_by_basin.csv") == table
        ), f"{name} is another one after a stop"


def refused(path, words, *settings, ranks=1):
    done = run(ranks, path, *settings)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode != 0 and len(lines) == 1, (words, done.stdout, done.stderr)
    for word in words:
        assert word in lines[0], (word, lines[0])


def check_refused(folder, whole):
    good = STEPS.format(out=whole)

    def changed(old, new):
        assert old in good
        path = os.path.join(folder, "bad.yaml")
        with open(path, "w") as file:
            file.write(good.replace(old, new))
        return path

    refused(changed("verb: train", "verb: trian"), ["bad.yaml:6", "trian", "did you mean train"], ranks=2)
    refused(changed("{step:net/6}", "{step:nett/6}"), ["nett", "no earlier step", "did you mean net"])
    refused(changed("{step:net/6}", "{step:net/7}"), ["net/7", "seeds 5, 6"])
    refused(changed("{step:net/6}", "{step:both}"), ["both", "no earlier step"])
    refused(changed("seeds:", "seed:"), ["key seed of a step", "did you mean seeds"])
    refused(changed("config: small.yaml", "config: none.yaml"), ["net_5", "none.yaml"])
    refused(changed("experiment.updates=6", "experiment.updats=6"), ["net_5", "updats", "updates"])
    refused(changed("checkpoint.every=2", "output=elsewhere"), ["cannot set output"])
    refused(
        changed("experiment.updates=6", "experiment.updates=7"),
        ["net_5", "experiment.updates was 6, now it is 7", "finished"],
        ranks=2,
    )
    refused(changed("verb: train", "verb: train"), ["no key resume", "same command again"], "resume=" + whole)
    assert {r["state"] for r in records(whole).values()} == {"finished"}, "a refused list has touched its steps"


def main():
    with tempfile.TemporaryDirectory() as folder:
        basins.make_domain(folder)
        whole, tables = check_steps(folder)
        check_stopped(folder, whole, tables)
        check_refused(folder, whole)
    print("steps run once, in order, to the same bits on 1 and 2 ranks and after a stop; mistakes in one line")
    return 0


if __name__ == "__main__":
    sys.exit(main())
