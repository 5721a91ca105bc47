// Backward passes of blocks whose gradients go to the reducer as they are made.
#include "dpl/learning/weight_gradients.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <utility>

namespace dpl {
namespace {

std::vector<std::size_t> sizes_of(const std::vector<at::Tensor>& tensors) {
  std::vector<std::size_t> sizes;
  for (const auto& t : tensors) sizes.push_back(static_cast<std::size_t>(t.numel()));
  return sizes;
}

// Takes its hooks away again, whatever happens.
class Hooks {
 public:
  ~Hooks() {
    for (const auto& [tensor, hook] : hooks_) tensor.remove_hook(hook);
  }
  void add(const at::Tensor& tensor, std::function<void(const at::Tensor&)> call) {
    hooks_.emplace_back(tensor, tensor.register_hook([call = std::move(call)](const at::Tensor& g) { call(g); }));
  }

 private:
  std::vector<std::pair<at::Tensor, unsigned>> hooks_;
};

}  // namespace

WeightGradients::WeightGradients(const Communicator& comm, std::vector<at::Tensor> weights)
    : weights_(std::move(weights)), reducer_(comm, sizes_of(weights_)) {}

void WeightGradients::give(std::size_t weight, const at::Tensor& gradient) {
  const at::Tensor g = gradient.contiguous();
  const auto size = static_cast<std::size_t>(g.numel());
  if (g.scalar_type() == at::kFloat)
    reducer_.give<float>(weight, {g.const_data_ptr<float>(), size});
  else
    reducer_.give<double>(weight, {g.const_data_ptr<double>(), size});
}

void WeightGradients::add(const Block& block) {
  std::vector<std::uint8_t> sent(weights_.size(), 0);
  Hooks hooks;
  if (block.last)
    for (std::size_t w = 0; w < weights_.size(); ++w)
      hooks.add(weights_[w], [&, w](const at::Tensor& gradient) {
        if (std::exchange(sent[w], 1) != 0 || !gradient.defined()) return;
        give(w, gradient);
        reducer_.close(w);
      });
  const auto gradients = torch::autograd::grad(block.outputs, weights_, block.seeds, block.keep_graph,
                                               /*create_graph=*/false, /*allow_unused=*/true);
  for (std::size_t w = 0; w < weights_.size(); ++w)
    if (sent[w] == 0 && gradients[w].defined()) give(w, gradients[w]);
}

std::vector<std::vector<double>> sum_weight_gradients(const Communicator& comm, std::vector<at::Tensor> weights,
                                                      const char* phase,
                                                      const std::function<void(WeightGradients&)>& body) {
  WeightGradients gradients(comm, std::move(weights));
  const std::size_t count = gradients.weights_.size();
  agree(comm, phase, [&] {
    try {
      body(gradients);
      for (std::size_t w = 0; w < count; ++w) gradients.reducer_.close(w);
    } catch (...) {
      gradients.reducer_.give_up();  // the others are on their way, and wait for this rank's part
      throw;
    }
  });
  return gradients.reducer_.finish();
}

}  // namespace dpl
