// Chooses the LSTM's loops: the instruction set that the routing sweeps have chosen.
#include <string_view>

#include "dpl/base/error.hpp"
#include "dpl/learning/lstm_kernels.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

#define DPL_DECLARE(isa)                             \
  namespace isa {                                    \
  const LstmKernels<float>& lstm_single_kernels();   \
  const LstmKernels<double>& lstm_double_kernels();  \
  }
DPL_DECLARE(generic)
#ifdef DPL_HAVE_ISA_VARIANTS
DPL_DECLARE(v3)
DPL_DECLARE(v4)
#endif
#undef DPL_DECLARE

namespace {

std::string_view chosen_set() { return sweep_kernels<float>(Device::cpu).instruction_set; }

}  // namespace

template <>
const LstmKernels<float>& lstm_kernels() {
#ifdef DPL_HAVE_ISA_VARIANTS
  if (chosen_set() == "v4") return v4::lstm_single_kernels();
  if (chosen_set() == "v3") return v3::lstm_single_kernels();
#endif
  return generic::lstm_single_kernels();
}

template <>
const LstmKernels<double>& lstm_kernels() {
#ifdef DPL_HAVE_ISA_VARIANTS
  if (chosen_set() == "v4") return v4::lstm_double_kernels();
  if (chosen_set() == "v3") return v3::lstm_double_kernels();
#endif
  return generic::lstm_double_kernels();
}

}  // namespace dpl
