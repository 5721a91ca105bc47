// Where parameter networks compute: the one place that knows on which device their tensors lie.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dpl {

/// **Local:** from now on networks of this process compute on GPU `gpu`, on its default stream, which the loops of the
/// physics use too. Weights stay in the host's memory, where the optimizer, checkpoints and reductions have them: a
/// pass takes copies, whose gradients come back by themselves. `products`: single | tf32 | bf16 (network.products).
/// Throws Error where LibTorch has no CUDA here.
void place_networks_on_gpu(int gpu, const std::string& products);
/// Back to the host: tests.
void place_networks_on_host();
bool networks_on_gpu();
/// Whether this program's LibTorch can compute on GPUs.
bool libtorch_has_cuda();

/// **Local:** the tensor where networks compute; itself on the host. Differentiable.
at::Tensor placed(const at::Tensor& tensor);
/// **Local:** memory where networks compute.
at::Tensor empty_placed(const std::vector<std::int64_t>& sizes, at::ScalarType type);
/// **Local:** the tensor in the host's memory. Differentiable.
at::Tensor to_host(const at::Tensor& tensor);

}  // namespace dpl
