"""A small twin of places that drain into a river, for the regression tests."""
import os
import subprocess

import twin_run as twin

CONFIG = """
name: small_joint
seed: 5
data_sources:
  forcing: {domain}/forcing.nc
  attributes: {domain}/place_attributes.nc
  network: {domain}/network.nc
  reach_attributes: {domain}/attributes.nc
  observations: {domain}/observations.nc
basins: {{holdout: {domain}/holdout.txt}}
synth: {{network: joint, places: 90, reaches: 70, gauges: 6, start: 2000-01-01, days: 300, noise: 0.05, attributes: 4,
  truth: attributes}}
runoff: {{variant: 1.1p, nmul: 2, pet: given, hydrograph_b: 1, warmup: {{days: 60}}}}
routing: {{scheme: conservative, dt_s: 3600, chunk_steps: 24, pieces_per_rank: 3}}
params: {{defaults: {{n: 0.06, p: 21, q: 0.5}}, tau: 3}}
experiment: {{start_time: 2000-02-01, end_time: 2000-08-31, rho: 60, warmup: 30, routing_warmup: 8, batch_size: 3,
  updates: 5, learning_rate: 1.0e-2, clip: 1, loss: nse_batch}}
network: {{kind: mlp, hidden_size: 16, num_hidden_layers: 1, output_gain: 0.3, lstm_size: 6,
  input_var_names: [a01, a02, a03, a04]}}
channel_network: {{kind: mlp, hidden_size: 8, num_hidden_layers: 1, input_var_names: [log10_uparea, a01, a02, a03]}}
test: {{start_time: 2000-09-01, end_time: 2000-10-20}}
checkpoint: {{every: 2}}
output: {{folder: {folder}/output}}
"""


def make_domain(folder, *settings):
    """Writes the configuration and lets the program make the domain; gives the configuration's path."""
    path = os.path.join(folder, "small.yaml")
    domain = os.path.join(folder, "domain")
    os.makedirs(domain)
    with open(path, "w") as file:
        file.write(CONFIG.format(domain=domain, folder=folder))
    with open(os.path.join(domain, "holdout.txt"), "w") as file:
        file.write("00000003\n00000005\n")
    done = subprocess.run([twin.HPC, "synth", path, *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return path
