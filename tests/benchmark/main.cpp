// dpl_bench: all benchmarks. `--benchmark_filter=`, `--benchmark_format=json` and so on are Google Benchmark's.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
