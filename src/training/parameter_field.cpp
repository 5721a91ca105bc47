// Columns of the parameter array.
#include "dpl/training/parameter_field.hpp"

#include "dpl/base/error.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {
namespace {

int column_of(const std::string& name) {
  if (name == "n") return 0;
  if (name == "p") return 1;
  if (name == "q") return 2;
  fail("config: network.learnable_parameters has {}; the routing schemes have n, p and q", name);
}

}  // namespace

ParameterField::ParameterField(const Problem& problem, std::vector<LearnedParameter> learned)
    : reaches_(problem.blocks.end_reach() - problem.blocks.first_reach()), learned_(std::move(learned)) {
  const auto& config = problem.config;
  const bool muskingum = config.routing.scheme == "muskingum";
  if (!has_channel_parameters(config) && !learned_.empty())
    fail("config: routing.scheme {} has {}, nothing to learn; use verb route, or another scheme", config.routing.scheme,
         muskingum ? "fixed K and X" : "no parameters");
  for (const auto& p : learned_) column_.push_back(column_of(p.name));
  const auto& start = config.params.defaults;
  for (Index row = 0; row < reaches_; ++row) {
    if (muskingum) {
      constants_.push_back(problem.network.has_muskingum_k ? problem.network.muskingum_k_s[row] : config.params.k_s);
      constants_.push_back(problem.network.has_muskingum_x ? problem.network.muskingum_x[row] : config.params.x);
      constants_.push_back(0);
    } else {
      for (const char* name : {"n", "p", "q"}) constants_.push_back(start.at(name));
    }
  }
}

std::vector<double> ParameterField::complete(std::span<const double> learned_values) const {
  auto theta = constants_;
  const std::size_t k = learned_.size();
  for (Index r = 0; r < reaches_; ++r)
    for (std::size_t j = 0; j < k; ++j) theta[r * kReachParameters + column_[j]] = learned_values[r * k + j];
  return theta;
}

std::vector<double> ParameterField::learned_columns(std::span<const double> theta) const {
  const std::size_t k = learned_.size();
  std::vector<double> values(reaches_ * k);
  for (Index r = 0; r < reaches_; ++r)
    for (std::size_t j = 0; j < k; ++j) values[r * k + j] = theta[r * kReachParameters + column_[j]];
  return values;
}

std::vector<double> ParameterField::uniform(std::span<const double> values) const {
  auto theta = constants_;
  for (Index r = 0; r < reaches_; ++r)
    for (std::size_t j = 0; j < learned_.size(); ++j) theta[r * kReachParameters + column_[j]] = values[j];
  return theta;
}

}  // namespace dpl
