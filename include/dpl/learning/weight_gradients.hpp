// Gradients of a network's weights over the blocks of all ranks, added exactly while the backward pass runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "dpl/parallel/gradient_reducer.hpp"

namespace dpl {

class WeightGradients {
 public:
  WeightGradients(const Communicator& comm, std::vector<at::Tensor> weights);

  /// What a block's backward pass is asked for.
  struct Block {
    std::vector<at::Tensor> outputs, seeds;
    bool last = false;  ///< of this rank: each weight's gradient sets out as soon as it is there
    bool keep_graph = false;
  };
  /// Backward pass of a block. Float or double weights, on the host.
  void add(const Block& block);

 private:
  friend std::vector<std::vector<double>> sum_weight_gradients(const Communicator&, std::vector<at::Tensor>,
                                                               const char*,
                                                               const std::function<void(WeightGradients&)>&);
  void give(std::size_t weight, const at::Tensor& gradient);
  std::vector<at::Tensor> weights_;
  GradientReducer reducer_;
};

/// **Collective:** the sums over all blocks and ranks for each of `weights`, which are host tensors. `body` adds this
/// rank's blocks and holds no other collective; when it throws on any rank, all throw as `agree` says it.
std::vector<std::vector<double>> sum_weight_gradients(const Communicator& comm, std::vector<at::Tensor> weights,
                                                      const char* phase,
                                                      const std::function<void(WeightGradients&)>& body);

}  // namespace dpl
