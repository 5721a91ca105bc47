// Optimizers and gradient clipping in a fixed order of operations, with a state that a checkpoint can hold bit for bit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/base/types.hpp"
#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// Scales `gradients` [tensor][element] so that their global Euclidean norm is at most `max_norm` (0: no limit).
/// Squares are added in double, tensors and elements ascending. Returns the norm before scaling.
double clip_gradients(std::vector<std::vector<double>>& gradients, double max_norm);

/// One array of numbers a weight tensor, kept in double whatever the weights' precision.
using WeightArrays = std::vector<std::vector<double>>;

/// What all optimizers share: weights updated in place, two moments of every element, a state.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update from gradients [tensor][element] in the order of the weights. The rate of tensor k is `learning_rate`
  /// times its rate share.
  void step(const WeightArrays& gradients, double learning_rate);

  /// Shares of the learning rate [tensor]; all 1 unless set. Not part of the state: they come from the configuration.
  void set_rate_shares(std::vector<double> shares);

  Count steps() const { return step_; }
  /// "<name>.step" [1], then two arrays of every weight in its shape ("adam.m.<weight>" and "adam.v.<weight>"); all
  /// double, copies.
  std::vector<NamedTensor> state() const;
  /// Error where names, order, shapes or type differ from state().
  void restore(const std::vector<NamedTensor>& state);

 protected:
  /// Shares storage with `weights` (contiguous float or double CPU tensors). @param name, first, second  of the state
  Optimizer(std::vector<NamedTensor> weights, std::string name, std::string first, std::string second);

  /// Called once for every tensor of a step; `steps` counts from 1.
  virtual void update(const std::vector<double>& gradient, double rate, Count steps, std::vector<double>& weight,
                      std::vector<double>& first, std::vector<double>& second) const = 0;

 private:
  std::vector<NamedTensor> weights_;
  std::string name_, first_name_, second_name_;
  std::vector<double> shares_;
  Count step_ = 0;
  WeightArrays first_, second_;
};

/// Kingma and Ba 2015, algorithm 1.
class Adam : public Optimizer {
 public:
  struct Settings {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double weight_decay = 0;  ///< AdamW
  };
  explicit Adam(std::vector<NamedTensor> weights) : Adam(std::move(weights), Settings{}) {}
  Adam(std::vector<NamedTensor> weights, Settings settings);

 protected:
  Adam(std::vector<NamedTensor> weights, Settings settings, std::string name);
  void update(const std::vector<double>& gradient, double rate, Count steps, std::vector<double>& weight,
              std::vector<double>& first, std::vector<double>& second) const override;

 private:
  Settings settings_;
};

/// Loshchilov and Hutter 2019, algorithm 2: Adam whose weights also shrink by rate x weight_decay in every update
/// (their schedule multiplier times a decay already scaled by the rate).
class AdamW final : public Adam {
 public:
  AdamW(std::vector<NamedTensor> weights, Settings settings);
};

/// Zeiler 2012, algorithm 1, its change times the learning rate (1 in the paper).
class Adadelta final : public Optimizer {
 public:
  struct Settings {
    double decay = 0.95, epsilon = 1e-6;
  };
  explicit Adadelta(std::vector<NamedTensor> weights) : Adadelta(std::move(weights), Settings{}) {}
  Adadelta(std::vector<NamedTensor> weights, Settings settings);

 protected:
  void update(const std::vector<double>& gradient, double rate, Count steps, std::vector<double>& weight,
              std::vector<double>& first, std::vector<double>& second) const override;

 private:
  Settings settings_;
};

/// adam, adamw, adadelta.
std::vector<std::string> optimizer_names();

/// experiment.optimizer over the weights of a network; weights named "dynamic.*" have the rate share
/// experiment.dynamic_rate. Throws Error for an unknown name, naming all.
std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& config, std::vector<NamedTensor> weights);

}  // namespace dpl
