"""The figure of a scaling run over places: medians over seeds, another model on the same basins, one line where it cannot."""
# one process
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("DPL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "tools"))
import plot_places  # noqa: E402

CURVE = """subset,seed,places,updates,forward_runs_per_place,seconds_per_place,nse_in,kge_in,nse_out,kge_out
0.125,1,2,20,10,0.5,0.7,0.6,0.5,0.4
0.125,2,2,20,10,0.7,0.6,0.6,0.4,0.4
1,1,4,20,5,0.2,0.8,0.6,0.6,0.4
1,2,4,20,5,0.1,0.9,0.6,0.7,0.4
"""
# Seed 1 saw 01 and 02 first, seed 2 saw 03 and 04; 05 is out of the sample.
SEEN = {("0.125", "1"): "12", ("0.125", "2"): "34", ("1", "1"): "1234", ("1", "2"): "1234"}
OTHER = "gauge_id,nse,bias\n" + "".join(f"0000000{k},{k / 10},0\n" for k in range(1, 6))


class PlotPlacesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dpl_plot_")
        self.addCleanup(folder.cleanup)
        self.run_folder = Path(folder.name)
        (self.run_folder / "scaling.csv").write_text(CURVE)
        lines = ["subset,seed,place_id,list,core,count,nse"]
        for (subset, seed), ids in SEEN.items():
            lines += [f"{subset},{seed},0000000{k},train,0,9,0.5" for k in ids]
            lines.append(f"{subset},{seed},00000005,holdout,0,9,0.5")
        (self.run_folder / "scaling_by_basin.csv").write_text("\n".join(lines) + "\n")
        (self.run_folder / "other.csv").write_text(OTHER)

    def test_median_over_the_seeds_of_each_subset(self):
        rows = plot_places.read_points(self.run_folder / "scaling.csv")
        places, low, middle, high = plot_places.over_seeds(rows, "nse_in")
        for found, expected in ((places, (2, 4)), (low, (0.625, 0.825)), (middle, (0.65, 0.85)), (high, (0.675, 0.875))):
            for a, b in zip(found, expected):
                self.assertAlmostEqual(a, b)

    def test_another_model_is_taken_at_the_basins_of_each_training(self):
        rows = plot_places.read_points(self.run_folder / "scaling.csv")
        basins = plot_places.read_basins(self.run_folder / "scaling_by_basin.csv")
        scores = plot_places.read_scores(self.run_folder / "other.csv")
        inside, lacking = plot_places.beside(rows, basins, scores, "train")
        for row, expected in zip(inside, (0.15, 0.35, 0.25, 0.25)):
            self.assertAlmostEqual(row["published"], expected)
        self.assertEqual(lacking, 0)
        outside, _ = plot_places.beside(rows, basins, scores, "holdout")
        self.assertEqual({row["published"] for row in outside}, {0.5})
        del scores["00000001"]
        self.assertEqual(plot_places.beside(rows, basins, scores, "train")[1], 1)

    def test_draws_the_figure_or_says_what_is_wrong(self):
        def plot(*arguments):
            return subprocess.run([str(ROOT / "tools" / "plot"), str(self.run_folder), *arguments], capture_output=True,
                                  text=True)

        done = plot("--beside", f"other={self.run_folder}/other.csv")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertGreater((self.run_folder / "figures" / "scaling_places.png").stat().st_size, 20000)
        done = plot("--beside", f"other={self.run_folder}/scaling.csv")
        self.assertEqual(done.returncode, 1)
        self.assertIn("scaling.csv: columns gauge_id and nse", done.stderr)
        self.assertEqual(plot("--beside", "other").returncode, 2)


if __name__ == "__main__":
    unittest.main()
