// Forward and backward of the parameter network over this rank's blocks.
#include "dpl/training/network_blocks.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <algorithm>


namespace dpl {
namespace {

// A tensor that owns aligned storage: library kernels may choose their code path by alignment.
at::Tensor owned(std::span<const double> values, std::int64_t rows, std::int64_t columns, at::ScalarType type) {
  auto view = torch::from_blob(const_cast<double*>(values.data()), {rows, columns}, torch::kFloat64);
  return view.to(type, /*non_blocking=*/false, /*copy=*/true).contiguous();
}

}  // namespace

NetworkBlocks::NetworkBlocks(const Communicator& comm, const BlockDistribution& blocks, std::span<const double> inputs,
                             std::int64_t input_count, const std::vector<std::uint8_t>& used, bool double_precision)
    : comm_(comm) {
  const auto type = double_precision ? torch::kFloat64 : torch::kFloat32;
  Index row = 0;
  for (Index b = blocks.first_block(); b < blocks.end_block(); ++b) {
    const Index count = std::min(blocks.block_size, blocks.reaches - b * blocks.block_size);
    block_rows_.push_back(count);
    block_used_.push_back(std::any_of(used.begin() + row, used.begin() + row + count, [](auto u) { return u != 0; }));
    block_inputs_.push_back(owned(inputs.subspan(row * input_count, count * input_count), count, input_count, type));
    row += count;
  }
}

std::vector<double> NetworkBlocks::evaluate(ParameterNetwork& network, const std::vector<LearnedParameter>& parameters,
                                            bool keep_graph) {
  std::vector<double> theta;
  block_theta_.clear();
  for (std::size_t b = 0; b < block_inputs_.size(); ++b) {
    const bool graph = keep_graph && block_used_[b];
    at::AutoGradMode mode(graph);
    auto block = apply_ranges(network.forward(block_inputs_[b]), parameters);
    const auto values = block.detach().to(torch::kFloat64).contiguous();
    theta.insert(theta.end(), values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel());
    block_theta_.push_back(graph ? block : at::Tensor());
  }
  return theta;
}

std::vector<std::vector<double>> NetworkBlocks::backward(ParameterNetwork& network,
                                                         std::span<const double> theta_gradient, bool keep_graph) {
  std::vector<at::Tensor> weights;
  for (const auto& w : network.weights()) weights.push_back(w.tensor);
  std::size_t end = block_theta_.size();  // of the used blocks
  while (end > 0 && !block_theta_[end - 1].defined()) --end;
  if (!sum_ || !sum_->is_of(weights)) sum_ = std::make_unique<WeightGradients>(comm_, weights);
  return sum_->sum("gradient of the parameter network", [&] {
    Count offset = 0;
    for (std::size_t b = 0; b < block_theta_.size(); ++b) {
      if (!block_theta_[b].defined()) {
        offset += block_rows_[b];
        continue;
      }
      const auto width = block_theta_[b].size(1);
      const auto seed = owned(theta_gradient.subspan(offset * width, block_rows_[b] * width), block_rows_[b], width,
                              block_theta_[b].scalar_type());
      sum_->add({{block_theta_[b]}, {seed}, b + 1 == end, keep_graph});
      offset += block_rows_[b];
    }
    if (!keep_graph) block_theta_.clear();
  });
}

}  // namespace dpl
