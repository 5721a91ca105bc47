// Chooses the LSTM's loops: the instruction set that the routing sweeps have chosen.
#include <string_view>

#include "dpl/base/error.hpp"
#include "dpl/learning/lstm_kernels.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

#define DPL_DECLARE(isa)                                \
  namespace isa {                                       \
  const LstmKernels<LstmSingle>& lstm_single_kernels(); \
  const LstmKernels<LstmDouble>& lstm_double_kernels(); \
  }
DPL_DECLARE(generic)
#ifdef DPL_HAVE_ISA_VARIANTS
DPL_DECLARE(v3)
DPL_DECLARE(v4)
namespace v4 {
const LstmKernels<LstmBf16>& lstm_bf16_kernels();
}
#endif
#undef DPL_DECLARE

namespace {

[[maybe_unused]] std::string_view chosen_set() { return sweep_kernels<float>(Device::cpu).instruction_set; }

}  // namespace

template <>
const LstmKernels<LstmSingle>& lstm_kernels() {
#ifdef DPL_HAVE_ISA_VARIANTS
  if (chosen_set() == "v4") return v4::lstm_single_kernels();
  if (chosen_set() == "v3") return v3::lstm_single_kernels();
#endif
  return generic::lstm_single_kernels();
}

template <>
const LstmKernels<LstmDouble>& lstm_kernels() {
#ifdef DPL_HAVE_ISA_VARIANTS
  if (chosen_set() == "v4") return v4::lstm_double_kernels();
  if (chosen_set() == "v3") return v3::lstm_double_kernels();
#endif
  return generic::lstm_double_kernels();
}

bool has_bf16_products() {
#ifdef DPL_HAVE_ISA_VARIANTS
  return chosen_set() == "v4" && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

template <>
const LstmKernels<LstmBf16>& lstm_kernels() {
#ifdef DPL_HAVE_ISA_VARIANTS
  if (has_bf16_products()) return v4::lstm_bf16_kernels();
#endif
  fail(
      "network.products: bf16 needs a processor with AVX-512 BF16, which this one (or the instruction set chosen by "
      "DPL_ISA) has not; use single");
}

}  // namespace dpl
