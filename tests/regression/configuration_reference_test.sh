#!/bin/bash
# docs/configuration.md is what the program prints.
# Usage: configuration_reference_test.sh PROGRAM
set -eu
program=${1:?usage: $0 PROGRAM}
root=$(cd "$(dirname "$0")/../.." && pwd)

if ! "$program" config-reference | diff "$root/docs/configuration.md" - >&2; then
  echo "docs/configuration.md is out of date: $program config-reference > docs/configuration.md" >&2
  exit 1
fi
