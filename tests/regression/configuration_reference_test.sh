#!/bin/bash
# docs/configuration.md is what the program prints.
# DPL_HPC names the program.
set -eu
program=${DPL_HPC:?set it to the path of dpl_hpc}
root=$(cd "$(dirname "$0")/../.." && pwd)

if ! "$program" config-reference | diff "$root/docs/configuration.md" - >&2; then
  echo "docs/configuration.md is out of date; write it with: dpl_hpc config-reference > docs/configuration.md" >&2
  exit 1
fi
