# The verb plan on a small continent: its partitions are those of a run, its parts add up, the same calibration gives the same
# plan on 1 and 2 ranks, its seconds are of the order of a training's; what it refuses. How exact it is tells tools/check_plan.
# timeout: 300
import csv
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

CONFIG = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "continental_twin.yaml")
PARTS = ("compute_s", "imbalance_s", "fill_s", "latency_s", "bytes_s", "reduce_s")
MEMORY = ("replicated_bytes", "routing_bytes", "tape_bytes", "inflow_bytes", "network_bytes", "program_bytes")


class Domain:
    def __init__(self, folder):
        self.settings = [f"data_sources.{name}={folder}/domain/{name}.nc"
                         for name in ("network", "attributes", "lateral_inflow", "observations")]
        self.settings += ["synth.reaches=4000", "synth.gauges=12", "synth.days=30", "experiment.end_time=2000-01-30",
                          "experiment.rho=20", "experiment.warmup=5", "experiment.updates=3", "test.baselines=[]",
                          "routing.pieces_per_rank=0", "plan.seconds=0.5", f"output={folder}/output"]
        done = self.run(1, "synth")
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, ranks, verb, *settings):
        return twin.run(ranks, verb, CONFIG, *self.settings, *settings)

    def plan(self, ranks, *settings):
        """The program's output, the path of plan.json, its rows by number of ranks."""
        done = self.run(ranks, "plan", *settings)
        assert done.returncode == 0, done.stdout + done.stderr
        folder = twin.run_folder_of(done.stdout)
        plan = json.loads(twin.text(folder, "plan.json"))
        rows = {row["ranks"]: row for row in plan["plan"]}
        with open(os.path.join(folder, "plan.csv"), newline="") as file:
            table = {float(row["ranks"]): row for row in csv.DictReader(file)}
        assert table.keys() == rows.keys()
        for ranks_of_row, row in rows.items():
            assert abs(float(table[ranks_of_row]["update_s"]) - row["update_s"]) <= 1e-5 * row["update_s"]
            assert table[ranks_of_row]["limit"] == row["limit"]
        return done.stdout, os.path.join(folder, "plan.json"), rows


def check_rows(rows):
    for row in rows.values():
        parts = sum(row[name] for name in PARTS)
        assert abs(max(parts, row["input_s"]) - row["update_s"]) <= 1e-12 + 1e-9 * row["update_s"], row
        assert all(row[name] >= 0 for name in (*PARTS, *MEMORY)), row
        assert abs(sum(row[name] for name in MEMORY) - row["memory_bytes"]) <= 1, row
        assert row["tape_bytes"] > 0 and row["program_bytes"] > 1e7
    assert rows[1]["reduce_s"] == 0 and rows[1]["latency_s"] == 0 and rows[1]["fill_s"] < 1e-9
    assert rows[64]["reduce_s"] > rows[2]["reduce_s"] > 0 and rows[64]["latency_s"] > 0
    assert rows[64]["tape_bytes"] < rows[1]["tape_bytes"] and rows[64]["inflow_bytes"] < rows[1]["inflow_bytes"] / 32


def check_partition(domain, rows):
    """What train says it would do on 2 ranks."""
    done = domain.run(2, "train", "--validate")
    assert done.returncode == 0, done.stdout + done.stderr
    pieces, cut, depth, imbalance = re.search(
        r"(\d+) pieces, (\d+) cut edges, pipeline depth (\d+), imbalance ([\d.]+) %", done.stdout).groups()
    row = rows[2]
    assert (row["pieces"], row["cut_edges"], row["depth"]) == (int(pieces), int(cut), int(depth)), (row, done.stdout)
    assert abs(100 * row["imbalance"] - float(imbalance)) <= 0.051


def check_training(domain, rows):
    """The order of magnitude only: other programs may share the cores."""
    done = domain.run(1, "train")
    assert done.returncode == 0, done.stdout + done.stderr
    with open(os.path.join(twin.run_folder_of(done.stdout), "timing.csv"), newline="") as file:
        least = min(float(row["seconds"]) for row in csv.DictReader(file))
    assert 0.02 < rows[1]["update_s"] / least < 5, (rows[1]["update_s"], least)


