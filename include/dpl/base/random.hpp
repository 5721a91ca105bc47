// Counter-based random numbers: a draw depends on its key alone, never on ranks, threads or restarts.
#pragma once

#include <array>
#include <cstdint>

namespace dpl {

/// What a draw is for. The numbers are part of the reproducibility contract: append, never renumber.
enum class Purpose : std::uint32_t {
  window_start = 1,
  gauge_choice = 2,
  network_weights = 3,
  synth_network = 4,
  synth_attributes = 5,
  synth_inflow = 6,
  synth_noise = 7,
  test = 8,
  network_dropout = 20,
  dynamic_replacement = 21,
  component_start = 22,
  basin_choice = 30,
  basin_window = 31,
  synth_places = 32,
  out_of_sample = 33,
  basin_subset = 34,
  basin_fold = 35,
  complex_evolution = 40,
  calibration_start = 49,
  surrogate_archive = 60,
  surrogate_near = 61,
  surrogate_windows = 62,
  surrogate_weights = 63,
  surrogate_holdout = 64,
};

/// The key of a draw. `item` is an id (reach id, gauge hash, tensor number), not a position in a file.
struct RandomKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  std::uint64_t update = 0;
  std::uint64_t item = 0;
};

/// The generator itself: 128 random bits of a counter and a key (Salmon et al. 2011, section 3.2).
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// 64 random bits of draw number `draw` of a key. Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers:
/// as easy as 1, 2, 3").
std::uint64_t random_bits(const RandomKey& key, std::uint32_t draw = 0);

/// Uniform in [0, 1), 53 bits.
double random_uniform(const RandomKey& key, std::uint32_t draw = 0);

/// Standard normal (Box-Muller; uses draws 2 draw and 2 draw + 1 of the key).
double random_normal(const RandomKey& key, std::uint32_t draw = 0);

/// Uniform integer in [0, count), count >= 1.
std::uint64_t random_index(const RandomKey& key, std::uint64_t count, std::uint32_t draw = 0);

}  // namespace dpl
