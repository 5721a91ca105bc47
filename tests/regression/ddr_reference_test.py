# A real river over 15 years against an independent program: discharge of the Juniata at Newport for fixed parameters as
# computed by DeepGroundwater/ddr (single precision; data: juniata/reference_ddr_fixed_parameters.nc).
# timeout: 300
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

JUNIATA = os.path.join(os.environ["DPL_DATA"], "juniata")
TOLERANCE = 1e-6  # relative, largest over all days; the reference itself is single precision


def scaled_inflow(folder, factor):
    """lateral_inflow.nc with the factor of the reference run on every reach."""
    path = os.path.join(folder, "lateral_inflow.nc")
    with netCDF4.Dataset(os.path.join(JUNIATA, "lateral_inflow.nc")) as source, netCDF4.Dataset(path, "w") as target:
        for name in ("time", "reach"):
            target.createDimension(name, len(source.dimensions[name]))
        for name in ("time", "reach_id", "q_lateral"):
            variable = source[name]
            kind = "f8" if name == "q_lateral" else variable.dtype
            copy = target.createVariable(name, kind, variable.dimensions)
            copy.setncatts({k: variable.getncattr(k) for k in variable.ncattrs() if k != "_FillValue"})
            copy[:] = variable[:].astype(kind) * factor if name == "q_lateral" else variable[:]
    return path


def route(folder, inflow):
    config = f"""
name: ddr_reference
precision: double
data_sources:
  network: {JUNIATA}/network.nc
  lateral_inflow: {inflow}
  observations: {JUNIATA}/observations.nc
routing: {{scheme: published, dt_s: 3600, slope_min: 1.0e-3, readout: inflow, floor_hot_start: false}}
params: {{defaults: {{n: 0.05, p: 21, q: 0.5}}, tau: -8}}
test: {{start_time: 1995-10-01, end_time: 2010-09-30}}
output: {folder}/output
"""
    path = os.path.join(folder, "config.yaml")
    with open(path, "w") as file:
        file.write(config)
    done = subprocess.run([os.environ["DPL_MPIEXEC"], "-n", "2", os.environ["DPL_HPC"], "route", path], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1]
    with netCDF4.Dataset(os.path.join(run, "discharge.nc")) as result:
        return result["discharge_simulated"][0].filled(np.nan)


def main():
    if not os.path.exists(os.path.join(JUNIATA, "reference_ddr_fixed_parameters.nc")):
        print("skipped: needs real data: juniata")
        return 77
    with netCDF4.Dataset(os.path.join(JUNIATA, "reference_ddr_fixed_parameters.nc")) as reference:
        expected = reference["discharge_ddr"][0].filled(np.nan)
        factor = reference["q_lateral_factor"][:].filled(np.nan)
    with tempfile.TemporaryDirectory() as folder:
        simulated = route(folder, scaled_inflow(folder, factor))
    compared = simulated[1:1 + len(expected)]  # the reference begins on the second day
    deviation = np.abs(compared / expected - 1)
    print(f"{len(expected)} days, largest relative deviation {deviation.max():.2e} (allowed {TOLERANCE:g})")
    return 0 if deviation.max() <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