def check_calibration(domain, path, rows):
    """The same measurements give the same plan, whoever plans."""
    for ranks in (1, 2):
        _, again_path, again = domain.plan(ranks, f"plan.calibration={path}", "plan.ranks=[1, 2, 64]")
        for count, row in rows.items():
            for name in row:
                if name not in ("memory_bytes", "replicated_bytes", "routing_bytes"):  # the heap's, counted anew
                    assert row[name] == again[count][name], (ranks, count, name)
        assert json.load(open(again_path))["calibration"] == json.load(open(path))["calibration"]


def check_gpus(domain, cpu_rows):
    """No GPU is needed to plan for some; fewer fit in less memory, and twice the bandwidth halves the bound."""
    assert all(row["gpu_window_bytes"] == 0 for row in cpu_rows.values())
    output, _, rows = domain.plan(1, "device=cuda", "plan.ranks=[1, 2]", "plan.gpu_memory_gib=8", "plan.gpu_bandwidth_TBs=2")
    assert "windows fit" in output, output
    _, _, other = domain.plan(1, "device=cuda", "plan.ranks=[1, 2]", "plan.gpu_memory_gib=80", "plan.gpu_bandwidth_TBs=4")
    for ranks, row in rows.items():
        assert row["gpu_window_bytes"] > row["tape_bytes"] > 0, row
        assert 0 < row["gpu_windows"] < other[ranks]["gpu_windows"], (row, other[ranks])
        assert row["gpu_window_bytes"] == other[ranks]["gpu_window_bytes"]
        assert abs(row["gpu_window_s_at_least"] / other[ranks]["gpu_window_s_at_least"] - 2) < 1e-6
    assert rows[2]["gpu_window_bytes"] < 0.7 * rows[1]["gpu_window_bytes"], rows


def check_basins(folder):
    """Over basins it tells of a GPU's memory, and of nothing else."""
    config = basins.make_domain(folder)
    settings = ["network.kind=two_headed", "runoff.dynamic=[BETA, K0]", "plan.ranks=[1, 2]"]
    done = twin.run(2, "plan", config, *settings, "device=cuda")
    assert done.returncode == 0 and "windows fit" in done.stdout, done.stdout + done.stderr
    plan = json.loads(twin.text(twin.run_folder_of(done.stdout), "plan.json"))
    one, two = plan["plan"]
    assert one["windows"] == 11 and 5 <= two["windows"] <= 6 and two["places"] < one["places"] <= 40, plan
    assert all(value > 0 for value in plan["gpu_bytes_per_component_day"].values()), plan
    done = twin.run(2, "plan", config, *settings)
    assert done.returncode == 1 and done.stderr.count("set device: cuda") == 1, done.stderr


def check_refusals(domain, folder):
    broken = os.path.join(folder, "broken.json")
    with open(broken, "w") as file:
        file.write("{}")
    for settings, words in ((["routing.solver=krylov", "precision=double"], "set routing.solver: pipeline"),
                            (["routing.scheme=muskingum"], "plan predicts trainings"),
                            (["plan.ranks=[2, 1]"], "config: plan.ranks holds '1'"),
                            ([f"plan.calibration={folder}/none.json"], "which cannot be read"),
                            ([f"plan.calibration={broken}"], "is no plan.json"),
                            (["experiment.rho=31"], "longer than the training period")):
        for ranks in (1, 2):
            done = domain.run(ranks, "plan", *settings)
            lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
            assert done.returncode == 1 and len(lines) == 1 and words in lines[0], (settings, done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        domain = Domain(folder)
        output, path, rows = domain.plan(2, "plan.ranks=[1, 2, 64]")
        assert "limited by" in output and list(rows) == [1, 2, 64], output
        assert "message" in output and "not measured" not in output, output
        check_rows(rows)
        check_partition(domain, rows)
        check_training(domain, rows)
        check_calibration(domain, path, rows)
        check_refusals(domain, folder)
        check_gpus(domain, rows)
        os.mkdir(os.path.join(folder, "basins"))
        check_basins(os.path.join(folder, "basins"))
        output, _, _ = domain.plan(1, "plan.largest=4")
        assert "(usual values, not measured)" in output, output
    print("plans fit the runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
