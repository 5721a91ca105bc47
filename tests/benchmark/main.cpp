// dpl_bench: all benchmarks on one core. `--benchmark_filter=`, `--benchmark_format=json` and so on are Google Benchmark's.
#include <benchmark/benchmark.h>

#include <spdlog/spdlog.h>
#include <torch/utils.h>

#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/parallel/communicator.hpp"

int main(int argc, char** argv) {
  dpl::MpiSession mpi(&argc, &argv);
  const dpl::Communicator comm;
  dpl::PetscSession petsc(comm);
  torch::set_num_threads(1);
  spdlog::set_level(spdlog::level::warn);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
