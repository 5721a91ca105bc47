// A layer of long short-term memory over days as one LibTorch function with a hand-written adjoint.
//
//     i = sigmoid(u_i)   f = sigmoid(u_f)   g = tanh(u_g)   o = sigmoid(u_o)     u = a + V x_t + U h_{t-1}
//     c_t = f c_{t-1} + i g                 h_t = o tanh(c_t)                    h_{-1} = c_{-1} = 0
//
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000.) What a place adds every day, a, stands
// outside: constant inputs (attributes) are multiplied once, not every day.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace dpl {

/// Keeps the memory of tapes for the next update: fresh memory costs page faults of the order of the products.
class TapeMemory {
 public:
  TapeMemory();
  /// Aligned to 64 bytes, not cleared; comes back to this object when the last copy is gone.
  std::shared_ptr<void> take(std::size_t bytes);

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

struct LstmInputs {
  at::Tensor history;         ///< x [places][days][channels], no gradient
  at::Tensor place_gates;     ///< a [places][4 hidden], gates i, f, g, o
  at::Tensor history_weight;  ///< V [4 hidden][channels]
  at::Tensor state_weight;    ///< U [4 hidden][hidden]
  /// Days before have no gradient: the loss is differentiated as if h and c at their end were given numbers.
  std::int64_t gradient_from = 0;
  /// Products of factors rounded to bfloat16, added in single precision; float only, has_bf16_products()
  /// (lstm_kernels.hpp).
  bool bf16 = false;
};

struct LstmOutputs {
  at::Tensor every;  ///< h [days][places][hidden]
  at::Tensor last;   ///< h of the last day [places][hidden]
};

/// **Local.** In the precision of `state_weight` (float or double); the others must have it too. A row of the outputs
/// depends on its own inputs only, bit for bit. Errors: shapes or types that do not fit.
LstmOutputs apply_lstm(const LstmInputs& inputs, TapeMemory& memory);

}  // namespace dpl
