// The parameter network evaluated block by block, and its weight gradient added exactly over all blocks and ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "dpl/coupling/redistribution.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/learning/parameter_ranges.hpp"
#include "dpl/learning/weight_gradients.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Each block is evaluated by the same calls on the same shapes whichever rank holds it, so that weights become the same
/// bits on any number of ranks.
class NetworkBlocks {
 public:
  /// @param inputs   [block reaches of this rank][attributes], standardised
  /// @param used     [block reaches] reaches that are routed; a block without one is left out of the gradient
  NetworkBlocks(const Communicator& comm, const BlockDistribution& blocks, std::span<const double> inputs,
                std::int64_t input_count, const std::vector<std::uint8_t>& used, bool double_precision);

  /// **Local:** learned parameters [block reaches][parameters] of this rank, in double. Keeps the graphs for backward
  /// when asked.
  std::vector<double> evaluate(ParameterNetwork& network, const std::vector<LearnedParameter>& parameters,
                               bool keep_graph);

  /// **Collective**, after evaluate with keep_graph: gradient of the loss for each weight tensor, added exactly. The
  /// graphs are dropped unless `keep_graph`: then the next window of the same update may come.
  std::vector<std::vector<double>> backward(ParameterNetwork& network, std::span<const double> theta_gradient,
                                            bool keep_graph = false);

 private:
  const Communicator& comm_;
  std::vector<Index> block_rows_;            // reaches of each of my blocks
  std::vector<std::uint8_t> block_used_;
  std::vector<at::Tensor> block_inputs_;
  std::vector<at::Tensor> block_theta_;      // with graph, between evaluate and backward
  std::unique_ptr<WeightGradients> sum_;
};

}  // namespace dpl
