// Channel parameters of a run of runoff and routing together: learned by a network of their own, or given.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dpl/training/joint_problem.hpp"
#include "dpl/training/network_blocks.hpp"
#include "dpl/training/parameter_field.hpp"

namespace dpl {

/// Names of its weights begin with this.
inline constexpr const char* kChannelPrefix = "channel.";

class JointChannel {
 public:
  /// **Collective.** What is not learned comes from params.source (a parameters.nc) or params.defaults. The problem must
  /// outlive it.
  /// @param active  reaches that are routed
  JointChannel(const JointProblem& problem, const std::vector<Index>& active);

  bool learns() const { return network_ != nullptr; }
  /// Empty where nothing is learned; names begin with kChannelPrefix.
  const std::vector<NamedTensor>& weights() const { return weights_; }

  /// **Local:** [block reaches of this rank][kReachParameters] for the present weights.
  std::vector<double> theta(bool keep_graph);

  /// **Collective**, after theta with a graph: from derivatives by theta, same shape, to those by every weight tensor.
  std::vector<std::vector<double>> backward(std::span<const double> theta_adjoint);

 private:
  ParameterField field_;
  std::vector<double> given_;  // [block reaches][kReachParameters]
  std::unique_ptr<ParameterNetwork> network_;
  std::unique_ptr<NetworkBlocks> blocks_;
  std::vector<NamedTensor> weights_;
};

}  // namespace dpl
