// The LSTM of lstm.hpp by LibTorch's own functions (cuDNN on a GPU).
#pragma once

#include "dpl/learning/lstm.hpp"

namespace dpl {

/// As LstmInputs, on any one device; what a place adds every day is made from attributes: a = A s + b.
struct LibraryLstmInputs {
  at::Tensor history;              ///< x [places][days][channels], no gradient
  at::Tensor attributes;           ///< s [places][attributes]
  at::Tensor attribute_weight;     ///< A [4 hidden][attributes]
  at::Tensor bias;                 ///< b [4 hidden]
  at::Tensor history_weight;       ///< V [4 hidden][channels]
  at::Tensor state_weight;         ///< U [4 hidden][hidden]
  std::int64_t gradient_from = 0;  ///< as in LstmInputs
  bool bf16 = false;               ///< all numbers of the LSTM in bfloat16, as LibTorch's autocast has them
};

/// **Local.** The same function as apply_lstm to rounding; its own order of adding, and bits of its own.
LstmOutputs apply_library_lstm(const LibraryLstmInputs& inputs);

}  // namespace dpl
