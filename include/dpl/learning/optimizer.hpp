// Adam and gradient clipping in a fixed order of operations, with a state that a checkpoint can hold bit for bit.
#pragma once

#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// Scales `gradients` [tensor][element] so that their global Euclidean norm is at most `max_norm` (0: no limit).
/// Squares are added in double, tensors and elements ascending. Returns the norm before scaling.
double clip_gradients(std::vector<std::vector<double>>& gradients, double max_norm);

/// Kingma and Ba 2015, algorithm 1. Moments are kept in double whatever the weights' precision.
class Adam {
 public:
  struct Settings {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  };

  /// Shares storage with `weights` (contiguous float or double CPU tensors) and updates them in place.
  explicit Adam(std::vector<NamedTensor> weights) : Adam(std::move(weights), Settings{}) {}
  Adam(std::vector<NamedTensor> weights, Settings settings);

  /// One update from gradients [tensor][element] in the order of the weights.
  void step(const std::vector<std::vector<double>>& gradients, double learning_rate);

  Count steps() const { return step_; }
  /// "adam.step" [1], then "adam.m.<weight>" and "adam.v.<weight>" in the shapes of the weights; all double, copies.
  std::vector<NamedTensor> state() const;
  /// Error where names, order, shapes or type differ from state().
  void restore(const std::vector<NamedTensor>& state);

 private:
  std::vector<NamedTensor> weights_;
  Settings settings_;
  Count step_ = 0;
  std::vector<std::vector<double>> first_moment_, second_moment_;
};

}  // namespace dpl
