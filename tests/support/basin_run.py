"""A small twin of places and runs of the program on it, for the regression tests."""
import os
import subprocess

import netCDF4
import numpy as np

import twin_run as twin

CONFIG = """
name: small_basins
seed: 5
data_sources:
  forcing: {domain}/forcing.nc
  attributes: {domain}/attributes.nc
  observations: {domain}/observations.nc
basins: {{train: {domain}/train.txt, holdout: {domain}/holdout.txt}}
synth: {{network: places, places: 40, start: 2000-01-01, days: 900, noise: 0.05, attributes: 4}}
runoff: {{variant: 1.1p, nmul: 3, pet: given, warmup: {{days: 100}}}}
experiment: {{start_time: 2000-02-01, end_time: 2001-06-30, rho: 150, warmup: 60, batch_size: 11, updates: 10,
  learning_rate: 1.0e-2, clip: 1, loss: nse_batch}}
network: {{kind: mlp, hidden_size: 16, num_hidden_layers: 1, output_gain: 0.3, lstm_size: 8,
  input_var_names: [a01, a02, a03, a04]}}
test: {{start_time: 2001-07-01, end_time: 2002-05-31, baselines: [untrained]}}
checkpoint: {{every: 4}}
output: {{folder: {folder}/output, runoff: [evapotranspiration]}}
"""


def make_domain(folder, *settings):
    """Writes the configuration and lets the program make the domain; gives the configuration's path."""
    path = os.path.join(folder, "small.yaml")
    with open(path, "w") as file:
        file.write(CONFIG.format(domain=os.path.join(folder, "domain"), folder=folder))
    done = subprocess.run([twin.HPC, "synth", path, *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def series(path, name):
    """[place][time] of a netCDF file with NaN where missing."""
    with netCDF4.Dataset(path) as file:
        return np.ma.filled(file[name][:].astype("f8"), np.nan)


def ids(path):
    with netCDF4.Dataset(path) as file:
        return ["".join(c.decode() for c in row if c).strip("\0 ") for row in np.ma.getdata(file["place_id"][:])]
