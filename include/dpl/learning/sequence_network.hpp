// Parameter networks of runoff: static parameters from attributes, dynamic ones from the history of the forcing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// What a network reads of a block of places. Tensors of any floating type; standardised (input_statistics.hpp).
struct SequenceInputs {
  at::Tensor attributes;  ///< [places][attributes]
  /// [places][days][channels]: forcing, and where wanted the past observed flow (0 where missing) with its mask (1, 0)
  /// as further channels. Undefined where the network reads attributes only.
  at::Tensor history;
  std::vector<std::uint64_t> place_keys;  ///< [places] key of a place's random draws: its id's hash, never a position
};

/// Raw outputs with autograd graph, before parameter_ranges.hpp.
struct SequenceOutputs {
  at::Tensor fixed;    ///< [places][static outputs], on the host
  at::Tensor dynamic;  ///< [places][days][dynamic outputs], whole values, not offsets; where the network computes
                       ///< (network_place.hpp); undefined where there are none
};

/// A static output that also has one value a day. Draws of a parameter are shared by its components.
struct DynamicOutput {
  std::int64_t output = 0;     ///< column of `fixed`
  std::int64_t parameter = 0;  ///< number of its parameter
};

/// How a forward pass is made.
struct SequencePass {
  bool training = false;           ///< dropout and random replacement act
  std::uint64_t update = 0;        ///< number of the draws: update x windows an update + window
  std::int64_t gradient_from = 0;  ///< days before are computed without gradient, and the LSTM's is cut there
};

/// What a network is made for.
struct SequencePlan {
  NetworkConfig config;
  std::int64_t attributes = 0;
  std::int64_t channels = 0;          ///< of the history
  std::vector<double> start_outputs;  ///< [static outputs] bias of the last layer (component_start_outputs)
  std::vector<DynamicOutput> dynamic;
  std::string precision = "single";  ///< single | double
  std::uint64_t seed = 0;
  std::vector<std::string> output_names = {};  ///< transfer: [static outputs] parameter's name, once a component
};

/// A place's outputs depend on its own inputs and keys only; the bits on the number of places beside it too, so that a
/// block must be evaluated with the same places wherever it is.
class SequenceNetwork {
 public:
  virtual ~SequenceNetwork() = default;
  /// **Local.** Throws Error where shapes differ from the plan's.
  virtual SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass& pass) = 0;
  /// Leaves that require grad, in a fixed order; "static.<name>" or "dynamic.<name>" (optimizer groups).
  virtual const std::vector<NamedTensor>& weights() const = 0;
  /// Whether `history` is read.
  virtual bool reads_history() const = 0;
};

/// mlp, kan, transfer, lstm, two_headed.
std::vector<std::string> sequence_network_kinds();

/// mlp, kan and transfer read attributes and have no dynamic outputs. lstm: attributes and history through one LSTM; static
/// outputs from its last day, dynamic ones from every day. two_headed: an mlp gives the static outputs, an LSTM
/// (attributes and history) offsets that are added to them before the sigmoid; its last layer starts at zero.
/// Throws Error for an unknown kind, impossible sizes, dynamic outputs of a kind that has none, bf16 products in double
/// precision or on a processor without them.
std::unique_ptr<SequenceNetwork> make_sequence_network(const SequencePlan& plan);

/// Start of a last layer with components: outputs [parameter][component] = start of the parameter + spread N(0,1), a
/// draw a (parameter, component), so that components differ.
std::vector<double> component_start_outputs(const std::vector<double>& parameter_starts, std::int64_t components,
                                            double spread, std::uint64_t seed);

}  // namespace dpl
