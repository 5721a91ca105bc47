"""A small synthetic domain and runs of the program on it, for the regression tests."""
import glob
import json
import os
import re
import subprocess

import netCDF4
import numpy as np

HPC = os.environ["DPL_HPC"]
MPIEXEC = os.environ["DPL_MPIEXEC"]

CONFIG = """
name: small
seed: 5
data_sources:
  network: {domain}/network.nc
  attributes: {domain}/attributes.nc
  lateral_inflow: {domain}/lateral_inflow.nc
  observations: {domain}/observations.nc
synth: {{reaches: 60, gauges: 4, start: 2000-01-01, days: 160, noise: 0.05, truth: attributes, attributes: 4}}
routing: {{scheme: conservative, dt_s: 3600, chunk_steps: 24, pieces_per_rank: 3}}
params: {{defaults: {{n: 0.1, p: 21, q: 0.5}}, tau: 3}}
experiment: {{start_time: 2000-01-01, end_time: 2000-04-29, rho: 20, warmup: 2, epochs: 2, updates: 10,
  learning_rate: {{1: 1.0e-2, 2: 3.0e-3}}, clip: 1, loss: l1, batch_size: 3}}
network: {{kind: mlp, hidden_size: 16, num_hidden_layers: 1, input_var_names: [log10_uparea, a01, a02, a03]}}
test: {{start_time: 2000-04-30, end_time: 2000-06-08, baselines: [summed_lateral_inflow]}}
checkpoint: {{every: 4}}
output: {folder}/output
"""


def make_domain(folder, *settings):
    """Writes the configuration and lets the program make the domain; gives the configuration's path."""
    path = os.path.join(folder, "small.yaml")
    with open(path, "w") as file:
        file.write(CONFIG.format(domain=os.path.join(folder, "domain"), folder=folder))
    done = subprocess.run([HPC, "synth", path, *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def run(ranks, *arguments, timeout=120):
    return subprocess.run([MPIEXEC, "-n", str(ranks), HPC, *arguments], capture_output=True, text=True, timeout=timeout)


def run_folder_of(output):
    """From the program's line `run folder: PATH`."""
    return re.findall(r"^run folder: (.*)$", output, re.M)[-1]


def train(ranks, config, *settings):
    done = run(ranks, "train", config, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return run_folder_of(done.stdout)


def newest_checkpoint(folder):
    return sorted(glob.glob(os.path.join(folder, "checkpoints", "update_??????")))[-1]


def tensors(checkpoint):
    """Bytes of every stored tensor by file and name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(checkpoint, "*.nc"))):
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            for name, variable in file.variables.items():
                found[os.path.basename(path) + ":" + name] = np.asarray(variable[...]).tobytes()
    assert found, checkpoint
    return found


def fingerprint(checkpoint):
    with open(os.path.join(checkpoint, "manifest.json")) as file:
        return json.load(file)["more"]["weights_fingerprint"]


def text(folder, name):
    with open(os.path.join(folder, name)) as file:
        return file.read()


def arrays(path):
    """Values of every numeric variable of a netCDF file."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {name: np.asarray(v[...]) for name, v in file.variables.items() if v.dtype.kind in "fiu"}


def same_training(a, b):
    """Two run folders hold the same bits: table of updates, weights, optimizer state."""
    return (text(a, "training.csv") == text(b, "training.csv")
            and tensors(newest_checkpoint(a)) == tensors(newest_checkpoint(b)))
