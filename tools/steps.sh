# Sourced by the scripts of tools/ and .ci/: where the repository is, steps that say what they do, one clear line on failure.
# shellcheck shell=bash
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
logs="$root/build/log"

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
stop() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# step NAME "WHAT IT DOES" COMMAND...: output goes to build/log/NAME.log; a failure shows its end and stops.
step() {
  local name="$1" what="$2" begin=$SECONDS
  shift 2
  say "$what"
  mkdir -p "$logs" 2>/dev/null || stop "$logs cannot be made; the repository's build folder must be writable"
  if ! "$@" >"$logs/$name.log" 2>&1 </dev/null; then
    tail -n 20 "$logs/$name.log" | sed 's/^/    /' >&2
    stop "this step failed: $what; its whole output is in $logs/$name.log"
  fi
  if ((SECONDS - begin > 2)); then printf '    done in %d s\n' $((SECONDS - begin)); fi
}

# The folder of the real data, absolute: DPL_DATA, else data/, else ../shared/data; empty where there is none.
export_data_folder() {
  local folder
  if [[ -n "${DPL_DATA:-}" ]]; then
    folder="$(cd "$DPL_DATA" 2>/dev/null && pwd)" || stop "DPL_DATA is $DPL_DATA, which is no folder; correct or unset it"
    export DPL_DATA="$folder"
    return
  fi
  for folder in "$root/data" "$root/../shared/data"; do
    if [[ -d "$folder" ]]; then
      DPL_DATA="$(cd "$folder" && pwd)"
      export DPL_DATA
      return
    fi
  done
}

# Open MPI: root may start it (containers), more ranks than cores, no binding, no system call that containers refuse.
export_mpi_environment() {
  if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
  export OMPI_MCA_btl_vader_single_copy_mechanism="${OMPI_MCA_btl_vader_single_copy_mechanism:-none}"
  export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
  export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"
  export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
}

configure() { step "configure_$1" "configuring build/$1 (cmake --preset $1)" cmake -S "$root" --preset "$1"; }

# build PRESET TARGET...: shows the build's progress; the compiler's words are in build/log/build_PRESET.log.
build() {
  local preset="$1" begin=$SECONDS log="$logs/build_$1.log"
  shift
  say "building build/$preset: $*"
  if ! NINJA_STATUS='    [%f/%t, %e s] ' cmake --build "$root/build/$preset" --target "$@" 2>&1 </dev/null | tee "$log" |
    sed -un '/^    \[/p'; then
    tail -n 40 "$log" | sed 's/^/    /' >&2
    stop "the build of build/$preset failed; its whole output is in $log"
  fi
  printf '    done in %d s\n' $((SECONDS - begin))
}
