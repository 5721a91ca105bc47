// The one table of routing schemes.
#include <array>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {
namespace {

constexpr std::array<std::pair<const char*, Scheme>, 6> kSchemes{{{"conservative", Scheme::conservative},
                                                                   {"published", Scheme::published},
                                                                   {"exact_celerity", Scheme::exact_celerity},
                                                                   {"corrected", Scheme::corrected},
                                                                   {"positive", Scheme::positive},
                                                                   {"muskingum", Scheme::muskingum}}};

}  // namespace

Scheme scheme_from_name(const std::string& name) {
  std::string all;
  for (const auto& [known, scheme] : kSchemes) {
    if (name == known) return scheme;
    all += (all.empty() ? "" : ", ") + std::string(known);
  }
  fail("routing scheme \"{}\" is not known; allowed: {}", name, all);
}

const char* scheme_name(Scheme scheme) {
  for (const auto& [name, known] : kSchemes)
    if (known == scheme) return name;
  return "";
}

std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const auto& [name, scheme] : kSchemes) names.emplace_back(name);
  return names;
}

}  // namespace dpl
