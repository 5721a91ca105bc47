"""The plotting tool draws invented runs, says in one line what is missing, and the tools read what the program writes."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import netCDF4
import numpy as np

TOOLS = Path(os.environ.get("DPL_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "tools"
sys.path.insert(0, str(TOOLS))
import plot_run  # noqa: E402
import show_scores  # noqa: E402


def write_training(run, updates=60):
    with open(run / "training.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["update", "loss", "gradient_norm", "learning_rate", "reach_hours"])
        for u in range(1, updates + 1):
            rows.writerow([u, 0.2 + 1 / u, 0.5, 0.01 if u < 40 else 0.003, 1000 * u])


def write_discharge(run, gauges=("01567000", "01570000"), days=800, simulated=True):
    with netCDF4.Dataset(run / "discharge.nc", "w") as file:
        file.createDimension("gauge", len(gauges))
        file.createDimension("strlen_gauge_id", 8)
        file.createDimension("time", days)
        time = file.createVariable("time", "i8", ("time",))
        time[:] = np.datetime64("2000-01-01").astype("datetime64[s]").astype("int64") + 86400 * np.arange(days)
        ids = file.createVariable("gauge_id", "S1", ("gauge", "strlen_gauge_id"))
        ids[:] = np.array([list(g) for g in gauges], dtype="S1")
        flow = 30 + 20 * np.sin(np.arange(days) / 20) + np.where(np.arange(days) == 500, 300, 0)
        names = ("discharge_observed", "discharge_untrained") + (("discharge_simulated",) if simulated else ())
        for name in names:
            values = np.tile(flow, (len(gauges), 1))
            if name == "discharge_observed":
                values[:, 100:150] = np.nan
            file.createVariable(name, "f8", ("gauge", "time"))[:] = values


def write_parameters(run, names=("n", "p", "q")):
    with netCDF4.Dataset(run / "parameters.nc", "w") as file:
        file.createDimension("reach", 5)
        for name, values in (("reach_id", [11, 12, 13, 14, 15]), ("downstream_id", [13, 13, 15, 15, 0])):
            file.createVariable(name, "i8", ("reach",))[:] = values
        for name, values in (("distance_to_outlet", [9e3, 8e3, 5e3, 6e3, 2e3]), ("upstream_area", [1, 2, 4, 1, 6])):
            file.createVariable(name, "f8", ("reach",))[:] = values
        for k, name in enumerate(names):
            file.createVariable(name, "f8", ("reach",))[:] = (k + 1) * np.array([0.09, 0.08, 0.05, 0.08, 0.03])


def write_metrics(run):
    scores = {m: {"median": 0.5, "q25": 0.5, "q75": 0.5} for m in ("nse", "kge", "bias")}
    metrics = {"set": {"gauges": 1, "start": "2000-01-01", "end": "2002-03-10"}, "learned": scores, "untrained": scores,
               "uniform": None, "summed_lateral_inflow": scores, "delayed_lateral_inflow": scores,
               "absent": {"uniform": "not in baselines"}, "scheme": "conservative"}
    (run / "metrics.json").write_text(json.dumps(metrics))
    (run / "metrics_by_gauge.csv").write_text("contender,gauge_id,reach_id,count,nse,kge\n"
                                              "learned,01567000,15,700,0.871,0.912\nuntrained,01567000,15,700,,\n")


class PlotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dpl_plot_")
        self.addCleanup(folder.cleanup)
        self.run_folder = Path(folder.name)

    def plot(self, *arguments):
        return subprocess.run([str(TOOLS / "plot"), str(self.run_folder), *arguments], capture_output=True, text=True)

    def drawn(self):
        return sorted(p.name for p in (self.run_folder / "figures").glob("*.png"))

    def test_draws_every_figure_of_a_training_run_and_prints_its_path(self):
        for write in (write_training, write_discharge, write_parameters, write_metrics):
            write(self.run_folder)
        done = self.plot()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.drawn(), ["hydrograph_01567000.png", "loss.png", "parameters.png"])
        for line in done.stdout.splitlines():
            self.assertGreater(Path(line).stat().st_size, 10000)
        self.assertEqual(len(done.stdout.splitlines()), 3)

    def test_draws_the_gauge_it_is_asked_for_and_names_the_gauges_otherwise(self):
        write_discharge(self.run_folder)
        self.assertEqual(self.plot("--gauge", "01570000").returncode, 0)
        self.assertEqual(self.drawn(), ["hydrograph_01570000.png"])
        wrong = self.plot("--gauge", "1567000")
        self.assertIn("01567000, 01570000", wrong.stderr)

    def test_says_in_one_line_each_what_an_evaluation_lacks(self):
        write_discharge(self.run_folder)
        write_parameters(self.run_folder)
        done = self.plot()
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("training.csv does not exist", done.stderr)
        self.assertEqual(self.drawn(), ["hydrograph_01567000.png", "parameters.png"])

    def test_fails_where_nothing_can_be_drawn(self):
        (self.run_folder / "parameters.nc").write_text("no netCDF")
        write_discharge(self.run_folder, simulated=False)
        done = self.plot()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 4, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("discharge_simulated", done.stderr)

    def test_draws_muskingum_parameters(self):
        write_parameters(self.run_folder, ("muskingum_k", "muskingum_x"))
        self.assertEqual(self.plot().returncode, 0)
        self.assertEqual(self.drawn(), ["parameters.png"])


class FormulaTest(unittest.TestCase):
    def test_running_median_ignores_one_outlier(self):
        values = np.ones(21)
        values[10] = 100
        self.assertTrue(np.all(plot_run.running_median(values, 2) == 1))

    def test_the_year_shown_holds_the_largest_observed_flow_and_begins_in_october(self):
        time = np.datetime64("2000-01-01") + np.arange(1500)
        observed = np.ones(1500)
        observed[700] = 5  # 2001-12-01
        simulated = np.ones(1500)
        simulated[100] = 9
        inside = plot_run.largest_year(time.astype("datetime64[s]"), observed, simulated)
        self.assertEqual(time[inside][0], np.datetime64("2001-10-01"))
        self.assertEqual(time[inside][-1], np.datetime64("2002-09-30"))

    def test_score_table_has_a_row_for_each_contender_and_reasons_for_absent_ones(self):
        with tempfile.TemporaryDirectory(prefix="dpl_plot_") as folder:
            write_metrics(Path(folder))
            lines = show_scores.table(json.loads((Path(folder) / "metrics.json").read_text()))
        self.assertEqual(len(lines), 2 + 5)
        self.assertIn("0.5000", lines[2])
        self.assertIn("not in baselines", lines[4])


if __name__ == "__main__":
    unittest.main()
