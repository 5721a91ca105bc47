// Gradients of a network's weights over the blocks of all ranks, added exactly while the backward pass runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dpl/parallel/gradient_reducer.hpp"

namespace dpl {

class WeightGradients {
 public:
  /// @param weights leaves that require grad, float or double, on the host; the same on all ranks
  WeightGradients(const Communicator& comm, std::vector<at::Tensor> weights);
  ~WeightGradients();
  WeightGradients(const WeightGradients&) = delete;

  /// Whether these are its weights.
  bool is_of(const std::vector<at::Tensor>& weights) const;

  /// **Collective:** the sums [weight][element] over all blocks and ranks. `body` adds this rank's blocks and holds no other
  /// collective; when it throws on any rank, all throw as `agree` says it.
  std::vector<std::vector<double>> sum(const char* phase, const std::function<void()>& body);

  /// What a block's backward pass is asked for.
  struct Block {
    std::vector<at::Tensor> outputs, seeds;
    bool last = false;  ///< of this rank: each weight's gradient sets out as soon as it is there
    bool keep_graph = false;
  };
  /// Within the body of sum(): backward pass of a block.
  void add(const Block& block);

 private:
  void give(std::size_t weight, const at::Tensor& gradient);
  void arrived(std::size_t weight, const at::Tensor& gradient);

  Communicator comm_;
  std::vector<at::Tensor> weights_;
  std::vector<unsigned> hooks_;      // of the weights; kept, because removed ones leave a gap in LibTorch's list
  std::vector<std::uint8_t> given_;  // in the last block
  bool last_ = false;                // its backward pass runs
  std::unique_ptr<GradientReducer> reducer_;
};

}  // namespace dpl
