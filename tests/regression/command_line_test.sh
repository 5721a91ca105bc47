#!/bin/bash
# Wrong command lines and configurations: one line `error: ...` on standard error and the right exit status, on 1 and 2
# ranks.
# DPL_HPC names the program, DPL_MPIEXEC the starter of MPI (default mpirun).
set -u
program=${DPL_HPC:?set it to the path of dpl_hpc}
mpiexec=${DPL_MPIEXEC:-mpirun}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS MESSAGE ARGUMENT...: on 1 and 2 ranks. mpirun adds lines of its own; only ours begin with `error:`.
expect() {
  local status=$1 message=$2 ranks launcher out found
  shift 2
  for ranks in 1 2; do
    launcher="$mpiexec -n $ranks"
    [ "$ranks" -eq 1 ] && launcher=  # a program started alone is one rank
    out=$($launcher "$program" "$@" 2>&1 >"$folder/output")
    found=$?
    if [ "$found" -ne "$status" ] || [ "$(grep '^error:' <<<"$out")" != "error: $message" ]; then
      echo "FAILED on $ranks rank(s): dpl_hpc $*"
      echo "  expected status $status, error: $message"
      echo "  found    status $found, $(grep '^error:' <<<"$out")"
      failures=$((failures + 1))
    fi
  done
}

config=$folder/run.yaml
printf 'name: test\nexperiment:\n  lerning_rate: 1\n' >"$config"
all_verbs="train, scaling, evaluate, route, plan, calibrate, regionalize, surrogate, simulate, synth, verify, experiment, config-reference"
expect 2 "no verb is given; try dpl_hpc --help"
expect 2 "tarin is not a verb of dpl_hpc; did you mean train? allowed: $all_verbs" tarin "$config"
expect 2 "CONFIG.yaml is required; try dpl_hpc train --help" train
expect 2 "FILES is required; try dpl_hpc verify --help" verify
expect 2 "'rho' was not expected; settings have the form key.sub=value" train "$config" rho
expect 2 "'=3' was not expected; settings have the form key.sub=value" train "$config" =3
expect 2 "'experiment..rho=3' was not expected; settings have the form key.sub=value" train "$config" experiment..rho=3
expect 2 "The following argument was not expected: --valdate; try dpl_hpc train --help" train "$config" --valdate
expect 1 "cannot read the configuration $folder/none.yaml: No such file or directory" train "$folder/none.yaml"
expect 1 "$folder is a folder; give the path of a configuration file" train "$folder"
expect 1 "$config:3: key experiment.lerning_rate is not known; did you mean experiment.learning_rate? allowed below \
experiment: start_time, end_time, rho, warmup, batch_size, windows, gauges, epochs, updates, epoch_coverage, learning_rate, clip, \
optimizer, weight_decay, channel_rate, routing_warmup, dynamic_rate, loss, huber_threshold, schedule, targets" train "$config"
printf 'name: test\n' >"$config"
expect 1 "command line: key experiment.rho is '0'; allowed: a whole number from 1 to 1000000 (d)" \
  train "$config" experiment.rho=0
expect 1 "$config: key data_sources.network is not given, and train needs it; Reaches: ids, downstream ids, lengths, \
slopes. Allowed: a path" train "$config"

for arguments in --help "train --help" "verify --help" --version config-reference --help-config; do
  # shellcheck disable=SC2086  # two words on purpose
  if ! "$mpiexec" -n 2 "$program" $arguments >"$folder/output" 2>&1 || [ ! -s "$folder/output" ]; then
    echo "FAILED: dpl_hpc $arguments"
    failures=$((failures + 1))
  fi
done
for library in MPI PETSc HDF5 netCDF LibTorch CUDA; do
  if ! "$program" --version | grep -q "^$library "; then
    echo "FAILED: dpl_hpc --version does not name $library"
    failures=$((failures + 1))
  fi
done
exit $((failures > 0))
