// Backward passes of blocks whose gradients go to the reducer as they are made.
#include "dpl/learning/weight_gradients.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>

namespace dpl {

WeightGradients::WeightGradients(const Communicator& comm, std::vector<at::Tensor> weights)
    : comm_(comm), weights_(std::move(weights)), given_(weights_.size(), 0) {
  for (std::size_t w = 0; w < weights_.size(); ++w)
    hooks_.push_back(weights_[w].register_hook([this, w](const at::Tensor& gradient) { arrived(w, gradient); }));
}

WeightGradients::~WeightGradients() {
  for (std::size_t w = 0; w < weights_.size(); ++w) weights_[w].remove_hook(hooks_[w]);
}

bool WeightGradients::is_of(const std::vector<at::Tensor>& weights) const {
  return std::equal(weights.begin(), weights.end(), weights_.begin(), weights_.end(),
                    [](const at::Tensor& a, const at::Tensor& b) { return a.is_same(b); });
}

void WeightGradients::give(std::size_t weight, const at::Tensor& gradient) {
  const at::Tensor g = gradient.contiguous();
  const auto size = static_cast<std::size_t>(g.numel());
  if (g.scalar_type() == at::kFloat)
    reducer_->give<float>(weight, {g.const_data_ptr<float>(), size});
  else
    reducer_->give<double>(weight, {g.const_data_ptr<double>(), size});
}

// LibTorch calls this in a backward pass, when all that adds to the weight's gradient has been added.
void WeightGradients::arrived(std::size_t weight, const at::Tensor& gradient) {
  if (!last_ || !gradient.defined()) return;
  give(weight, gradient);
  given_[weight] = 1;
  reducer_->close(weight);
}

void WeightGradients::add(const Block& block) {
  std::fill(given_.begin(), given_.end(), 0);
  last_ = block.last;
  const auto gradients = torch::autograd::grad(block.outputs, weights_, block.seeds, block.keep_graph,
                                               /*create_graph=*/false, /*allow_unused=*/true);
  last_ = false;
  for (std::size_t w = 0; w < weights_.size(); ++w)
    if (given_[w] == 0 && gradients[w].defined()) give(w, gradients[w]);
}

std::vector<std::vector<double>> WeightGradients::sum(const char* phase, const std::function<void()>& body) {
  std::vector<std::size_t> sizes;
  for (const auto& w : weights_) sizes.push_back(static_cast<std::size_t>(w.numel()));
  reducer_ = std::make_unique<GradientReducer>(comm_, sizes);
  agree(comm_, phase, [&] {
    try {
      body();
      for (std::size_t w = 0; w < weights_.size(); ++w) reducer_->close(w);
    } catch (...) {
      last_ = false;
      reducer_->give_up();  // the others are on their way, and wait for this rank's part
      throw;
    }
  });
  return reducer_->finish();
}

}  // namespace dpl
