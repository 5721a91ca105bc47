// Reads fields of a reference file with messages that name file and field.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/base/types.hpp"

namespace dpl {

/// The file's text as JSON. Throws Error: cannot be read, is not JSON.
nlohmann::json parse_reference_file(const std::string& path);

/// One object of the file; every access throws Error where the field is missing or misshapen.
class ReferenceReader {
 public:
  ReferenceReader(std::string path, const nlohmann::json& json, std::string place)
      : path_(std::move(path)), json_(json), place_(std::move(place)) {}

  ReferenceReader section(const std::string& name) const { return {path_, field(name), place_ + name + "."}; }
  bool has(const std::string& name) const { return json_.is_object() && json_.contains(name); }

  template <class T>
  T get(const std::string& name) const {
    try {
      return field(name).get<T>();
    } catch (const nlohmann::json::exception&) {
      fail("{}: field {}{} has the wrong type", path_, place_, name);
    }
  }
  template <class T>
  T get_or(const std::string& name, T otherwise) const {
    return has(name) ? get<T>(name) : otherwise;
  }
  std::vector<double> array(const std::string& name, std::size_t size) const {
    auto values = get<std::vector<double>>(name);
    if (values.size() != size)
      fail("{}: field {}{} has {} values, {} are needed", path_, place_, name, values.size(), size);
    return values;
  }
  // Indices of reaches; whole numbers only: a fraction or a number beyond 32 bits must not become another reach.
  std::vector<Index> indices(const std::string& name) const {
    std::vector<Index> values;
    for (double value : get<std::vector<double>>(name)) {
      if (value != std::floor(value) || std::abs(value) > std::numeric_limits<Index>::max())
        fail("{}: field {}{} holds {}, allowed: whole numbers", path_, place_, name, value);
      values.push_back(static_cast<Index>(value));
    }
    return values;
  }
  // Fails with the first value that is not in [low, high] (`open`: not low itself).
  const std::vector<double>& within(const std::vector<double>& values, const std::string& name, double low, bool open,
                                    double high = std::numeric_limits<double>::infinity()) const {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!(open ? values[i] > low : values[i] >= low) || !(values[i] <= high))
        fail("{}: field {}{} of reach {} is {}, allowed: {} {}{}", path_, place_, name, i, values[i],
             open ? "above" : "from", low, std::isinf(high) ? "" : fmt::format(" to {}", high));
    return values;
  }
  std::vector<std::vector<double>> table(const std::string& name, std::size_t columns) const {
    auto rows = get<std::vector<std::vector<double>>>(name);
    for (const auto& row : rows)
      if (row.size() != columns)
        fail("{}: a row of field {}{} has {} values, {} are needed", path_, place_, name, row.size(), columns);
    return rows;
  }

 private:
  const nlohmann::json& field(const std::string& name) const {
    if (!has(name)) fail("{}: field {}{} is missing", path_, place_, name);
    return json_.at(name);
  }
  std::string path_;
  const nlohmann::json& json_;
  std::string place_;
};

}  // namespace dpl
