// Chooses the instruction set of the loops when the program starts.
#include <cstdlib>
#include <string>

#include "dpl/base/error.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

#define DPL_DECLARE(isa)                         \
  namespace isa {                                \
  const SweepKernels<float>& single_kernels();   \
  const SweepKernels<double>& double_kernels();  \
  }
DPL_DECLARE(generic)
#ifdef DPL_HAVE_ISA_VARIANTS
DPL_DECLARE(v3)
DPL_DECLARE(v4)
#endif
#undef DPL_DECLARE

namespace {

template <class Real>
struct Choice;
template <>
struct Choice<float> {
  template <class F, class D>
  static const SweepKernels<float>& of(F single, D) {
    return single();
  }
};
template <>
struct Choice<double> {
  template <class F, class D>
  static const SweepKernels<double>& of(F, D both) {
    return both();
  }
};

// 0 generic, 3 = AVX2 and FMA, 4 = AVX-512.
int instruction_set_level() {
#ifdef DPL_HAVE_ISA_VARIANTS
  int level = 0;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level = 3;
  if (level == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    level = 4;
  if (const char* wanted = std::getenv("DPL_ISA")) {
    const std::string name = wanted;
    if (name == "generic") return 0;
    if (name == "v3" && level >= 3) return 3;
    if (name != "v4" || level < 4) fail("environment: DPL_ISA={} is not one this processor runs; allowed: generic{}{}", name,
                                        level >= 3 ? ", v3" : "", level >= 4 ? ", v4" : "");
  }
  return level;
#else
  return 0;
#endif
}

}  // namespace

template <class Real>
const SweepKernels<Real>& sweep_kernels(Device device) {
  if (device != Device::cpu) fail("routing: the sweeps of a GPU are no instruction set's (device_sweeps.hpp)");
  const int level = instruction_set_level();
#ifdef DPL_HAVE_ISA_VARIANTS
  if (level == 4) return Choice<Real>::of(v4::single_kernels, v4::double_kernels);
  if (level == 3) return Choice<Real>::of(v3::single_kernels, v3::double_kernels);
#endif
  (void)level;
  return Choice<Real>::of(generic::single_kernels, generic::double_kernels);
}

template const SweepKernels<float>& sweep_kernels(Device);
template const SweepKernels<double>& sweep_kernels(Device);

}  // namespace dpl
