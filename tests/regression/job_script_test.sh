#!/usr/bin/env bash
# The SLURM job requeues itself after a stop by signal, then resumes its own run folder; other endings are left alone.
set -euo pipefail
root="${DPL_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}"
work="$(mktemp -d "${TMPDIR:-/tmp}/dpl_job_XXXXXX")"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir bin
# Stand-ins: srun runs no program but writes what it was asked and ends as STATUS says.
cat >bin/srun <<'END'
#!/bin/sh
echo "$@" >>asked
echo "run folder: output/x/1"
exit "$STATUS"
END
cat >bin/scontrol <<'END'
#!/bin/sh
echo "$@" >>requeued
END
chmod +x bin/srun bin/scontrol
export PATH="$work/bin:$PATH" SLURM_JOB_ID=77

expect() {
  if [[ "$2" != "$3" ]]; then
    echo "$1: expected \"$2\", found \"$3\""
    exit 1
  fi
}
run() { bash "$root/jobs/train.slurm" "$@" >out 2>&1 && echo 0 || echo $?; }

expect "no configuration" 2 "$(run)"
expect "a stopped run's status" 3 "$(STATUS=3 run c.yaml seed=2)"
expect "requeued" "requeue 77" "$(cat requeued)"
expect "the end's status" 0 "$(STATUS=0 run c.yaml seed=2)"
expect "requeued once" 1 "$(wc -l <requeued)"
expect "first start" 0 "$(head -n 1 asked | grep -c resume= || true)"
expect "second start" 1 "$(tail -n 1 asked | grep -c 'train c.yaml seed=2 resume=output/x/1$')"
expect "a failure's status" 1 "$(STATUS=1 run c.yaml)"
expect "a failure is not requeued" 1 "$(wc -l <requeued)"

# Many nodes: the same script, found in the folder of submission.
SLURM_SUBMIT_DIR="$root" STATUS=0 bash "$root/jobs/train_nodes.slurm" other.yaml seed=3 >out 2>&1
expect "many nodes" 1 "$(tail -n 1 asked | grep -c 'train other.yaml seed=3')"
# GPUs: the same script, with the key that asks for them.
SLURM_SUBMIT_DIR="$root" STATUS=0 env -u DPL_HPC bash "$root/jobs/train_gpu.slurm" gpu.yaml seed=3 >out 2>&1
expect "GPUs" 1 "$(tail -n 1 asked | grep -c 'build/cuda/dpl_hpc train gpu.yaml seed=3 device=cuda')"
expect "no configuration for GPUs" 2 "$(SLURM_SUBMIT_DIR="$root" bash "$root/jobs/train_gpu.slurm" >out 2>&1 && echo 0 || echo $?)"
expect "jobs not found" 2 "$(SLURM_SUBMIT_DIR="$work" bash "$root/jobs/train_nodes.slurm" c.yaml >out 2>&1 && echo 0 || echo $?)"
# An array of trainings: each task its number, the last run none; only tasks 1 to N.
mkdir places
places() { bash "$root/jobs/scaling_places.slurm" places scaling c.yaml seed=4 >out 2>&1 && echo 0 || echo $?; }
export SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=5 SLURM_ARRAY_TASK_COUNT=5 SLURM_ARRAY_JOB_ID=88
expect "a stopped task" 3 "$(SLURM_ARRAY_TASK_ID=2 STATUS=3 places)"
expect "its words" 1 "$(tail -n 1 asked | grep -c 'scaling c.yaml seed=4 parallel.task=2 parallel.tasks=5 resume=places$')"
expect "the task requeued" "requeue 88_2" "$(tail -n 1 requeued)"
expect "the run that writes the tables" 0 "$(STATUS=0 places)"
expect "its words" 1 "$(tail -n 1 asked | grep -c 'scaling c.yaml seed=4 resume=places$')"
expect "gaps in the array" 2 "$(SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_MAX=9 STATUS=0 places)"
expect "no folder" 2 "$(bash "$root/jobs/scaling_places.slurm" nowhere scaling c.yaml >out 2>&1 && echo 0 || echo $?)"

# An experiment: one list, or a task's own of several with the settings of all.
experiment() { bash "$root/jobs/experiment.sbatch" "$@" >out 2>&1 && echo 0 || echo $?; }
expect "no list" 2 "$(experiment)"
expect "a stopped experiment" 3 "$(SLURM_ARRAY_TASK_ID=2 STATUS=3 experiment a.yaml output=o b.yaml)"
expect "its list" 1 "$(tail -n 1 asked | grep -c 'experiment b.yaml output=o$')"
expect "requeued" "requeue 88_2" "$(tail -n 1 requeued)"
expect "a task without a list" 2 "$(SLURM_ARRAY_TASK_ID=3 STATUS=0 experiment a.yaml b.yaml)"
expect "one list" 0 "$(STATUS=0 experiment a.yaml seed=2)"
expect "its words" 1 "$(tail -n 1 asked | grep -c 'experiment a.yaml seed=2$')"

# Scaling: powers of two up to the job's ranks, each started by srun.
export SLURM_SUBMIT_DIR="$work" SLURM_NTASKS=12
mkdir jobs
cat >jobs/scaling_series <<'END'
echo "$DPL_LAUNCH" "$@" >>series
END
bash "$root/jobs/scaling.slurm" results --days 30
expect "series" "srun --mpi=pmix --distribution=block:block,Pack --ntasks results --ranks 1 2 4 8  --days 30" "$(cat series)"
expect "no folder" 2 "$(bash "$root/jobs/scaling.slurm" >out 2>&1 && echo 0 || echo $?)"
