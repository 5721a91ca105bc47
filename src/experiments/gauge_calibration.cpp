#include "dpl/base/error.hpp"
#include "dpl/experiments/calibrate.hpp"
namespace dpl {
int run_gauge_calibrate(const VerbContext& context) { fail("{}", context.config_path); }
}
