// The runoff model's loops for the instruction set that the routing's loops use.
#include <string>

#include "dpl/physics/runoff_kernels.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

#define DPL_DECLARE(isa)                                \
  namespace isa {                                       \
  const RunoffKernels<float>& single_runoff_kernels();  \
  const RunoffKernels<double>& double_runoff_kernels(); \
  }
DPL_DECLARE(generic)
#ifdef DPL_HAVE_ISA_VARIANTS
DPL_DECLARE(v3)
DPL_DECLARE(v4)
#endif
#undef DPL_DECLARE

template <>
const RunoffKernels<float>& runoff_kernels<float>() {
#ifdef DPL_HAVE_ISA_VARIANTS
  const std::string set = sweep_kernels<float>(Device::cpu).instruction_set;
  if (set == "v4") return v4::single_runoff_kernels();
  if (set == "v3") return v3::single_runoff_kernels();
#endif
  return generic::single_runoff_kernels();
}

template <>
const RunoffKernels<double>& runoff_kernels<double>() {
#ifdef DPL_HAVE_ISA_VARIANTS
  const std::string set = sweep_kernels<double>(Device::cpu).instruction_set;
  if (set == "v4") return v4::double_runoff_kernels();
  if (set == "v3") return v3::double_runoff_kernels();
#endif
  return generic::double_runoff_kernels();
}

}  // namespace dpl
